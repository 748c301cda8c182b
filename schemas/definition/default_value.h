// The value of an empty window (S19).
#ifndef FOREBAY_SCHEMAS_DEFINITION_DEFAULT_VALUE_H_
#define FOREBAY_SCHEMAS_DEFINITION_DEFAULT_VALUE_H_

#include <optional>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

// The `default` of the feature that `feature` (a map) declares, typed as the aggregate is; without
// one, 0 for what counts and null for others. Nullopt, having said why, for one of another type.
std::optional<v1::Literal> ReadDefault(const YamlNode& feature, const v1::Aggregate& aggregate,
                                       Findings* findings);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_DEFAULT_VALUE_H_
