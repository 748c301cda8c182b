// SQL's LIKE.
#ifndef FOREBAY_ENGINE_EXPRESSION_LIKE_H_
#define FOREBAY_ENGINE_EXPRESSION_LIKE_H_

#include <string_view>

namespace forebay {

// Whether all of `text` matches: % is any run of characters, _ one code point, all else itself.
bool MatchesLike(std::string_view text, std::string_view pattern);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_LIKE_H_
