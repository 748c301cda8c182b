// An object of an ObjectStore as an Arrow file, for the Parquet reader.
#ifndef FOREBAY_OFFLINE_DELTA_ARROW_FILE_H_
#define FOREBAY_OFFLINE_DELTA_ARROW_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"

namespace arrow::io {
class RandomAccessFile;
}

namespace forebay {

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrowFile(const ObjectStore& store,
                                                                           const std::string& path);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_ARROW_FILE_H_
