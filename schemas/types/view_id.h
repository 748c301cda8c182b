// A view by name and version: where its definition may be gone, or is not at hand.
#ifndef FOREBAY_SCHEMAS_TYPES_VIEW_ID_H_
#define FOREBAY_SCHEMAS_TYPES_VIEW_ID_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace forebay {

struct ViewId {
  std::string name;
  uint32_t version = 0;

  auto operator<=>(const ViewId&) const = default;
  // "user_spend@1"
  std::string ToString() const;
};

// Of what ToString makes; nullopt for other text.
std::optional<ViewId> ParseViewId(std::string_view text);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_VIEW_ID_H_
