#include "schemas/definition/protobuf_source.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/definition/column_type.h"
#include "schemas/definition/proto_file.h"
#include "schemas/protobuf/message_schema.h"

namespace forebay::definition {
namespace {

std::vector<std::string_view> FittingTypes(const MessageField& field) {
  std::vector<std::string_view> names;
  for (const ColumnType& type : ColumnTypes()) {
    if (FitsColumn(field, static_cast<DataType>(type.type), type.encoding)) {
      names.push_back(type.name);
    }
  }
  return names;
}

void CheckColumn(const YamlNode& name, const YamlNode& type, const MessageSchema& message,
                 Findings* findings) {
  auto field = std::find_if(message.fields.begin(), message.fields.end(),
                            [&](const MessageField& f) { return f.name == name.text; });
  if (field == message.fields.end()) {
    std::vector<std::string> names;
    for (const MessageField& other : message.fields) names.push_back(other.name);
    findings->Add(name, fmt::format("message {} has no field '{}'{}", message.name, name.text,
                                    AllowedNames(name.text, names, "fields")));
    return;
  }
  std::string says =
      fmt::format("field '{}' of message {} is {}", field->name, message.name, field->type);
  std::vector<std::string_view> fitting = FittingTypes(*field);
  if (field->repeated) {
    findings->Add(name, fmt::format("{}: repeated fields and maps cannot be columns", says));
  } else if (fitting.empty()) {
    findings->Add(name, fmt::format("{}: of messages, only google.protobuf.Timestamp can be a "
                                    "column",
                                    says));
  } else if (std::find(fitting.begin(), fitting.end(), type.text) == fitting.end()) {
    findings->Add(type, fmt::format("{}, which cannot be {}: declare it as {}", says, type.text,
                                    fmt::join(fitting, " or ")));
  }
}

void CheckColumns(const YamlNode* schema, const v1::Source& source, const MessageSchema& message,
                  Findings* findings) {
  if (schema == nullptr || schema->kind != YamlNode::Kind::kMap) return;
  for (const auto& [name, type] : schema->entries) {
    bool readable = FindColumn(source.schema(), name->text) != nullptr;
    if (readable) CheckColumn(*name, *type, message, findings);
  }
}

// The full name of the events' message; nullopt, having said why.
std::optional<std::string> ChooseMessage(const YamlNode* node, const YamlNode& proto_node,
                                         const ProtoFile& proto, Findings* findings) {
  std::optional<std::string> name = ReadText(node, "message", findings);
  if (name) {
    if (std::find(proto.messages.begin(), proto.messages.end(), *name) != proto.messages.end()) {
      return name;
    }
    findings->Add(*node, fmt::format("unknown message '{}'{}", *name,
                                     AllowedNames(*name, proto.messages, "messages")));
    return std::nullopt;
  }
  if (node != nullptr) return std::nullopt;
  if (proto.top_level_messages.size() == 1) return proto.top_level_messages[0];
  if (proto.messages.empty()) {
    findings->Add(proto_node, fmt::format("{} declares no message", proto_node.text));
  } else {
    findings->Add(proto_node,
                  fmt::format("{} declares several messages: say which one the events "
                              "are, as in 'message: {}'. The messages are: {}",
                              proto_node.text, proto.messages[0], JoinNames(proto.messages)));
  }
  return std::nullopt;
}

void RefuseOfOtherFormats(const MapReader& map, Findings* findings) {
  for (const auto& [key, value] : map.node().entries) {
    if (key->text != "proto" && key->text != "message") continue;
    findings->Add(*key, fmt::format("'{}' is for sources in protobuf: add 'format: protobuf', or "
                                    "remove the key",
                                    key->text));
  }
}

}  // namespace

void ReadProtobuf(const MapReader& map, const std::filesystem::path& project_folder,
                  v1::Source* source, Findings* findings) {
  if (source->format() == v1::Source::JSON) RefuseOfOtherFormats(map, findings);
  if (source->format() != v1::Source::PROTOBUF) return;
  const YamlNode* proto_node = map.Require("proto");
  const YamlNode* message_node = map.Get("message");
  std::optional<std::string> name = ReadText(proto_node, "proto", findings);
  if (!name) return;
  std::filesystem::path folder = std::filesystem::path(proto_node->file->name()).parent_path();
  std::optional<ProtoFile> proto =
      ReadProtoFile(folder / *name, project_folder, *proto_node, findings);
  if (!proto) return;
  std::optional<std::string> message = ChooseMessage(message_node, *proto_node, *proto, findings);
  if (!message) return;
  absl::StatusOr<MessageSchema> schema = ReadMessageSchema(proto->descriptor_set, *message);
  if (!schema.ok()) {
    findings->Add(*proto_node, std::string(schema.status().message()));
    return;
  }
  source->set_descriptor_set(std::move(proto->descriptor_set));
  source->set_message(schema->name);
  CheckColumns(map.Get("schema"), *source, *schema, findings);
}

}  // namespace forebay::definition
