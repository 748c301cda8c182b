// One object of a bucket, read range by range.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_READER_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_READER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "connectors/object_store/s3/s3_client.h"

namespace forebay {

// Asks for the end of the object at once, which tells its size: Parquet files begin to be read
// there, and small objects are all there. Reads of that ask no more.
absl::StatusOr<std::unique_ptr<ObjectReader>> OpenS3Object(std::shared_ptr<S3Client> client,
                                                           std::string key);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_READER_H_
