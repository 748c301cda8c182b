// Doubles and signed integers in the words of a partial.
#ifndef FOREBAY_ENGINE_AGGREGATE_WORDS_H_
#define FOREBAY_ENGINE_AGGREGATE_WORDS_H_

#include <bit>
#include <cstdint>

#include "engine/aggregate/aggregate.h"

namespace forebay {

inline double AsDouble(Word word) { return std::bit_cast<double>(word); }
inline Word ToWord(double value) { return std::bit_cast<Word>(value); }
inline int64_t AsInt64(Word word) { return static_cast<int64_t>(word); }
inline Word ToWord(int64_t value) { return static_cast<Word>(value); }

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_WORDS_H_
