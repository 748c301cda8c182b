// An object of an ObjectStore as an Arrow file, and Parquet files.
#ifndef FOREBAY_CONNECTORS_FILE_OBJECT_FILE_H_
#define FOREBAY_CONNECTORS_FILE_OBJECT_FILE_H_

#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <parquet/properties.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"

namespace parquet::arrow {
class FileReader;
}

namespace forebay {

// The second keeps the store for as long as the file.
absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrowFile(const ObjectStore& store,
                                                                           const std::string& path);
absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrowFile(
    std::shared_ptr<ObjectStore> store, const std::string& path);

// Pages are compared with their checksums as they are read, where they have some.
parquet::ReaderProperties CheckedPages();

// A Parquet file with checked pages. A page that differs is an error, which says its number in its
// column.
arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> OpenParquet(
    std::shared_ptr<arrow::io::RandomAccessFile> file);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_FILE_OBJECT_FILE_H_
