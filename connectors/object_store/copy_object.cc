#include <algorithm>
#include <string>

#include "connectors/object_store/object_store.h"
#include "schemas/types/status_macros.h"

namespace forebay {

absl::Status CopyObject(const ObjectStore& from, std::string_view from_path, ObjectStore* to,
                        std::string_view to_path) {
  constexpr int64_t kPiece = 4 << 20;
  ASSIGN_OR_RETURN(std::unique_ptr<ObjectReader> reader, from.Open(from_path));
  ASSIGN_OR_RETURN(std::unique_ptr<ObjectWriter> writer, to->Create(to_path));
  std::string piece;
  for (int64_t at = 0; at < reader->size(); at += static_cast<int64_t>(piece.size())) {
    piece.resize(static_cast<size_t>(std::min(kPiece, reader->size() - at)));
    ASSIGN_OR_RETURN(const int64_t read,
                     reader->ReadAt(at, static_cast<int64_t>(piece.size()), piece.data()));
    if (read != static_cast<int64_t>(piece.size()))
      return absl::DataLossError(from.Describe(from_path) + " became shorter while it was copied");
    RETURN_IF_ERROR(writer->Append(piece));
  }
  return writer->Finish();
}

}  // namespace forebay
