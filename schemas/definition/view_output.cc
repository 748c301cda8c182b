#include "schemas/definition/view_output.h"

#include <optional>
#include <string>

#include "fmt/format.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/types/time.h"

namespace forebay::definition {
namespace {

constexpr int64_t kShortestEmission = 1'000;
constexpr int64_t kLongestEmission = 86'400 * kMicrosPerSecond;

// YAML's other words for on and off, to which the nearest name by letters would be the wrong one.
std::string OnOrOff(const std::string& word) {
  if (word == "no" || word == "false") return ": did you mean 'off'? The choices are: on, off";
  if (word == "yes" || word == "true") return ": did you mean 'on'? The choices are: on, off";
  return AllowedNames(word, {"on", "off"}, "choices");
}

v1::FeatureView::Output ReadOnOrOff(const YamlNode* node, std::string_view what,
                                    Findings* findings) {
  std::optional<std::string> word = ReadText(node, what, findings);
  if (word && *word != "on" && *word != "off") {
    findings->Add(*node, fmt::format("unknown {} '{}'{}", what, *word, OnOrOff(*word)));
  }
  return word == "off" ? v1::FeatureView::OFF : v1::FeatureView::ON;
}

// Whether `node` is the second of two words; the first is what it is without.
bool IsSecond(const YamlNode* node, std::string_view what, const std::vector<std::string>& words,
              Findings* findings) {
  std::optional<std::string> word = ReadText(node, what, findings);
  if (word && *word != words[0] && *word != words[1]) {
    findings->Add(*node, fmt::format("unknown {} '{}'{}", what, *word,
                                     AllowedNames(*word, words, "choices")));
  }
  return word == words[1];
}

void ReadUpdateOptions(const YamlNode& node, v1::FeatureView* view, Findings* findings) {
  if (node.entries.empty()) {
    findings->Add(node,
                  "updates is an empty map: write on, off or a map such as {format: protobuf}");
  }
  MapReader map(node, "updates", {"every", "expiry", "format", "headers"}, findings);
  if (IsSecond(map.Get("every"), "every", {"commit", "change"}, findings))
    view->set_update_every(v1::FeatureView::UPDATE_EVERY_CHANGE);
  view->set_update_expiry(ReadOnOrOff(map.Get("expiry"), "expiry", findings));
  if (IsSecond(map.Get("format"), "format", {"json", "protobuf"}, findings))
    view->set_update_format(v1::FeatureView::UPDATE_PROTOBUF);
  if (IsSecond(map.Get("headers"), "headers", {"deletes", "all"}, findings))
    view->set_update_headers(v1::FeatureView::HEADERS_ALL);
}

void ReadUpdates(const YamlNode* node, v1::FeatureView* view, Findings* findings) {
  if (node == nullptr) return;
  if (node->kind == YamlNode::Kind::kMap) {
    ReadUpdateOptions(*node, view, findings);
  } else if (node->kind == YamlNode::Kind::kScalar) {
    view->set_updates(ReadOnOrOff(node, "updates", findings));
  } else {
    findings->Add(*node,
                  fmt::format("updates must be on, off or a map such as {{format: protobuf}}, "
                              "found {}",
                              KindName(*node)));
  }
}

void ReadEmit(const YamlNode* node, v1::FeatureView* view, Findings* findings) {
  if (node == nullptr) return;
  if (node->kind != YamlNode::Kind::kMap) {
    findings->Add(
        *node, fmt::format("emit must be a map such as {{every: 1s}}, found {}", KindName(*node)));
    return;
  }
  MapReader map(*node, "emit", {"every"}, findings);
  const YamlNode* every = map.Require("every");
  std::optional<int64_t> interval = ReadDuration(every, findings);
  if (!interval) return;
  if (*interval < kShortestEmission || *interval > kLongestEmission) {
    findings->Add(*every,
                  fmt::format("emit every {}: at least {} and at most {} are allowed", every->text,
                              FormatDuration(kShortestEmission), FormatDuration(kLongestEmission)));
    return;
  }
  view->set_emit_every_us(*interval);
}

}  // namespace

void ReadOutputs(const MapReader& map, v1::FeatureView* view, Findings* findings) {
  view->set_history(ReadOnOrOff(map.Get("history"), "history", findings));
  ReadUpdates(map.Get("updates"), view, findings);
  ReadEmit(map.Get("emit"), view, findings);
}

}  // namespace forebay::definition
