// Bytes that are written one piece after the other and never move: memory grows by chunks.
//
//   ByteChunks bytes;
//   char* out = bytes.Reserve(100);
//   bytes.Keep(Write(out) - out);
//
// May be moved: pieces stay where they are.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_BYTE_CHUNKS_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_BYTE_CHUNKS_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace forebay {

class ByteChunks {
 public:
  // Where the next piece goes: room for `bytes`, of one chunk.
  char* Reserve(size_t bytes) {
    bool fits = current_ < chunks_.size() && chunks_[current_].size - used_ >= bytes;
    if (!fits) NextChunk(bytes);
    return chunks_[current_].bytes.get() + used_;
  }

  // The first `bytes` of what was reserved last are a piece now.
  void Keep(size_t bytes) { used_ += bytes; }

  // Forgets the pieces and keeps the memory.
  void Clear() { current_ = used_ = 0; }

  // The memory that it keeps, in bytes.
  size_t capacity() const { return capacity_; }

 private:
  static constexpr size_t kFirstChunk = size_t{32} << 10;
  static constexpr size_t kLargestChunk = size_t{4} << 20;  // but for a larger piece

  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };

  void NextChunk(size_t bytes) {
    if (current_ < chunks_.size()) ++current_;
    used_ = 0;
    bool kept = current_ < chunks_.size() && chunks_[current_].size >= bytes;
    if (kept) return;
    size_t size = std::max(bytes, std::clamp(capacity_, kFirstChunk, kLargestChunk));
    chunks_.insert(chunks_.begin() + static_cast<ptrdiff_t>(std::min(current_, chunks_.size())),
                   {std::make_unique_for_overwrite<char[]>(size), size});
    capacity_ += size;
  }

  std::vector<Chunk> chunks_;
  size_t current_ = 0;  // the chunk that is written to
  size_t used_ = 0;     // of it
  size_t capacity_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_BYTE_CHUNKS_H_
