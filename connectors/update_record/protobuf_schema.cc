#include "connectors/update_record/protobuf_schema.h"

#include <algorithm>
#include <set>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The name as an identifier: what .proto does not allow becomes '_', and a letter comes first.
std::string Identifier(std::string_view name) {
  std::string identifier;
  for (char c : name) identifier += IsLetter(c) || IsDigit(c) ? c : '_';
  identifier.erase(0, identifier.find_first_not_of('_'));
  if (identifier.empty() || !IsLetter(identifier[0])) identifier.insert(0, "f_");
  return identifier;
}

// Two fields of a message must differ in this.
std::string Folded(std::string_view identifier) {
  std::string folded;
  for (char c : identifier) {
    if (c != '_') folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return folded;
}

std::string CamelCase(std::string_view name) {
  std::string camel;
  bool upper = true;
  for (char c : Identifier(name)) {
    if (c == '_') {
      upper = true;
    } else {
      camel += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return camel;
}

struct WireType {
  std::string_view type;
  WireForm form;
};

WireType WireTypeOf(const ChangeField& field) {
  if (field.name == "_key_hash") return {"sfixed64", WireForm::kFixed64};  // any 64 bits
  switch (field.form) {
    case ColumnForm::kBool:
      return {"bool", WireForm::kBool};
    case ColumnForm::kInt32:
      return {"int32", WireForm::kInt32};
    case ColumnForm::kDouble:
      return {"double", WireForm::kFixed64};
    case ColumnForm::kString:
      return {"string", WireForm::kString};
    case ColumnForm::kBytes:
      return {"bytes", WireForm::kBytes};
    case ColumnForm::kInt64:
    case ColumnForm::kTime:
      break;
  }
  return {"int64", WireForm::kInt64};
}

}  // namespace

std::vector<ProtobufField> ProtobufFields(const std::vector<ChangeField>& fields) {
  std::vector<ProtobufField> made;
  std::set<std::string> taken;
  for (const ChangeField& field : fields) {
    uint32_t number = static_cast<uint32_t>(made.size()) + 1;
    std::string name = Identifier(field.name);
    if (!taken.insert(Folded(name)).second) {
      name += fmt::format("_{}", number);
      taken.insert(Folded(name));
    }
    auto [type, form] = WireTypeOf(field);
    bool optional = field.nullable && !field.list;
    made.push_back({std::move(name), type, form, field.list, optional, number});
  }
  return made;
}

std::string UpdateProto(const v1::Project& project, int view) {
  const v1::FeatureView& definition = project.feature_views(view);
  std::vector<ChangeField> columns = ChangeFields(definition, EntityOf(project, definition));
  std::vector<ProtobufField> fields = ProtobufFields(columns);
  std::string topic = UpdateTopic(project.name(), definition.name(), definition.version());
  std::string text = fmt::format(
      "// Values of the records of topic {}.\n"
      "syntax = \"proto3\";\n\n"
      "package {};\n\n"
      "message {}V{} {{\n",
      topic, Identifier(project.name()), CamelCase(definition.name()), definition.version());
  for (size_t i = 0; i < fields.size(); ++i) {
    const ProtobufField& field = fields[i];
    std::string note;
    if (field.name != columns[i].name) note = columns[i].name;
    if (columns[i].form == ColumnForm::kTime) {
      note += note.empty() ? "" : ": ";
      note += "microseconds since 1970-01-01T00:00:00Z";
    }
    std::string_view label = field.repeated ? "repeated " : field.optional ? "optional " : "";
    text += fmt::format("  {}{} {} = {};{}{}\n", label, field.type, field.name, field.number,
                        note.empty() ? "" : "  // ", note);
  }
  return text + "}\n";
}

}  // namespace forebay
