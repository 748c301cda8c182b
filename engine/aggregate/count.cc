#include "engine/aggregate/count.h"

namespace forebay {
namespace {

void Merge(Word* words, std::string*, const PartialRun& tiles) {
  Word count = words[0];
  for (size_t i = 0; i < tiles.count; ++i) count += tiles.words[i * tiles.stride];
  words[0] = count;
}

}  // namespace

AggregateFunctions CountFunctions() {
  return {
      .words = 1,
      .count_like = true,
      .update = [](Word* words, std::string*, const AggregateInput&) { ++words[0]; },
      .merge = Merge,
      .finalize = [](const Word* words,
                     const std::string*) { return Scalar::Int64(static_cast<int64_t>(words[0])); }};
}

}  // namespace forebay
