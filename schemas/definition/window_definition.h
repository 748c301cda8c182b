// The windows of a feature (S13, S14, S17) and the names that they give (S18).
#ifndef FOREBAY_SCHEMAS_DEFINITION_WINDOW_DEFINITION_H_
#define FOREBAY_SCHEMAS_DEFINITION_WINDOW_DEFINITION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

// How many tiles a window may have: its size in hops.
inline constexpr int64_t kMostTiles = 20'000;

struct NamedWindow {
  std::string suffix;  // "1h", "1h_hop_1m", "tumbling_1h", "lifetime": durations as written
  v1::Window window;
};

// One item of `windows`.
std::optional<NamedWindow> ReadWindow(const YamlNode& node, Findings* findings);

// The hop of a sawtooth window that declares none (S13); may not divide the size. 0: there is
// none in whole microseconds. `size` and result in microseconds.
int64_t DefaultHop(int64_t size);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_WINDOW_DEFINITION_H_
