#include "offline/parquet/hybrid_runs.h"

#include <parquet/exception.h>

#include <algorithm>

namespace forebay {

HybridRuns::HybridRuns(const uint8_t* data, size_t size, int bits)
    : next_(data), limit_(data + size), bits_(bits) {
  if (bits < 0 || bits > 32) throw parquet::ParquetException("values of more than 32 bits");
  mask_ = bits == 32 ? UINT32_MAX : (uint32_t{1} << bits) - 1;
}

void HybridRuns::NextRun() {
  uint64_t header = 0;
  for (int shift = 0;; shift += 7) {
    if (next_ == limit_ || shift > 28)
      throw parquet::ParquetException("a page ends before its last value");
    const uint8_t byte = *next_++;
    header |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  const uint64_t left = limit_ - next_;
  begin_ = end_;
  if ((header & 1) != 0) {
    // Groups of eight values; the last group may be cut where the page ends.
    uint64_t values = (header >> 1) * 8;
    const uint64_t bytes = std::min(values * bits_ / 8, left);
    if (bits_ > 0) values = std::min(values, bytes * 8 / bits_);
    packed_ = next_;
    next_ += bytes;
    end_ = begin_ + values;
  } else {
    const uint64_t bytes = (bits_ + 7) / 8;
    if (left < bytes) throw parquet::ParquetException("a page ends within a run");
    packed_ = nullptr;
    value_ = 0;
    std::memcpy(&value_, next_, bytes);
    next_ += bytes;
    end_ = begin_ + (header >> 1);
  }
  if (end_ == begin_ && next_ == limit_)
    throw parquet::ParquetException("a page ends before its last value");
}

uint64_t HybridRuns::LastBytes(const uint8_t* byte) const {
  uint64_t word = 0;
  if (byte < limit_) std::memcpy(&word, byte, std::min<size_t>(limit_ - byte, sizeof word));
  return word;
}

void HybridRuns::ReadAll(uint32_t count, uint32_t* values) {
  for (uint32_t i = 0; i < count;) {
    if (i >= end_) {
      NextRun();
      continue;
    }
    const auto end = static_cast<uint32_t>(std::min<uint64_t>(end_, count));
    if (packed_ == nullptr) {
      std::fill(values + i, values + end, value_);
    } else {
      for (uint32_t j = i; j < end; ++j) values[j] = Packed(j - begin_);
    }
    i = end;
  }
}

bool HybridRuns::IsRunOf(uint32_t value, uint32_t count) {
  return count == 0 || (At(0) == value && packed_ == nullptr && end_ >= count);
}

}  // namespace forebay
