// An object of an ObjectStore as an Arrow file, and Parquet files.
#ifndef FOREBAY_OFFLINE_DELTA_ARROW_FILE_H_
#define FOREBAY_OFFLINE_DELTA_ARROW_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"

namespace arrow {
template <typename T>
class Result;
namespace io {
class RandomAccessFile;
}
}  // namespace arrow

namespace parquet::arrow {
class FileReader;
}

namespace forebay {

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrowFile(const ObjectStore& store,
                                                                           const std::string& path);

// A Parquet file, whose pages are compared with their checksums as they are read, where they have
// some. A page that differs is an error, which says its number in its column.
arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> OpenParquet(
    std::shared_ptr<arrow::io::RandomAccessFile> file);

// "page 2 of column total in row group 0": the first that cannot be read; empty: all can.
std::string FindDamagedPage(std::shared_ptr<arrow::io::RandomAccessFile> file);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_ARROW_FILE_H_
