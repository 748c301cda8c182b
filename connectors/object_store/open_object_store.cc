#include "connectors/object_store/local_file_system.h"
#include "connectors/object_store/object_store.h"
#include "connectors/object_store/s3_object_store.h"

namespace forebay {

std::shared_ptr<ObjectStore> OpenObjectStore(const StoreUri& uri, const S3Settings& s3) {
  if (uri.scheme == StoreUri::Scheme::kS3)
    return std::make_shared<S3ObjectStore>(uri.bucket, uri.path, s3);
  return std::make_shared<LocalFileSystem>(uri.path, s3);
}

}  // namespace forebay
