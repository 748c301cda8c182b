#include "schemas/types/view_id.h"

#include <charconv>

namespace forebay {

std::string ViewId::ToString() const { return name + "@" + std::to_string(version); }

std::optional<ViewId> ParseViewId(std::string_view text) {
  size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  ViewId view{.name = std::string(text.substr(0, at))};
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data() + at + 1, end, view.version);
  if (error != std::errc() || stop != end || view.version == 0) return std::nullopt;
  return view;
}

}  // namespace forebay
