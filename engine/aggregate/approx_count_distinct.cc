#include "engine/aggregate/approx_count_distinct.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "engine/aggregate/typed_value.h"

namespace forebay {
namespace {

constexpr int kSparseBits = 25;
constexpr int kDenseBits = 12;
constexpr int kRankBits = 6;
constexpr size_t kRegisters = size_t{1} << kDenseBits;
constexpr size_t kMaxSparse = 1024;
constexpr char kSparse = 1;
constexpr char kDense = 2;

size_t SparseCount(const std::string& blob) { return (blob.size() - 1) / sizeof(uint32_t); }

uint32_t SparseAt(const std::string& blob, size_t i) {
  uint32_t entry;
  std::memcpy(&entry, blob.data() + 1 + i * sizeof entry, sizeof entry);
  return entry;
}

// The rank of a hash is the position of its first one bit after the index bits, from 1.
uint32_t SparseEntry(uint64_t hash) {
  auto index = static_cast<uint32_t>(hash >> (64 - kSparseBits));
  uint64_t rest = hash << kSparseBits;
  uint32_t rank = rest == 0 ? 64 - kSparseBits + 1 : std::countl_zero(rest) + 1;
  return (index << kRankBits) | rank;
}

void RaiseRegister(std::string* dense, uint32_t index, uint8_t rank) {
  auto* registers = reinterpret_cast<uint8_t*>(dense->data() + 1);
  registers[index] = std::max(registers[index], rank);
}

// A sparse entry's part in the dense form: the index bits beyond the dense ones lead the rank.
void RaiseFromEntry(std::string* dense, uint32_t entry) {
  constexpr int kExtra = kSparseBits - kDenseBits;
  uint32_t index = entry >> kRankBits;
  uint32_t extra = index & ((1u << kExtra) - 1);
  uint32_t rank = extra == 0 ? kExtra + (entry & ((1u << kRankBits) - 1))
                             : static_cast<uint32_t>(std::countl_zero(extra)) - (32 - kExtra) + 1;
  RaiseRegister(dense, index >> kExtra, static_cast<uint8_t>(rank));
}

void MakeDense(std::string* blob) {
  std::string dense(1 + kRegisters, '\0');
  dense[0] = kDense;
  for (size_t i = 0; i < SparseCount(*blob); ++i) RaiseFromEntry(&dense, SparseAt(*blob, i));
  *blob = std::move(dense);
}

// Keeps one entry per index, the one of the largest rank, sorted.
void InsertSparse(std::string* blob, uint32_t entry) {
  size_t low = 0, high = SparseCount(*blob);
  while (low < high) {
    size_t middle = (low + high) / 2;
    if ((SparseAt(*blob, middle) >> kRankBits) < (entry >> kRankBits)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  size_t at = 1 + low * sizeof entry;
  if (low < SparseCount(*blob) && (SparseAt(*blob, low) >> kRankBits) == (entry >> kRankBits)) {
    if (entry > SparseAt(*blob, low)) std::memcpy(blob->data() + at, &entry, sizeof entry);
    return;
  }
  char bytes[sizeof entry];
  std::memcpy(bytes, &entry, sizeof entry);
  blob->insert(at, bytes, sizeof bytes);
  if (SparseCount(*blob) > kMaxSparse) MakeDense(blob);
}

void AddEntry(std::string* blob, uint32_t entry) {
  if (blob->empty()) blob->push_back(kSparse);
  if ((*blob)[0] == kDense) {
    RaiseFromEntry(blob, entry);
  } else {
    InsertSparse(blob, entry);
  }
}

uint64_t Hash(std::string_view value) { return XXH3_64bits(value.data(), value.size()); }
uint64_t Hash(int64_t value) { return XXH3_64bits(&value, sizeof value); }
uint64_t Hash(bool value) { return Hash(static_cast<int64_t>(value)); }
uint64_t Hash(double value) { return Hash(std::bit_cast<int64_t>(value == 0 ? 0.0 : value)); }

template <typename T>
void Update(Word*, std::string* blobs, const AggregateInput& input) {
  AddEntry(blobs, SparseEntry(Hash(T::Read(input))));
}

void Merge(Word*, std::string* blobs, const Word*, const std::string* other_blobs) {
  const std::string& other = *other_blobs;
  if (other.empty()) return;
  if (blobs->empty()) {
    *blobs = other;
  } else if (other[0] == kSparse) {
    for (size_t i = 0; i < SparseCount(other); ++i) AddEntry(blobs, SparseAt(other, i));
  } else {
    if ((*blobs)[0] == kSparse) MakeDense(blobs);
    for (size_t i = 0; i < kRegisters; ++i) {
      RaiseRegister(blobs, static_cast<uint32_t>(i), static_cast<uint8_t>(other[1 + i]));
    }
  }
}

// Ertl 2017, algorithm 6, and its helper series.
double Sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double y = 1, z = x, before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

double Tau(double x) {
  if (x == 0.0 || x == 1.0) return 0;
  double y = 1, z = 1 - x, before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

double EstimateDense(const std::string& blob) {
  constexpr int kRanks = 64 - kDenseBits;
  int histogram[kRanks + 2] = {};
  for (size_t i = 0; i < kRegisters; ++i) ++histogram[static_cast<uint8_t>(blob[1 + i])];
  const double m = kRegisters;
  double z = m * Tau(1 - histogram[kRanks + 1] / m);
  for (int k = kRanks; k >= 1; --k) z = 0.5 * (z + histogram[k]);
  z += m * Sigma(histogram[0] / m);
  return m * m / (2 * std::log(2.0) * z);
}

// Linear counting over 2^25 cells.
double EstimateSparse(const std::string& blob) {
  const double m = 1u << kSparseBits;
  return -m * std::log1p(-static_cast<double>(SparseCount(blob)) / m);
}

Scalar Finalize(const Word*, const std::string* blobs) {
  if (blobs->empty()) return Scalar::Int64(0);
  return Scalar::Int64(
      std::llround((*blobs)[0] == kDense ? EstimateDense(*blobs) : EstimateSparse(*blobs)));
}

// Nothing that update and merge cannot make: registers are counted by their rank.
bool IsIntact(const Word*, const std::string* blobs, Word) {
  const std::string& blob = *blobs;
  if (blob.empty()) return true;
  if (blob[0] == kDense) {
    constexpr uint8_t kMostDenseRank = 64 - kDenseBits + 1;
    return blob.size() == 1 + kRegisters &&
           std::all_of(blob.begin() + 1, blob.end(),
                       [](char rank) { return static_cast<uint8_t>(rank) <= kMostDenseRank; });
  }
  if (blob[0] != kSparse || blob.size() % sizeof(uint32_t) != 1 || SparseCount(blob) > kMaxSparse)
    return false;
  for (size_t i = 0; i < SparseCount(blob); ++i) {
    const uint32_t entry = SparseAt(blob, i), rank = entry & ((1u << kRankBits) - 1);
    if (rank == 0 || rank > 64 - kSparseBits + 1) return false;
    if (entry >> kRankBits >= 1u << kSparseBits) return false;
    if (i > 0 && SparseAt(blob, i - 1) >> kRankBits >= entry >> kRankBits) return false;
  }
  return true;
}

}  // namespace

AggregateFunctions ApproxCountDistinctFunctions(DataType argument) {
  return ForType(argument, []<typename T>() {
    return AggregateFunctions{.blobs = 1,
                              .count_like = true,
                              .update = Update<T>,
                              .merge = MergeEach<Merge>,
                              .finalize = Finalize,
                              .is_intact = IsIntact};
  });
}

}  // namespace forebay
