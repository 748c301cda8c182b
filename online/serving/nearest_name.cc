#include "online/serving/nearest_name.h"

#include <algorithm>
#include <numeric>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace forebay {
namespace {

// Names longer than this are not compared: the work is quadratic, and the name comes from outside.
constexpr size_t kLongestName = 200;

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view NearestName(std::string_view name,
                             const std::vector<std::string_view>& candidates) {
  std::string_view nearest;
  if (name.size() > kLongestName) return nearest;
  size_t least = std::string_view::npos;
  for (std::string_view candidate : candidates) {
    size_t distance = EditDistance(name, candidate);
    if (distance >= least || distance * 3 > std::max(name.size(), candidate.size())) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

std::string SuggestName(std::string_view name, const std::vector<std::string_view>& candidates) {
  constexpr size_t kMostListed = 10;
  if (candidates.empty()) return "; there are none";
  if (std::string_view nearest = NearestName(name, candidates); !nearest.empty()) {
    return fmt::format("; did you mean \"{}\"?", nearest);
  }
  auto last =
      candidates.begin() + static_cast<std::ptrdiff_t>(std::min(kMostListed, candidates.size()));
  return fmt::format("; there are: {}{}", fmt::join(candidates.begin(), last, ", "),
                     candidates.size() > kMostListed ? ", ..." : "");
}

}  // namespace forebay
