// The `batch` of a source: files that hold its events up to a time, or all of them.
#ifndef FOREBAY_SCHEMAS_DEFINITION_BATCH_SOURCE_H_
#define FOREBAY_SCHEMAS_DEFINITION_BATCH_SOURCE_H_

#include <filesystem>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

// Fills Source.batch, and the known time of a source that is fed. `known_time`: what the source
// says of it, null: nothing. `folder`: of the project, which a relative path starts from. REQUIRES:
// the source's topic, format, schema and times are read.
void ReadBatchSource(const YamlNode& node, const YamlNode* known_time,
                     const std::filesystem::path& folder, v1::Source* source, Findings* findings);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_BATCH_SOURCE_H_
