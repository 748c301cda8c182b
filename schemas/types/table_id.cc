#include "schemas/types/table_id.h"

namespace forebay {
namespace {

constexpr std::string_view kEvents = "events/";

}  // namespace

std::string TableId::ToString() const {
  return is_archive() ? std::string(kEvents) + name : ViewId{name, version}.ToString();
}

std::optional<std::string> ParseArchiveName(std::string_view text) {
  if (!text.starts_with(kEvents) || text.size() == kEvents.size()) return std::nullopt;
  return std::string(text.substr(kEvents.size()));
}

}  // namespace forebay
