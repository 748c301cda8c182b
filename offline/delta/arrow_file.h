// The data files of tables as Arrow files, wherever they are.
#ifndef FOREBAY_OFFLINE_DELTA_ARROW_FILE_H_
#define FOREBAY_OFFLINE_DELTA_ARROW_FILE_H_

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "connectors/file/object_file.h"
#include "connectors/object_store/object_store.h"

namespace forebay {

// A data file as the log calls it: inside of the table's folder, or, where a table is in several
// places, anywhere: "s3://cold/offline/t/part-1.parquet".
bool IsInTable(const std::string& data_file);
absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenDataFile(
    const ObjectStore& store, const std::string& table, const std::string& data_file);
// For messages: where it is.
std::string DescribeDataFile(const ObjectStore& store, const std::string& table,
                             const std::string& data_file);
// DATA_LOSS: `what` is wrong with it, and what to do.
absl::Status UnusableDataFile(const ObjectStore& store, const std::string& table,
                              const std::string& data_file, std::string_view what);

// What is written goes into the object at once; who made `writer` finishes it.
class ArrowOutput : public arrow::io::OutputStream {
 public:
  // `writer` must outlive this.
  explicit ArrowOutput(ObjectWriter* writer) : writer_(writer) {}

  arrow::Status Write(const void* data, int64_t size) override;
  arrow::Status Close() override;
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return size_; }

  int64_t size() const { return size_; }                  // bytes so far
  const absl::Status& status() const { return status_; }  // of the last write

 private:
  ObjectWriter* writer_;
  int64_t size_ = 0;
  absl::Status status_;
  bool closed_ = false;
};

// "page 2 of column total in row group 0": the first that cannot be read; empty: all can.
std::string FindDamagedPage(std::shared_ptr<arrow::io::RandomAccessFile> file);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_ARROW_FILE_H_
