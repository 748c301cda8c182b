// What an aggregate does with the events of a tile: start, update by one event, merge with the next
// tile, finalize to a value. One table row per (function, argument type); adding an aggregate is a
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

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/expression/vector.h"
#include "schemas/types/data_type.h"

namespace forebay {

using Word = uint64_t;

// A value that is not owned: strings point into the state, or into the plan.
struct Scalar {
  bool null = true;
  union {
    bool bool_value;
    int64_t int64_value = 0;  // also TIMESTAMP
    double double_value;
  };
  std::string_view string_value;  // STRING, BYTES

  static Scalar Null() { return {}; }
  static Scalar Int64(int64_t value) {
    Scalar scalar;
    scalar.null = false;
    scalar.int64_value = value;
    return scalar;
  }
  // S21: a NaN result is null.
  static Scalar Double(double value) {
    Scalar scalar;
    scalar.null = value != value;
    scalar.double_value = value;
    return scalar;
  }
  static Scalar Bool(bool value) {
    Scalar scalar;
    scalar.null = false;
    scalar.bool_value = value;
    return scalar;
  }
  static Scalar String(std::string_view value) {
    Scalar scalar;
    scalar.null = false;
    scalar.string_value = value;
    return scalar;
  }
};

// The event that updates a partial. `argument` is null only for an aggregate without one
// (count(*)). REQUIRES: the argument is not null and not NaN at `row`; the caller skips those
// (S20).
struct AggregateInput {
  const Vector* argument;
  int64_t row;
  int64_t event_time;
  int64_t offset;
};

struct AggregateFunctions {
  int words = 0;
  int blobs = 0;
  bool count_like = false;  // 0, not null, when there was nothing to aggregate
  void (*update)(Word* words, std::string* blobs, const AggregateInput& input) = nullptr;
  void (*merge)(Word* words, std::string* blobs, const Word* other_words,
                const std::string* other_blobs) = nullptr;
  Scalar (*finalize)(const Word* words, const std::string* blobs) = nullptr;
};

// The functions for `function` over `argument` (nullopt: no argument); nullptr if there are none.
const AggregateFunctions* FindAggregate(std::string_view function,
                                        std::optional<DataType> argument);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_AGGREGATE_H_
