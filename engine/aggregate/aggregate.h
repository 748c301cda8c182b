// What an aggregate does with the events of a tile: start, update by one event, merge with the next
// tiles, finalize to a value. One table row per (function, argument type); adding an aggregate is a
// file of such functions and a row in aggregate.cc.
//
// A partial (the aggregate's part of one tile) is `words` 8-byte words and `blobs` byte strings,
// all owned by the tile. It starts as zero words and empty blobs, which every aggregate reads as
// "nothing yet". Its bytes are written to disk as they are (docs/formats/state.md): the meaning of
// a word never changes.
//
// All functions are pure and deterministic. Tiles are merged in the order of their time (S23), and
// nothing is ever subtracted.
#ifndef FOREBAY_ENGINE_AGGREGATE_AGGREGATE_H_
#define FOREBAY_ENGINE_AGGREGATE_AGGREGATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "engine/expression/vector.h"
#include "schemas/types/data_type.h"
#include "schemas/types/value.h"

namespace forebay {

using Word = uint64_t;

// A value that is not owned: a text points into the state, or into the plan; so do the bytes of a
// list (list_value.h). Two registers wide.
struct Scalar {
  union {
    int64_t int64_value = 0;  // also TIMESTAMP
    bool bool_value;
    double double_value;
    const char* text;  // STRING, BYTES, lists
  };
  uint32_t text_size = 0;
  bool null = true;

  std::string_view string_value() const { return {text, text_size}; }

  static Scalar Null() { return {}; }
  static Scalar Int64(int64_t value) {
    Scalar scalar;
    scalar.int64_value = value;
    scalar.null = false;
    return scalar;
  }
  // S21: a NaN result is null.
  static Scalar Double(double value) {
    Scalar scalar;
    scalar.double_value = value;
    scalar.null = value != value;
    return scalar;
  }
  static Scalar Bool(bool value) {
    Scalar scalar;
    scalar.bool_value = value;
    scalar.null = false;
    return scalar;
  }
  // REQUIRES: less than 4 GiB, as all that Kafka carries.
  static Scalar String(std::string_view value) {
    Scalar scalar;
    scalar.text = value.data();
    scalar.text_size = static_cast<uint32_t>(value.size());
    scalar.null = false;
    return scalar;
  }
  // The bytes of a list's elements; none: null. REQUIRES: less than 4 GiB.
  static Scalar List(std::string_view elements) {
    return elements.empty() ? Null() : String(elements);
  }
};

// Sets a feature that is never a text. Copied as a whole, the value would lie in memory in between,
// read back by loads that overlap the stores before and wait for them.
inline void SetNumber(Scalar* feature, const Scalar& value) {
  feature->int64_value = value.int64_value;
  feature->null = value.null;
}

// A copy that owns its text.
Value ToValue(const Scalar& scalar, DataType type);

// The event that updates a partial. `argument` is null only for an aggregate without one
// (count(*)). REQUIRES: the argument is not null and not NaN at `row`, unless the aggregate takes
// nulls; the caller skips those (S20).
struct AggregateInput {
  const Vector* argument;
  int64_t row;
  int64_t event_time;
  int64_t offset;
  Word parameter = 0;  // the constant of the call, as n of last_n(x, n); 0: it has none
};

// The same partial of consecutive tiles, the oldest first.
struct PartialRun {
  const Word* words;       // of the oldest
  size_t stride;           // words from tile to tile
  size_t count;            // tiles
  const Word* tile_blobs;  // in the oldest tile: where its blobs lie (std::string*); null: no blobs
  int blob = 0;            // the partial's first blob, counted from there
  Word parameter = 0;      // as in AggregateInput

  const std::string* Blobs(size_t tile) const {
    return tile_blobs == nullptr
               ? nullptr
               : reinterpret_cast<const std::string*>(tile_blobs[tile * stride]) + blob;
  }
};

// Which value is read from a summary (summary.h).
enum class SummaryValue : uint8_t { kNone, kCount, kSum, kMean, kMin, kMax };
inline constexpr size_t kSummaryValues = 6;

// Where the values that are read together go.
class PartialReadings {
 public:
  static constexpr int kNowhere = -1;

  PartialReadings() { columns_.fill(kNowhere); }

  // The index into the features of a row. A partial that is no summary has one value: kNone.
  int& operator[](SummaryValue value) { return columns_[static_cast<size_t>(value)]; }
  int operator[](SummaryValue value) const { return columns_[static_cast<size_t>(value)]; }

 private:
  std::array<int, kSummaryValues> columns_;
};

struct AggregateFunctions {
  int words = 0;
  int blobs = 0;
  bool count_like = false;   // 0, not null, when there was nothing to aggregate
  bool takes_nulls = false;  // is updated where the argument is null or NaN, too
  // Not kNone: aggregates of one input that are kept as one summary, whose parts are all that any
  // of them reads.
  SummaryValue summary = SummaryValue::kNone;
  void (*update)(Word* words, std::string* blobs, const AggregateInput& input) = nullptr;
  void (*merge)(Word* words, std::string* blobs, const PartialRun& tiles) = nullptr;
  Scalar (*finalize)(const Word* words, const std::string* blobs) = nullptr;
  // merge() of some tiles and finalize() to several values in one go, for those that need no room
  // in between; null: of others.
  void (*read)(const PartialRun& tiles, const PartialReadings& readings,
               Scalar* features) = nullptr;
  // Whether a stored partial is one that update and merge make: if not, the state is damaged.
  // Null: any bytes will do.
  bool (*is_intact)(const Word* words, const std::string* blobs, Word parameter) = nullptr;
};

// merge() of an aggregate that says how to merge one tile.
template <void (*MergeTile)(Word* words, std::string* blobs, const Word* tile,
                            const std::string* tile_blobs)>
void MergeEach(Word* words, std::string* blobs, const PartialRun& tiles) {
  for (size_t i = 0; i < tiles.count; ++i)
    MergeTile(words, blobs, tiles.words + i * tiles.stride, tiles.Blobs(i));
}

// The functions for `function` over `argument` (nullopt: no argument); nullptr if there are none.
const AggregateFunctions* FindAggregate(std::string_view function,
                                        std::optional<DataType> argument);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_AGGREGATE_H_
