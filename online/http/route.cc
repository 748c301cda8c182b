#include "online/http/route.h"

namespace forebay {
namespace {

// Up to the next slash, which goes with it.
std::string_view TakePart(std::string_view* path) {
  const size_t end = path->find('/');
  const std::string_view part = path->substr(0, end);
  *path = end == std::string_view::npos ? std::string_view() : path->substr(end + 1);
  return part;
}

}  // namespace

std::optional<std::vector<std::string_view>> MatchPath(std::string_view form,
                                                       std::string_view path) {
  std::vector<std::string_view> found;
  if (form == path) return found;
  if (form.find('{') == std::string_view::npos || path.ends_with('/')) return std::nullopt;
  while (!form.empty() && !path.empty()) {
    const std::string_view expected = TakePart(&form), part = TakePart(&path);
    if (expected.starts_with('{') && !part.empty()) {
      found.push_back(part);
    } else if (expected != part) {
      return std::nullopt;
    }
  }
  if (!form.empty() || !path.empty()) return std::nullopt;
  return found;
}

}  // namespace forebay
