// The ObjectStore in a folder of a local (or mounted) file system that has link(2).
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_LOCAL_FILE_SYSTEM_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_LOCAL_FILE_SYSTEM_H_

#include <memory>
#include <string>
#include <vector>

#include "connectors/object_store/object_store.h"

namespace forebay {

class LocalFileSystem : public ObjectStore {
 public:
  // `root` need not exist: it is created by the first write.
  explicit LocalFileSystem(std::string root, S3Settings s3 = {})
      : ObjectStore(std::move(s3)), root_(std::move(root)) {}

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
  absl::Status LinkFolder(std::string_view folder, const std::string& target) override;

 private:
  std::string root_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_LOCAL_FILE_SYSTEM_H_
