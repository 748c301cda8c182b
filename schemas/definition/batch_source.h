// The `batch` of a source: files that hold its events up to a time, or all of them.
#ifndef FOREBAY_SCHEMAS_DEFINITION_BATCH_SOURCE_H_
#define FOREBAY_SCHEMAS_DEFINITION_BATCH_SOURCE_H_

#include <filesystem>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

// Fills Source.batch. `folder`: of the project, which a relative path starts from. REQUIRES: the
// source's topic, schema and times are read.
void ReadBatchSource(const YamlNode& node, const std::filesystem::path& folder, v1::Source* source,
                     Findings* findings);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_BATCH_SOURCE_H_
