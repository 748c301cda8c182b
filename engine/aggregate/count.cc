#include "engine/aggregate/count.h"

namespace forebay {
namespace {

Word Total(const PartialRun& tiles) {
  Word count = 0;
  for (size_t i = 0; i < tiles.count; ++i) count += tiles.words[i * tiles.stride];
  return count;
}

void Merge(Word* words, std::string*, const PartialRun& tiles) { words[0] += Total(tiles); }

Scalar Finalize(const Word* words, const std::string*) {
  return Scalar::Int64(static_cast<int64_t>(words[0]));
}

void Read(const PartialRun& tiles, const PartialReadings& readings, Scalar* features) {
  const Word count = Total(tiles);
  SetNumber(&features[readings[SummaryValue::kNone]], Finalize(&count, nullptr));
}

}  // namespace

AggregateFunctions CountFunctions() {
  return {.words = 1,
          .count_like = true,
          .update = [](Word* words, std::string*, const AggregateInput&) { ++words[0]; },
          .merge = Merge,
          .finalize = Finalize,
          .read = Read};
}

}  // namespace forebay
