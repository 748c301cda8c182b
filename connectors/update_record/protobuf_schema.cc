#include "connectors/update_record/protobuf_schema.h"

#include <set>
#include <utility>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/data_type.h"
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

// Of a list: of its elements.
WireType WireTypeOf(DataType type) {
  switch (IsList(type) ? ElementType(type) : type) {
    case DataType::kBool:
      return {"bool", WireForm::kBool};
    case DataType::kDouble:
      return {"double", WireForm::kFixed64};
    case DataType::kString:
      return {"string", WireForm::kString};
    case DataType::kBytes:
      return {"bytes", WireForm::kBytes};
    case DataType::kInt64:
    case DataType::kTimestamp:
      break;
  }
  return {"int64", WireForm::kVarint};
}

bool IsTime(DataType type) {
  return type == DataType::kTimestamp || type == ListOf(DataType::kTimestamp);
}

constexpr std::string_view kTimeNote = "microseconds since 1970-01-01T00:00:00Z";

// Adds fields one by one, numbered and with names that protoc tells apart.
class FieldList {
 public:
  void Add(const std::string& column, WireType wire, bool time = false) {
    ProtobufField& field = fields_.emplace_back();
    field.number = static_cast<uint32_t>(fields_.size());
    field.name = Identifier(column);
    if (!taken_.insert(Folded(field.name)).second) {
      field.name += fmt::format("_{}", field.number);
      taken_.insert(Folded(field.name));
    }
    field.type = wire.type;
    field.form = wire.form;
    if (field.name != column) field.note = column;
    if (time) field.note += fmt::format("{}{}", field.note.empty() ? "" : ": ", kTimeNote);
  }

  void AddFeature(const std::string& column, DataType type) {
    Add(column, WireTypeOf(type), IsTime(type));
    fields_.back().repeated = IsList(type);
    fields_.back().optional = !IsList(type);
  }

  std::vector<ProtobufField> Take() { return std::move(fields_); }

 private:
  std::vector<ProtobufField> fields_;
  std::set<std::string> taken_;
};

}  // namespace

std::vector<ProtobufField> ProtobufFields(const v1::FeatureView& view, const v1::Entity& entity) {
  constexpr WireType kInt64 = {"int64", WireForm::kVarint};
  constexpr WireType kInt32 = {"int32", WireForm::kVarint};
  FieldList list;
  for (const v1::Field& key : entity.keys()) {
    auto type = static_cast<DataType>(key.type());
    list.Add(key.name(), WireTypeOf(type), IsTime(type));
  }
  for (const v1::Feature& feature : view.features())
    list.AddFeature(feature.name(), static_cast<DataType>(feature.type()));
  for (const char* time : {"_effective_time", "_event_time", "_known_time"})
    list.Add(time, kInt64, /*time=*/true);
  list.Add("_op", WireTypeOf(DataType::kString));
  list.Add("_key_hash", {"sfixed64", WireForm::kFixed64});  // any 64 bits
  list.Add("_source_partition", kInt32);
  list.Add("_source_offset", kInt64);
  list.Add("_ordinal", kInt32);
  list.Add("_view_version", kInt32);
  return list.Take();
}

std::string UpdateProto(const v1::Project& project, int view) {
  const v1::FeatureView& definition = project.feature_views(view);
  const v1::Entity& entity = *FindEntity(project, definition.entity());
  std::string topic = UpdateTopic(project.name(), definition.name(), definition.version());
  std::string text = fmt::format(
      "// Values of the records of topic {}.\n"
      "syntax = \"proto3\";\n\n"
      "package {};\n\n"
      "message {}V{} {{\n",
      topic, Identifier(project.name()), CamelCase(definition.name()), definition.version());
  for (const ProtobufField& field : ProtobufFields(definition, entity)) {
    std::string_view label = field.repeated ? "repeated " : field.optional ? "optional " : "";
    text += fmt::format("  {}{} {} = {};{}{}\n", label, field.type, field.name, field.number,
                        field.note.empty() ? "" : "  // ", field.note);
  }
  return text + "}\n";
}

}  // namespace forebay
