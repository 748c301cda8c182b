#include "connectors/object_store/testing/memory_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

class BytesReader final : public ObjectReader {
 public:
  explicit BytesReader(std::string bytes) : bytes_(std::move(bytes)) {}
  int64_t size() const override { return std::ssize(bytes_); }
  absl::StatusOr<int64_t> ReadAt(int64_t offset, int64_t length, void* out) const override {
    const int64_t read = std::clamp<int64_t>(size() - offset, 0, length);
    std::memcpy(out, bytes_.data() + offset, static_cast<size_t>(read));
    return read;
  }

 private:
  const std::string bytes_;
};

class BytesWriter final : public ObjectWriter {
 public:
  BytesWriter(MemoryStore* store, std::string path) : store_(store), path_(std::move(path)) {}
  absl::Status Append(std::string_view bytes) override {
    bytes_ += bytes;
    return absl::OkStatus();
  }
  absl::Status Finish() override { return store_->Put(path_, bytes_); }

 private:
  MemoryStore* store_;
  const std::string path_;
  std::string bytes_;
};

}  // namespace

void MemoryStore::FailNextWrite(WriteFault fault, std::string_view path, size_t torn_at) {
  fault_ = fault;
  fault_path_ = path;
  torn_at_ = torn_at;
}

std::string MemoryStore::Describe(std::string_view path) const {
  return fmt::format("/memory/{}", path);
}

absl::StatusOr<std::string> MemoryStore::Get(std::string_view path) const {
  auto found = objects_.find(path);
  if (found == objects_.end()) return absl::NotFoundError(Describe(path) + " is not there");
  return found->second;
}

absl::StatusOr<std::unique_ptr<ObjectReader>> MemoryStore::Open(std::string_view path) const {
  ASSIGN_OR_RETURN(std::string bytes, Get(path));
  return std::make_unique<BytesReader>(std::move(bytes));
}

absl::StatusOr<std::vector<ObjectInfo>> MemoryStore::ListAfter(std::string_view folder,
                                                               std::string_view after) const {
  const std::string inside = folder.empty() ? "" : fmt::format("{}/", folder);
  std::vector<ObjectInfo> listed;
  for (const auto& [path, bytes] : objects_) {
    if (!path.starts_with(inside) || path.find('/', inside.size()) != std::string::npos) continue;
    if (path > after) listed.push_back({.path = path, .size = std::ssize(bytes)});
  }
  return listed;
}

absl::StatusOr<std::vector<std::string>> MemoryStore::ListFolders(std::string_view folder) const {
  const std::string inside = folder.empty() ? "" : fmt::format("{}/", folder);
  std::set<std::string> folders;
  for (const auto& [path, bytes] : objects_) {
    const size_t end = path.find('/', inside.size());
    if (path.starts_with(inside) && end != std::string::npos) folders.insert(path.substr(0, end));
  }
  return std::vector<std::string>(folders.begin(), folders.end());
}

absl::Status MemoryStore::Put(std::string_view path, std::string_view bytes) {
  WriteFault fault = WriteFault::kNone;
  if (path.find(fault_path_) != std::string_view::npos) fault = std::exchange(fault_, fault);
  if (fault == WriteFault::kTorn)
    bytes = bytes.substr(0, bytes.empty() ? 0 : torn_at_ % bytes.size());
  if (fault != WriteFault::kNotDone) objects_[std::string(path)] = bytes;
  if (fault == WriteFault::kNone) return absl::OkStatus();
  return absl::UnavailableError(Describe(path) + ": the connection broke");
}

absl::StatusOr<std::unique_ptr<ObjectWriter>> MemoryStore::Create(std::string_view path) {
  return std::make_unique<BytesWriter>(this, std::string(path));
}

absl::Status MemoryStore::PutIfAbsent(std::string_view path, std::string_view bytes,
                                      std::optional<int64_t> /*modified_us*/) {
  if (objects_.contains(path)) return absl::AlreadyExistsError(Describe(path) + " is there");
  return Put(path, bytes);
}

absl::Status MemoryStore::Delete(std::string_view path) {
  if (auto found = objects_.find(path); found != objects_.end()) objects_.erase(found);
  return absl::OkStatus();
}

absl::Status MemoryStore::DeleteFolder(std::string_view folder) {
  std::erase_if(objects_, [&](const auto& object) {
    return object.first.starts_with(fmt::format("{}/", folder));
  });
  return absl::OkStatus();
}

}  // namespace forebay
