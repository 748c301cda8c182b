// Which files hold the events of a source (its `batch`).
//
//   ASSIGN_OR_RETURN(BatchFiles files, ListBatchFiles(source, s3, list_table));
//   for (const BatchFile& file : files.files) ... files.store->Open(file.path) ...
#ifndef FOREBAY_CONNECTORS_FILE_BATCH_FILES_H_
#define FOREBAY_CONNECTORS_FILE_BATCH_FILES_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

struct BatchFile {
  std::string path;  // in the store
  int64_t size = 0;  // bytes
  int64_t modified_us = 0;
  // Of PartitionColumns, as Delta tables write them; none or empty: null.
  std::map<std::string, std::string> partition_values;

  bool operator==(const BatchFile&) const = default;
};

// Columns whose values are the same for all rows of a file, and told by its BatchFile; null: none.
using PartitionColumns = std::shared_ptr<arrow::Schema>;

struct BatchFiles {
  std::shared_ptr<ObjectStore> store;
  v1::BatchSource::Format format = v1::BatchSource::PARQUET;  // of each: PARQUET or CSV
  std::vector<BatchFile> files;                               // by path
  PartitionColumns partition_columns;

  std::string Describe(size_t file) const { return store->Describe(files[file].path); }
  // Differs where a file is another, was written again, or is not there.
  std::string Identity() const;
};

// The data files of the newest version of a Delta table, as paths in it, in any order.
struct TableFiles {
  std::vector<BatchFile> files;
  PartitionColumns partition_columns;
};
using ListTable =
    std::function<absl::StatusOr<TableFiles>(const StoreUri& table, const S3Settings& s3)>;

// Of a folder, those in folders inside of it, too; but none whose name, or folder's name, begins
// with '_' or '.'. INVALID_ARGUMENT: there are none, or of which format is not to be seen.
absl::StatusOr<BatchFiles> ListBatchFiles(const v1::Source& source, const S3Settings& s3,
                                          const ListTable& list_table);

// FAILED_PRECONDITION: they are not what `now` finds there. Names one that differs.
absl::Status CheckUnchanged(const BatchFiles& before, const BatchFiles& now);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_FILE_BATCH_FILES_H_
