#include "offline/delta/arrow_file.h"

#include <arrow/buffer.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>

#include <algorithm>

#include "offline/delta/file_place.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

class ArrowFile : public arrow::io::RandomAccessFile {
 public:
  // `store`: kept for as long as the file, where nobody else does.
  explicit ArrowFile(std::unique_ptr<ObjectReader> reader,
                     std::shared_ptr<ObjectStore> store = nullptr)
      : store_(std::move(store)), reader_(std::move(reader)) {}

  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return place_; }
  arrow::Status Seek(int64_t place) override {
    place_ = place;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> GetSize() override { return reader_->size(); }

  arrow::Result<int64_t> ReadAt(int64_t place, int64_t size, void* out) override {
    absl::StatusOr<int64_t> n = reader_->ReadAt(place, size, out);
    if (!n.ok()) return arrow::Status::IOError(std::string(n.status().message()));
    return *n;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t place, int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(size));
    ARROW_ASSIGN_OR_RAISE(int64_t n, ReadAt(place, size, buffer->mutable_data()));
    if (n < size) ARROW_RETURN_NOT_OK(buffer->Resize(n));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<int64_t> Read(int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(int64_t n, ReadAt(place_, size, out));
    place_ += n;
    return n;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(place_, size));
    place_ += buffer->size();
    return buffer;
  }

 private:
  std::shared_ptr<ObjectStore> store_;
  std::unique_ptr<ObjectReader> reader_;
  int64_t place_ = 0;
  bool closed_ = false;
};

parquet::ReaderProperties Checked() {
  parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(true);
  return properties;
}

}  // namespace

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrowFile(
    const ObjectStore& store, const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ObjectReader> reader, store.Open(path));
  return std::make_shared<ArrowFile>(std::move(reader));
}

bool IsInTable(const std::string& data_file) { return data_file.find("://") == std::string::npos; }

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenDataFile(
    const ObjectStore& store, const std::string& table, const std::string& data_file) {
  if (IsInTable(data_file)) return OpenArrowFile(store, table + "/" + data_file);
  const size_t slash = data_file.rfind('/');
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(data_file.substr(0, slash));
  if (!uri.ok()) {
    return absl::UnimplementedError(
        fmt::format("the log calls a data file {}, where forebay cannot read it: {} was expected",
                    data_file, std::string(uri.status().message())));
  }
  std::shared_ptr<ObjectStore> other = OpenObjectStore(*uri, store.s3());
  ASSIGN_OR_RETURN(std::unique_ptr<ObjectReader> reader, other->Open(data_file.substr(slash + 1)));
  return std::make_shared<ArrowFile>(std::move(reader), std::move(other));
}

std::string DescribeDataFile(const ObjectStore& store, const std::string& table,
                             const std::string& data_file) {
  return IsInTable(data_file) ? store.Describe(table + "/" + data_file) : data_file;
}

absl::Status UnusableDataFile(const ObjectStore& store, const std::string& table,
                              const std::string& data_file, std::string_view what) {
  return absl::DataLossError(fmt::format(
      "cannot use data file {}: {}; {}put it back from a copy of the table, or build its view anew "
      "with `forebay reset`",
      DescribeDataFile(store, table, data_file), what,
      IsCold(data_file) ? "see that the cold location is there, or " : ""));
}

arrow::Status ArrowOutput::Write(const void* data, int64_t size) {
  status_ = writer_->Append({static_cast<const char*>(data), static_cast<size_t>(size)});
  if (!status_.ok()) return arrow::Status::IOError(std::string(status_.message()));
  size_ += size;
  return arrow::Status::OK();
}

arrow::Status ArrowOutput::Close() {
  closed_ = true;
  return arrow::Status::OK();
}

arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> OpenParquet(
    std::shared_ptr<arrow::io::RandomAccessFile> file) {
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(std::move(file), Checked()));
  parquet::ArrowReaderProperties properties;
  // What Spark writes by default. Nanoseconds, as they would be, end in 2262.
  properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
  return builder.properties(properties)->Build();
}

std::string FindDamagedPage(std::shared_ptr<arrow::io::RandomAccessFile> file) {
  std::string place;
  try {
    auto reader = parquet::ParquetFileReader::Open(std::move(file), Checked());
    for (int group = 0; group < reader->metadata()->num_row_groups(); ++group) {
      for (int column = 0; column < reader->metadata()->num_columns(); ++column) {
        auto pages = reader->RowGroup(group)->GetColumnPageReader(column);
        int page = 0;
        do {
          place = fmt::format("page {} of column {} in row group {}", page++,
                              reader->metadata()->schema()->Column(column)->path()->ToDotString(),
                              group);
        } while (pages->NextPage() != nullptr);
      }
    }
  } catch (const std::exception&) {
    return place;
  }
  return "";
}

}  // namespace forebay
