// What is allowed where a name is not known, for messages.
//
//   fmt::format("unknown source '{}'{}", name, AllowedNames(name, sources, "sources"));
//   // unknown source 'transaction': did you mean 'transactions'? The sources are: clicks, ...
#ifndef FOREBAY_SCHEMAS_DEFINITION_ALLOWED_NAMES_H_
#define FOREBAY_SCHEMAS_DEFINITION_ALLOWED_NAMES_H_

#include <string>
#include <string_view>
#include <vector>

namespace forebay::definition {

// ": did you mean 'x'? The WHAT are: a, b, c", without the question where nothing is near, and
// ": there are no WHAT" for no candidates. Long lists are cut.
std::string AllowedNames(std::string_view name, const std::vector<std::string>& candidates,
                         std::string_view what);

// "a, b, c and 12 more".
std::string JoinNames(const std::vector<std::string>& names);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_ALLOWED_NAMES_H_
