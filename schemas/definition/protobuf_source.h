// What a source in protobuf declares beyond others: the message of its events.
#ifndef FOREBAY_SCHEMAS_DEFINITION_PROTOBUF_SOURCE_H_
#define FOREBAY_SCHEMAS_DEFINITION_PROTOBUF_SOURCE_H_

#include <filesystem>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/map_reader.h"

namespace forebay::definition {

// Reads `proto` and `message` of the source that `map` declares, and checks that every column read
// so far is a field of the message, of a type that fits. In a source in JSON the two are findings.
void ReadProtobuf(const MapReader& map, const std::filesystem::path& project_folder,
                  v1::Source* source, Findings* findings);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_PROTOBUF_SOURCE_H_
