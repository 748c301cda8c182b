#include "schemas/definition/allowed_names.h"

#include <algorithm>

#include "fmt/format.h"
#include "schemas/types/nearest_name.h"

namespace forebay::definition {
namespace {

constexpr size_t kShownNames = 20;

}  // namespace

std::string JoinNames(const std::vector<std::string>& names) {
  std::string text;
  size_t shown = std::min(names.size(), kShownNames);
  for (size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::string AllowedNames(std::string_view name, const std::vector<std::string>& candidates,
                         std::string_view what) {
  if (candidates.empty()) return fmt::format(": there are no {}", what);
  std::string nearest = NearestName(name, candidates);
  if (nearest.empty()) return fmt::format(": the {} are: {}", what, JoinNames(candidates));
  return fmt::format(": did you mean '{}'? The {} are: {}", nearest, what, JoinNames(candidates));
}

}  // namespace forebay::definition
