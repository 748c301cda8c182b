// "did you mean": the known name that a mistyped one most likely stands for.
#ifndef FOREBAY_ONLINE_SERVING_NEAREST_NAME_H_
#define FOREBAY_ONLINE_SERVING_NEAREST_NAME_H_

#include <string>
#include <string_view>
#include <vector>

namespace forebay {

// The candidate with the smallest edit distance to `name`, the first of several alike; empty when
// there is none or when the closest would need more than a third of its letters changed.
std::string_view NearestName(std::string_view name,
                             const std::vector<std::string_view>& candidates);

// "; did you mean \"user_spend\"?" or, if nothing is near, "; there are: a, b, c" (at most 10 of
// them), or "; there are none".
std::string SuggestName(std::string_view name, const std::vector<std::string_view>& candidates);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_SERVING_NEAREST_NAME_H_
