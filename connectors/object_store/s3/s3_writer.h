// One object of a bucket, written piece by piece: at once where it is small, else in parts.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_WRITER_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_WRITER_H_

#include <memory>
#include <string>

#include "connectors/object_store/object_store.h"
#include "connectors/object_store/s3/s3_client.h"

namespace forebay {

// A part is sent by a thread of its own while the next is filled.
std::unique_ptr<ObjectWriter> CreateS3Object(std::shared_ptr<S3Client> client, std::string key);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_WRITER_H_
