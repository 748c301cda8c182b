#include "catalog/artifact_store.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connectors/object_store/sha256.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr size_t kPiece = 1 << 20;

std::string ArtifactPath(const std::string& sha256) { return "models/artifacts/" + sha256; }

// Calls `take` with each piece of the file; its hash and size.
absl::StatusOr<v1::Artifact> ReadPieces(const std::filesystem::path& file,
                                        const std::function<absl::Status(std::string_view)>& take) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    return absl::NotFoundError(
        fmt::format("artifact {} cannot be read: {}", file.string(), std::strerror(errno)));
  }
  v1::Artifact read;
  Sha256 hash;
  std::vector<char> piece(kPiece);
  while (in) {
    in.read(piece.data(), std::ssize(piece));
    const std::string_view bytes(piece.data(), static_cast<size_t>(in.gcount()));
    if (in.bad()) {
      return absl::FailedPreconditionError(
          fmt::format("artifact {} cannot be read after {} bytes", file.string(), read.bytes()));
    }
    hash.Add(bytes);
    read.set_bytes(read.bytes() + std::ssize(bytes));
    RETURN_IF_ERROR(take(bytes));
  }
  read.set_sha256(hash.Finish());
  return read;
}

}  // namespace

absl::StatusOr<v1::Artifact> UploadArtifact(const std::filesystem::path& file,
                                            ObjectStore* warehouse) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    return absl::NotFoundError(fmt::format("artifact {}: there is no such file", file.string()));
  auto nothing = [](std::string_view) { return absl::OkStatus(); };
  ASSIGN_OR_RETURN(v1::Artifact artifact, ReadPieces(file, nothing));
  const std::string path = ArtifactPath(artifact.sha256());
  artifact.set_uri(warehouse->Describe(path));
  absl::StatusOr<std::unique_ptr<ObjectReader>> there = warehouse->Open(path);
  if (there.ok() && (*there)->size() == artifact.bytes()) return artifact;
  if (!there.ok() && !absl::IsNotFound(there.status())) return there.status();
  ASSIGN_OR_RETURN(std::unique_ptr<ObjectWriter> writer, warehouse->Create(path));
  ASSIGN_OR_RETURN(const v1::Artifact sent,
                   ReadPieces(file, [&](std::string_view bytes) { return writer->Append(bytes); }));
  if (sent.sha256() != artifact.sha256()) {
    return absl::FailedPreconditionError(
        fmt::format("artifact {} changed while it was uploaded: repeat", file.string()));
  }
  RETURN_IF_ERROR(writer->Finish());
  return artifact;
}

}  // namespace forebay
