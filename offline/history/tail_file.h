// A file whose last bytes are read once, at first: a Parquet file's footer and, before it, indexes.
#ifndef FOREBAY_OFFLINE_HISTORY_TAIL_FILE_H_
#define FOREBAY_OFFLINE_HISTORY_TAIL_FILE_H_

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <utility>

namespace forebay {

class TailFile : public arrow::io::RandomAccessFile {
 public:
  static arrow::Result<std::shared_ptr<TailFile>> Open(
      std::shared_ptr<arrow::io::RandomAccessFile> file, int64_t tail_bytes) {
    ARROW_ASSIGN_OR_RAISE(int64_t size, file->GetSize());
    const int64_t begin = std::max<int64_t>(0, size - tail_bytes);
    ARROW_ASSIGN_OR_RAISE(auto tail, file->ReadAt(begin, size - begin));
    std::shared_ptr<TailFile> opened(new TailFile(std::move(file), size, begin, std::move(tail)));
    opened->Count(size - begin);
    return opened;
  }

  arrow::Result<int64_t> ReadAt(int64_t place, int64_t size, void* out) override {
    if (!Holds(place, size)) {
      Count(size);
      return file_->ReadAt(place, size, out);
    }
    std::memcpy(out, tail_->data() + (place - begin_), size);
    return size;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t place, int64_t size) override {
    if (!Holds(place, size)) {
      Count(size);
      return file_->ReadAt(place, size);
    }
    return arrow::SliceBuffer(tail_, place - begin_, size);
  }
  arrow::Result<int64_t> GetSize() override { return size_; }

  // What was read of the file beneath.
  int64_t requests() const { return requests_; }
  int64_t bytes() const { return bytes_; }

  arrow::Status Close() override { return file_->Close(); }
  bool closed() const override { return file_->closed(); }
  arrow::Result<int64_t> Tell() const override { return file_->Tell(); }
  arrow::Status Seek(int64_t place) override { return file_->Seek(place); }
  arrow::Result<int64_t> Read(int64_t size, void* out) override { return file_->Read(size, out); }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
    return file_->Read(size);
  }

 private:
  TailFile(std::shared_ptr<arrow::io::RandomAccessFile> file, int64_t size, int64_t begin,
           std::shared_ptr<arrow::Buffer> tail)
      : file_(std::move(file)), size_(size), begin_(begin), tail_(std::move(tail)) {}

  void Count(int64_t bytes) {
    ++requests_;
    bytes_ += bytes;
  }

  bool Holds(int64_t place, int64_t size) const {
    return place >= begin_ && place + size <= begin_ + tail_->size();
  }

  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  int64_t size_;
  int64_t begin_;  // of the tail
  std::shared_ptr<arrow::Buffer> tail_;
  std::atomic<int64_t> requests_ = 0;  // several may be under way
  std::atomic<int64_t> bytes_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_HISTORY_TAIL_FILE_H_
