#include "connectors/file/object_file.h"

#include <arrow/buffer.h>
#include <parquet/arrow/reader.h>

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

}  // namespace

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrowFile(
    const ObjectStore& store, const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ObjectReader> reader, store.Open(path));
  return std::make_shared<ArrowFile>(std::move(reader));
}

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrowFile(
    std::shared_ptr<ObjectStore> store, const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ObjectReader> reader, store->Open(path));
  return std::make_shared<ArrowFile>(std::move(reader), std::move(store));
}

parquet::ReaderProperties CheckedPages() {
  parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(true);
  return properties;
}

arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> OpenParquet(
    std::shared_ptr<arrow::io::RandomAccessFile> file) {
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(std::move(file), CheckedPages()));
  parquet::ArrowReaderProperties properties;
  // What Spark writes by default. Nanoseconds, as they would be, end in 2262.
  properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
  return builder.properties(properties)->Build();
}

}  // namespace forebay
