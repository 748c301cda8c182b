// What becomes of the change records of a view: where they go, and how many there are.
#ifndef FOREBAY_SCHEMAS_DEFINITION_VIEW_OUTPUT_H_
#define FOREBAY_SCHEMAS_DEFINITION_VIEW_OUTPUT_H_

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/map_reader.h"

namespace forebay::definition {

// Reads `history`, `updates` and `emit` of the view that `map` declares.
void ReadOutputs(const MapReader& map, v1::FeatureView* view, Findings* findings);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_VIEW_OUTPUT_H_
