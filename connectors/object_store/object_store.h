// The seam to what keeps the warehouse: named, immutable byte strings.
//
//   auto store = OpenObjectStore(StoreUri::Parse("s3://bucket/warehouse").value());
//   absl::Status won = store->PutIfAbsent("offline/t/_delta_log/00000000000000000007.json", text,
//   {});
//
// Paths are relative to the store's root, with '/' between their parts; folders come into being
// with their first object. A write that returned OK survives a power cut, and readers see all of it
// or nothing. Thread-safe, also between processes.
//
// Errors: NOT_FOUND, ALREADY_EXISTS, RESOURCE_EXHAUSTED (disk full), FAILED_PRECONDITION (not
// allowed, read-only), UNAVAILABLE (try again); each names the object and what to do.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_OBJECT_STORE_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_OBJECT_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/request_counts.h"
#include "schemas/types/s3_settings.h"
#include "schemas/types/store_uri.h"

namespace forebay {

struct ObjectInfo {
  std::string path;
  int64_t size = 0;         // bytes
  int64_t modified_us = 0;  // microseconds UTC
};

// One open object. Thread-safe.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual int64_t size() const = 0;

  // Reads up to `length` bytes at `offset` into `out`; fewer only at the end of the object.
  virtual absl::StatusOr<int64_t> ReadAt(int64_t offset, int64_t length, void* out) const = 0;
};

// One object in the making; there is none until Finish() returned OK. Not thread-safe.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual absl::Status Append(std::string_view bytes) = 0;
  // Once, after the last byte.
  virtual absl::Status Finish() = 0;
};

class ObjectStore {
 public:
  // `s3`: how stores in buckets are reached, this one or others that it leads to.
  explicit ObjectStore(S3Settings s3 = {}) : s3_(std::move(s3)) {}
  virtual ~ObjectStore() = default;
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;

  const S3Settings& s3() const { return s3_; }

  // For messages: where `path` really is, such as "/warehouse/offline/t".
  virtual std::string Describe(std::string_view path) const = 0;

  virtual absl::StatusOr<std::string> Get(std::string_view path) const = 0;

  virtual absl::StatusOr<std::unique_ptr<ObjectReader>> Open(std::string_view path) const = 0;

  // The objects right inside `folder` ("" is the root), by name. A missing folder is empty.
  absl::StatusOr<std::vector<ObjectInfo>> List(std::string_view folder) const {
    return ListAfter(folder, "");
  }

  // Of these, the ones whose paths come after `after`, which is the path of one that may be there
  // or not. Looks at no others.
  virtual absl::StatusOr<std::vector<ObjectInfo>> ListAfter(std::string_view folder,
                                                            std::string_view after) const = 0;

  // The folders right inside `folder`, as paths, by name. A missing folder has none.
  virtual absl::StatusOr<std::vector<std::string>> ListFolders(std::string_view folder) const = 0;

  // Creates or replaces.
  virtual absl::Status Put(std::string_view path, std::string_view bytes) = 0;

  // As Put, of bytes that come one after the other and are not all in memory.
  virtual absl::StatusOr<std::unique_ptr<ObjectWriter>> Create(std::string_view path) = 0;

  // Creates; of several writers of one path exactly one gets OK, the others ALREADY_EXISTS. After
  // any other error the object may exist or not. `modified_us`, if given, becomes the object's time
  // where the store can set one.
  virtual absl::Status PutIfAbsent(std::string_view path, std::string_view bytes,
                                   std::optional<int64_t> modified_us) = 0;

  // OK if it is absent already.
  virtual absl::Status Delete(std::string_view path) = 0;

  // Deletes every object inside `folder` and the folders in it, in no certain order; OK if there is
  // none. After an error some are gone: repeat. REQUIRES: `folder` is not the root.
  virtual absl::Status DeleteFolder(std::string_view folder) = 0;

  // Makes `folder` another name for the folder `target` of the same file system, which is created
  // where it lacks; OK if it is that already. FAILED_PRECONDITION: it is something else.
  // UNIMPLEMENTED where there are no links.
  virtual absl::Status LinkFolder(std::string_view folder, const std::string& target) {
    return absl::UnimplementedError("there are no links in " + Describe(folder));
  }

  // So far; all 0 where there is no network between.
  virtual RequestCounts requests() const { return {}; }

 private:
  const S3Settings s3_;
};

// Creates or replaces `to_path`, with the bytes of `from_path`, some of them in memory at a time.
absl::Status CopyObject(const ObjectStore& from, std::string_view from_path, ObjectStore* to,
                        std::string_view to_path);

// The store at `uri`; asks nothing of it yet. `s3`: how one in a bucket is reached.
std::shared_ptr<ObjectStore> OpenObjectStore(const StoreUri& uri, const S3Settings& s3 = {});

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_OBJECT_STORE_H_
