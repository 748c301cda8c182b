#include "engine/aggregate/count.h"

namespace forebay {

AggregateFunctions CountFunctions() {
  return {
      .words = 1,
      .count_like = true,
      .update = [](Word* words, std::string*, const AggregateInput&) { ++words[0]; },
      .merge = [](Word* words, std::string*, const Word* other,
                  const std::string*) { words[0] += other[0]; },
      .finalize = [](const Word* words,
                     const std::string*) { return Scalar::Int64(static_cast<int64_t>(words[0])); }};
}

}  // namespace forebay
