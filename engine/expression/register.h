// The memory of a running program: one register per value, reused from batch to batch.
#ifndef FOREBAY_ENGINE_EXPRESSION_REGISTER_H_
#define FOREBAY_ENGINE_EXPRESSION_REGISTER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/expression/vector.h"

namespace forebay {

// An array that only grows; its content is lost when it does.
class Scratch {
 public:
  template <typename T>
  T* Reserve(int64_t count) {
    const size_t bytes = static_cast<size_t>(count) * sizeof(T);
    if (bytes > capacity_) Grow(bytes);
    return reinterpret_cast<T*>(memory_.get());
  }

 private:
  void Grow(size_t bytes);

  std::unique_ptr<std::byte[]> memory_;
  size_t capacity_ = 0;
};

// Bytes of the strings that kernels make. Reset() keeps the memory and invalidates the strings.
class Arena {
 public:
  char* Allocate(size_t bytes) {
    if (bytes > left_) NextBlock(bytes);
    char* start = next_;
    next_ += bytes;
    left_ -= bytes;
    return start;
  }

  // Gives back the last `bytes` of the latest allocation.
  void Shrink(size_t bytes) {
    next_ -= bytes;
    left_ += bytes;
  }

  void Reset();

 private:
  struct Block {
    std::unique_ptr<char[]> memory;
    size_t size;
  };
  void NextBlock(size_t bytes);

  std::vector<Block> blocks_;
  size_t used_ = 0;  // blocks handed out, the current one included
  char* next_ = nullptr;
  size_t left_ = 0;
};

struct Register {
  Vector vector;
  const uint8_t* errors = nullptr;  // one byte a row, 1: null because of an error; nullptr: none
  bool constant = false;            // all rows alike
  Scratch values;
  Scratch valid;
  Scratch error_flags;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_REGISTER_H_
