#include "engine/aggregate/count.h"

namespace forebay {
namespace {

void Merge(Word* words, std::string*, const Word* tile, const std::string*) { words[0] += tile[0]; }

}  // namespace

AggregateFunctions CountFunctions() {
  return {
      .words = 1,
      .count_like = true,
      .update = [](Word* words, std::string*, const AggregateInput&) { ++words[0]; },
      .merge = MergeEach<Merge>,
      .finalize = [](const Word* words,
                     const std::string*) { return Scalar::Int64(static_cast<int64_t>(words[0])); }};
}

}  // namespace forebay
