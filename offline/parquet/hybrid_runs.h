// Small numbers as Parquet packs them: runs of one value, or of values of a fixed number of bits
// (the RLE / bit-packing hybrid of the Parquet format).
#ifndef FOREBAY_OFFLINE_PARQUET_HYBRID_RUNS_H_
#define FOREBAY_OFFLINE_PARQUET_HYBRID_RUNS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace forebay {

// Throws parquet::ParquetException where the bytes end too early or make no sense.
class HybridRuns {
 public:
  HybridRuns() = default;
  // `bits` per value, at most 32. `data` is kept by reference.
  HybridRuns(const uint8_t* data, size_t size, int bits);

  // The value at `index`, which is not below that of the call before.
  uint32_t At(uint32_t index) {
    while (index >= end_) NextRun();
    return packed_ == nullptr ? value_ : Packed(index - begin_);
  }

  // The first `count` values.
  void ReadAll(uint32_t count, uint32_t* values);

  // Whether the first `count` values are one run of `value`.
  bool IsRunOf(uint32_t value, uint32_t count);

 private:
  void NextRun();
  uint32_t Packed(uint64_t i) const {
    const uint64_t bit = i * bits_;
    const uint8_t* byte = packed_ + bit / 8;
    uint64_t word = 0;
    if (byte + sizeof word <= limit_) {
      std::memcpy(&word, byte, sizeof word);
    } else {
      word = LastBytes(byte);
    }
    return static_cast<uint32_t>(word >> (bit % 8)) & mask_;
  }
  uint64_t LastBytes(const uint8_t* byte) const;

  const uint8_t* next_ = nullptr;   // of the next run's header
  const uint8_t* limit_ = nullptr;  // of all bytes
  int bits_ = 0;
  uint32_t mask_ = 0;
  uint64_t begin_ = 0;               // the run's first index
  uint64_t end_ = 0;                 // and the one after its last
  const uint8_t* packed_ = nullptr;  // of a packed run; null: all its values are `value_`
  uint32_t value_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_PARQUET_HYBRID_RUNS_H_
