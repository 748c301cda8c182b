#include "engine/aggregate/sum.h"

#include <limits>

#include "engine/aggregate/words.h"

namespace forebay {
namespace {

__extension__ typedef __int128 Int128;

void UpdateDouble(Word* words, std::string*, const AggregateInput& input) {
  ++words[0];
  words[1] = ToWord(AsDouble(words[1]) + input.argument->doubles[input.row]);
}

void MergeDouble(Word* words, std::string*, const Word* other, const std::string*) {
  words[0] += other[0];
  words[1] = ToWord(AsDouble(words[1]) + AsDouble(other[1]));
}

Int128 Sum128(const Word* words) {
  return static_cast<Int128>((static_cast<unsigned __int128>(words[2]) << 64) | words[1]);
}

void Add128(Word* words, Int128 value) {
  auto sum = static_cast<unsigned __int128>(Sum128(words) + value);
  words[1] = static_cast<Word>(sum);
  words[2] = static_cast<Word>(sum >> 64);
}

void UpdateInt64(Word* words, std::string*, const AggregateInput& input) {
  ++words[0];
  Add128(words, input.argument->ints[input.row]);
}

void MergeInt64(Word* words, std::string*, const Word* other, const std::string*) {
  words[0] += other[0];
  Add128(words, Sum128(other));
}

Scalar FinalizeSumInt64(const Word* words, const std::string*) {
  if (words[0] == 0) return Scalar::Null();
  Int128 sum = Sum128(words);
  if (sum > std::numeric_limits<int64_t>::max())
    return Scalar::Int64(std::numeric_limits<int64_t>::max());
  if (sum < std::numeric_limits<int64_t>::min())
    return Scalar::Int64(std::numeric_limits<int64_t>::min());
  return Scalar::Int64(static_cast<int64_t>(sum));
}

}  // namespace

AggregateFunctions SumDoubleFunctions() {
  return {.words = 2,
          .update = UpdateDouble,
          .merge = MergeDouble,
          .finalize = [](const Word* words, const std::string*) {
            return words[0] == 0 ? Scalar::Null() : Scalar::Double(AsDouble(words[1]));
          }};
}

AggregateFunctions MeanDoubleFunctions() {
  return {.words = 2,
          .update = UpdateDouble,
          .merge = MergeDouble,
          .finalize = [](const Word* words, const std::string*) {
            return words[0] == 0
                       ? Scalar::Null()
                       : Scalar::Double(AsDouble(words[1]) / static_cast<double>(words[0]));
          }};
}

AggregateFunctions SumInt64Functions() {
  return {.words = 3, .update = UpdateInt64, .merge = MergeInt64, .finalize = FinalizeSumInt64};
}

AggregateFunctions MeanInt64Functions() {
  return {.words = 3,
          .update = UpdateInt64,
          .merge = MergeInt64,
          .finalize = [](const Word* words, const std::string*) {
            return words[0] == 0 ? Scalar::Null()
                                 : Scalar::Double(static_cast<double>(Sum128(words)) /
                                                  static_cast<double>(words[0]));
          }};
}

}  // namespace forebay
