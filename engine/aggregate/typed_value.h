// How a value of each type lies in a partial: a word, or a blob for strings and bytes.
#ifndef FOREBAY_ENGINE_AGGREGATE_TYPED_VALUE_H_
#define FOREBAY_ENGINE_AGGREGATE_TYPED_VALUE_H_

#include <string>
#include <string_view>

#include "engine/aggregate/aggregate.h"
#include "engine/aggregate/words.h"

namespace forebay {

struct BoolValue {
  static constexpr int kBlobs = 0;
  static bool Read(const AggregateInput& input) { return input.argument->bools[input.row] != 0; }
  static bool Load(const Word* word, const std::string*) { return *word != 0; }
  static void Store(Word* word, std::string*, bool value) { *word = value; }
  static Scalar Finalize(const Word* word, const std::string*) { return Scalar::Bool(*word != 0); }
};

struct Int64Value {
  static constexpr int kBlobs = 0;
  static int64_t Read(const AggregateInput& input) { return input.argument->ints[input.row]; }
  static int64_t Load(const Word* word, const std::string*) { return AsInt64(*word); }
  static void Store(Word* word, std::string*, int64_t value) { *word = ToWord(value); }
  static Scalar ToScalar(int64_t value) { return Scalar::Int64(value); }
  static Scalar Finalize(const Word* word, const std::string*) { return ToScalar(AsInt64(*word)); }
};

struct DoubleValue {
  static constexpr int kBlobs = 0;
  static double Read(const AggregateInput& input) { return input.argument->doubles[input.row]; }
  static double Load(const Word* word, const std::string*) { return AsDouble(*word); }
  static void Store(Word* word, std::string*, double value) { *word = ToWord(value); }
  static Scalar ToScalar(double value) { return Scalar::Double(value); }
  static Scalar Finalize(const Word* word, const std::string*) { return ToScalar(AsDouble(*word)); }
};

// Leaves its word unused, so that every type has the same words.
struct StringValue {
  static constexpr int kBlobs = 1;
  static std::string_view Read(const AggregateInput& input) {
    return input.argument->strings[input.row];
  }
  static std::string_view Load(const Word*, const std::string* blob) { return *blob; }
  static void Store(Word*, std::string* blob, std::string_view value) { blob->assign(value); }
  static Scalar Finalize(const Word*, const std::string* blob) { return Scalar::String(*blob); }
};

// make.template operator()<ValueOfType>() for the type's value layout.
template <typename Make>
AggregateFunctions ForType(DataType type, Make make) {
  switch (type) {
    case DataType::kBool:
      return make.template operator()<BoolValue>();
    case DataType::kDouble:
      return make.template operator()<DoubleValue>();
    case DataType::kString:
    case DataType::kBytes:
      return make.template operator()<StringValue>();
    case DataType::kInt64:
    case DataType::kTimestamp:
      break;
  }
  return make.template operator()<Int64Value>();
}

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_TYPED_VALUE_H_
