#include "engine/expression/like.h"

#include <algorithm>

#include "engine/expression/letter_case.h"

namespace forebay {

bool MatchesLike(std::string_view text, std::string_view pattern) {
  const auto next = [&](size_t i) {
    return std::min(i + static_cast<size_t>(SequenceLength(text[i])), text.size());
  };
  size_t t = 0;
  size_t p = 0;
  // Where to go on after a mismatch: behind the last %, which takes one character more each time.
  // No earlier % needs another try: what it could give, the last one can take.
  size_t after_percent = std::string_view::npos;
  size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      after_percent = ++p;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == '_') {
      t = next(t);
      ++p;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++t;
      ++p;
    } else if (after_percent != std::string_view::npos) {
      taken = next(taken);
      t = taken;
      p = after_percent;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('%', p) == std::string_view::npos;
}

}  // namespace forebay
