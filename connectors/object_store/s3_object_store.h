// The ObjectStore in a bucket of S3, or of another store that speaks its protocol.
//
//   S3ObjectStore store("bucket", "some/prefix", settings);
//
// PutIfAbsent is a conditional write (If-None-Match: *), which the store must know
// (CheckWritable tries it). An object of more than 8 MB that is written piece by piece is
// uploaded in parts, of which two are in memory; one whose writer died is never seen, and the
// parts of it are removed by a lifecycle rule of the bucket (AbortIncompleteMultipartUpload).
// Folders are the parts of names before a '/': no object stands for one. Times cannot be set.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_OBJECT_STORE_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_OBJECT_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "connectors/object_store/object_store.h"
#include "connectors/object_store/request_counts.h"
#include "schemas/types/s3_settings.h"

namespace forebay {

class S3Client;

class S3ObjectStore : public ObjectStore {
 public:
  // `prefix` is without '/' at either end; "": the whole bucket. Asks nothing yet.
  S3ObjectStore(std::string bucket, std::string prefix, const S3Settings& settings);
  ~S3ObjectStore() override;

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

  RequestCounts requests() const override;

 private:
  std::string Key(std::string_view path) const;
  // Of a folder, "" or ending in '/'.
  std::string KeyPrefix(std::string_view folder) const;
  absl::StatusOr<bool> IsOurs(const std::string& key, const std::string& token) const;
  absl::Status DeleteKeys(absl::Span<const std::string> keys);

  const std::string prefix_;
  const std::shared_ptr<S3Client> client_;  // readers and writers have it, too
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_OBJECT_STORE_H_
