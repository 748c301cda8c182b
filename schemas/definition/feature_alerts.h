// How far the values of a feature may move: its `alerts`.
#ifndef FOREBAY_SCHEMAS_DEFINITION_FEATURE_ALERTS_H_
#define FOREBAY_SCHEMAS_DEFINITION_FEATURE_ALERTS_H_

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

// Sets those of `node`, the map of them; null: none are declared.
void ReadAlerts(const YamlNode* node, v1::Feature* feature, Findings* findings);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_FEATURE_ALERTS_H_
