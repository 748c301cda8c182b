// An ObjectStore in memory whose writes can be made to fail as a network makes them fail.
//
//   auto store = std::make_shared<MemoryStore>();
//   store->FailNextWrite(WriteFault::kAnswerLost);
//   store->PutIfAbsent("a", "text", {});          // UNAVAILABLE, and "a" is there
//
// Not thread-safe.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_TESTING_MEMORY_STORE_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_TESTING_MEMORY_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/object_store/object_store.h"

namespace forebay {

enum class WriteFault : uint8_t {
  kNone,
  kNotDone,     // it fails, and nothing is there
  kAnswerLost,  // it fails, and the object is there
  kTorn,        // it fails, and the first bytes of the object are there
};

class MemoryStore final : public ObjectStore {
 public:
  // The next one whose path contains `path`. `torn_at`: how many bytes of a torn one are
  // there; modulo its size.
  void FailNextWrite(WriteFault fault, std::string_view path = "", size_t torn_at = 0);

  // As what happened to it outside: not counted, never failed.
  const std::map<std::string, std::string, std::less<>>& objects() const { return objects_; }
  void Set(std::string path, std::string bytes) { objects_[std::move(path)] = std::move(bytes); }

  std::string Describe(std::string_view path) const override;
  absl::StatusOr<std::string> Get(std::string_view path) const override;
  absl::StatusOr<std::unique_ptr<ObjectReader>> Open(std::string_view path) const override;
  absl::StatusOr<std::vector<ObjectInfo>> ListAfter(std::string_view folder,
                                                    std::string_view after) const override;
  absl::StatusOr<std::vector<std::string>> ListFolders(std::string_view folder) const override;
  absl::Status Put(std::string_view path, std::string_view bytes) override;
  absl::StatusOr<std::unique_ptr<ObjectWriter>> Create(std::string_view path) override;
  absl::Status PutIfAbsent(std::string_view path, std::string_view bytes,
                           std::optional<int64_t> modified_us) override;
  absl::Status Delete(std::string_view path) override;
  absl::Status DeleteFolder(std::string_view folder) override;

 private:
  std::map<std::string, std::string, std::less<>> objects_;
  WriteFault fault_ = WriteFault::kNone;
  std::string fault_path_;
  size_t torn_at_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_TESTING_MEMORY_STORE_H_
