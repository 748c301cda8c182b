#include "schemas/definition/about.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "schemas/types/time.h"

namespace forebay::definition {
namespace {

void ReadTags(const YamlNode* node, v1::About* about, Findings* findings) {
  const auto* items = ReadList(node, "tags", findings);
  for (size_t i = 0; items != nullptr && i < items->size(); ++i) {
    const YamlNode& item = *(*items)[i];
    std::optional<std::string> tag = ReadText(&item, "a tag", findings);
    if (!tag) continue;
    if (std::ranges::find(about->tags(), *tag) != about->tags().end()) {
      findings->Add(item, fmt::format("tag '{}' is there twice", *tag));
    } else {
      about->add_tags(*std::move(tag));
    }
  }
}

void ReadDeprecation(const YamlNode* node, v1::About* about, Findings* findings) {
  if (node == nullptr) return;
  MapReader map(*node, "deprecated", {"since", "use"}, findings);
  if (!map.is_map()) return;
  v1::About::Deprecation* deprecated = about->mutable_deprecated();
  const YamlNode* since = map.Require("since");
  deprecated->set_since(ReadText(since, "since", findings).value_or(""));
  if (since != nullptr && !deprecated->since().empty() &&
      !ParseTime(deprecated->since() + "T00:00:00Z").ok()) {
    findings->Add(
        *since, fmt::format("'{}' is not a date: write it as in 2026-03-01", deprecated->since()));
  }
  deprecated->set_use(ReadText(map.Get("use"), "use", findings).value_or(""));
}

}  // namespace

v1::About ReadAbout(const MapReader& map, Findings* findings) {
  v1::About about;
  about.set_description(ReadText(map.Get("description"), "description", findings).value_or(""));
  about.set_owner(ReadText(map.Get("owner"), "owner", findings).value_or(""));
  ReadTags(map.Get("tags"), &about, findings);
  ReadDeprecation(map.Get("deprecated"), &about, findings);
  return about;
}

}  // namespace forebay::definition
