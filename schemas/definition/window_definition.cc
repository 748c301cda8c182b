#include "schemas/definition/window_definition.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/definition/map_reader.h"
#include "schemas/types/time.h"

namespace forebay::definition {
namespace {

constexpr int64_t kMinute = 60 * kMicrosPerSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

constexpr std::string_view kForms = "write 1h, {sawtooth: 1h, hop: 5m}, {tumbling: 1h} or lifetime";
// The key that declares a kind of window to come, and its name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kLater = {
    {{"hopping", "hopping"}, {"session", "session"}, {"sliding", "sliding"}, {"last", "last-N"}}};

// Durations name columns, so one duration written in one way has one form: no leading zeros.
std::optional<int64_t> ReadSize(const YamlNode* node, Findings* findings) {
  std::optional<int64_t> size = ReadDuration(node, findings);
  if (!size || !node->text.starts_with('0')) return size;
  findings->Add(*node, fmt::format("'{}' begins with 0: the feature's name repeats the duration, "
                                   "so write it plainly",
                                   node->text));
  return std::nullopt;
}

// A hop that divides `size` into as many tiles as may be, but no more than hops of `least` would;
// the size itself always does.
int64_t DividingHop(int64_t size, int64_t least) {
  int64_t tiles = std::clamp<int64_t>(size / std::max<int64_t>(least, 1), 1, kMostTiles);
  while (size % tiles != 0) --tiles;
  return size / tiles;
}

std::string NoDefaultHop(const std::string& text, int64_t size) {
  int64_t hop = DefaultHop(size);
  if (hop == 0) {
    return fmt::format(
        "a tenth of {}, the hop of so short a window, is not a whole number of "
        "microseconds: declare one, as in {{sawtooth: {}, hop: {}}}",
        text, text, FormatDuration(DividingHop(size, 1)));
  }
  return fmt::format(
      "a window of {} has a hop of {}, which does not divide it: declare one that "
      "does, as in {{sawtooth: {}, hop: {}}}",
      text, FormatDuration(hop), text, FormatDuration(DividingHop(size, std::gcd(size, hop))));
}

// A hop for a window that has too many tiles: a whole unit if one will do, or else some whole
// units.
int64_t LongerHop(int64_t size) {
  constexpr std::array<int64_t, 6> kUnits = {1, 1000, kMicrosPerSecond, kMinute, kHour, kDay};
  int64_t longest = 1;
  for (int64_t unit : kUnits) {
    if (size % unit != 0) continue;
    if (size / unit <= kMostTiles) return unit;
    longest = unit;
  }
  return DividingHop(size / longest, 1) * longest;
}

// False, having reported it, where a key would keep too many tiles: what each event, lookup and
// commit of the key may have to go through, and as many expiry steps when its events end.
bool CheckTiles(const YamlNode& node, const std::string& size_text, int64_t size, int64_t hop,
                Findings* findings) {
  if (size / hop <= kMostTiles) return true;
  findings->Add(
      node, fmt::format("a window of {} in hops of {} has {} tiles, each of which a key may keep; "
                        "at most {} are allowed: declare a longer hop, as in {{sawtooth: {}, hop: "
                        "{}}}, or lifetime",
                        size_text, FormatDuration(hop), size / hop, kMostTiles, size_text,
                        FormatDuration(LongerHop(size))));
  return false;
}

NamedWindow Sawtooth(std::string suffix, int64_t size, int64_t hop) {
  NamedWindow named;
  named.suffix = std::move(suffix);
  named.window.set_kind(v1::Window::SAWTOOTH);
  named.window.set_size_us(size);
  named.window.set_hop_us(hop);
  return named;
}

// `node` holds the size; a missing hop is the default one.
std::optional<NamedWindow> ReadSawtooth(const YamlNode* node, const YamlNode* hop_node,
                                        Findings* findings) {
  std::optional<int64_t> size = ReadSize(node, findings);
  if (hop_node == nullptr) {
    if (!size) return std::nullopt;
    int64_t hop = DefaultHop(*size);
    if (hop > 0 && *size % hop == 0) {
      if (!CheckTiles(*node, node->text, *size, hop, findings)) return std::nullopt;
      return Sawtooth(node->text, *size, hop);
    }
    findings->Add(*node, NoDefaultHop(node->text, *size));
    return std::nullopt;
  }
  std::optional<int64_t> hop = ReadSize(hop_node, findings);
  if (!size || !hop) return std::nullopt;
  if (*size % *hop != 0) {
    findings->Add(
        *hop_node,
        fmt::format("a hop of {} does not divide the window of {}: {} would", hop_node->text,
                    node->text, FormatDuration(DividingHop(*size, std::gcd(*size, *hop)))));
    return std::nullopt;
  }
  if (!CheckTiles(*hop_node, node->text, *size, *hop, findings)) return std::nullopt;
  return Sawtooth(fmt::format("{}_hop_{}", node->text, hop_node->text), *size, *hop);
}

std::optional<NamedWindow> ReadWord(const YamlNode& node, Findings* findings) {
  if (node.text == "lifetime") {
    NamedWindow named{"lifetime", {}};
    named.window.set_kind(v1::Window::LIFETIME);
    return named;
  }
  if (!node.text.empty() && node.text[0] >= '0' && node.text[0] <= '9') {
    return ReadSawtooth(&node, nullptr, findings);
  }
  findings->Add(node, fmt::format("'{}' is not a window: {}", node.text, kForms));
  return std::nullopt;
}

std::optional<NamedWindow> ReadTumbling(const YamlNode* node, Findings* findings) {
  std::optional<int64_t> size = ReadSize(node, findings);
  if (!size) return std::nullopt;
  NamedWindow named{fmt::format("tumbling_{}", node->text), {}};
  named.window.set_kind(v1::Window::TUMBLING);
  named.window.set_size_us(*size);
  named.window.set_hop_us(*size);
  return named;
}

bool HasKey(const YamlNode& map, std::string_view name) {
  return std::any_of(map.entries.begin(), map.entries.end(),
                     [&](const auto& entry) { return entry.first->text == name; });
}

}  // namespace

int64_t DefaultHop(int64_t size) {
  if (size >= 12 * kDay) return kDay;
  if (size >= 12 * kHour) return kHour;
  if (size >= kHour) return 5 * kMinute;
  return size % 10 == 0 ? size / 10 : 0;
}

std::optional<NamedWindow> ReadWindow(const YamlNode& node, Findings* findings) {
  if (node.kind == YamlNode::Kind::kScalar) return ReadWord(node, findings);
  if (node.kind != YamlNode::Kind::kMap) {
    findings->Add(node, fmt::format("expected a window, found {}: {}", KindName(node), kForms));
    return std::nullopt;
  }
  for (const auto& [key, later] : kLater) {
    if (!HasKey(node, key)) continue;
    findings->Add(node, fmt::format("{} windows are not supported yet: {}", later, kForms));
    return std::nullopt;
  }
  if (HasKey(node, "tumbling")) {
    MapReader map(node, "a tumbling window", {"tumbling"}, findings);
    return ReadTumbling(map.Get("tumbling"), findings);
  }
  MapReader map(node, "a sawtooth window", {"sawtooth", "hop"}, findings);
  const YamlNode* size = map.Require("sawtooth");
  return size ? ReadSawtooth(size, map.Get("hop"), findings) : std::nullopt;
}

}  // namespace forebay::definition
