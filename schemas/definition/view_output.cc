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

v1::FeatureView::Output ReadOutput(const YamlNode* node, std::string_view what,
                                   Findings* findings) {
  return ReadOnOrOff(node, what, findings).value_or(true) ? v1::FeatureView::ON
                                                          : v1::FeatureView::OFF;
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
  view->set_update_expiry(ReadOutput(map.Get("expiry"), "expiry", findings));
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
    view->set_updates(ReadOutput(node, "updates", findings));
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
  view->set_history(ReadOutput(map.Get("history"), "history", findings));
  ReadUpdates(map.Get("updates"), view, findings);
  ReadEmit(map.Get("emit"), view, findings);
}

}  // namespace forebay::definition
