// The name that was probably meant.
#ifndef FOREBAY_SCHEMAS_TYPES_NEAREST_NAME_H_
#define FOREBAY_SCHEMAS_TYPES_NEAREST_NAME_H_

#include <string>
#include <string_view>
#include <vector>

namespace forebay {

// The name with the fewest typing errors from `name` (letters left out, added, changed, swapped),
// ignoring case; the first of several alike; empty if all are far off: more than a third of `name`.
std::string NearestName(std::string_view name, const std::vector<std::string>& names);

// ", did you mean 'state'?", or nothing where no name is near.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& names);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_NEAREST_NAME_H_
