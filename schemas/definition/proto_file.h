// The messages that a .proto file or a file of descriptors declares.
#ifndef FOREBAY_SCHEMAS_DEFINITION_PROTO_FILE_H_
#define FOREBAY_SCHEMAS_DEFINITION_PROTO_FILE_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

struct ProtoFile {
  // A google.protobuf.FileDescriptorSet: the file and all that it imports, which comes first.
  std::string descriptor_set;
  // Full names of the messages that the file declares; of a descriptor set, those of the files that
  // no other file of it imports.
  std::vector<std::string> messages;            // nested ones after what they are in
  std::vector<std::string> top_level_messages;  // those that are in no other
};

// `path` ends in .proto (text, which may import what lies in `project_folder`, then what lies
// beside it, and google/protobuf/*.proto) or in .binpb, .desc or .pb (what `protoc -o` writes).
// Nullopt, having said why: at `node`, or at a place in the file.
std::optional<ProtoFile> ReadProtoFile(const std::filesystem::path& path,
                                       const std::filesystem::path& project_folder,
                                       const YamlNode& node, Findings* findings);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_PROTO_FILE_H_
