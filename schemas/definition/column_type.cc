#include "schemas/definition/column_type.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "fmt/format.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/definition/map_reader.h"
#include "schemas/types/data_type.h"

namespace forebay::definition {
namespace {

constexpr std::array<ColumnType, 10> kTypes = {{{"bool", v1::BOOL},
                                                {"int64", v1::INT64},
                                                {"double", v1::DOUBLE},
                                                {"string", v1::STRING},
                                                {"bytes", v1::BYTES},
                                                {"timestamp", v1::TIMESTAMP, v1::RFC3339},
                                                {"timestamp_s", v1::TIMESTAMP, v1::SECONDS},
                                                {"timestamp_ms", v1::TIMESTAMP, v1::MILLISECONDS},
                                                {"timestamp_us", v1::TIMESTAMP, v1::MICROSECONDS},
                                                {"timestamp_ns", v1::TIMESTAMP, v1::NANOSECONDS}}};

// What other systems call ours, where the nearest name by letters would be another.
constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kOtherWords = {
    {{"int", "int64"},
     {"integer", "int64"},
     {"long", "int64"},
     {"bigint", "int64"},
     {"int32", "int64"},
     {"int16", "int64"},
     {"int8", "int64"},
     {"uint64", "int64"},
     {"float", "double"},
     {"float32", "double"},
     {"float64", "double"},
     {"number", "double"},
     {"decimal", "double"},
     {"text", "string"},
     {"varchar", "string"},
     {"boolean", "bool"},
     {"datetime", "timestamp"},
     {"date", "timestamp"},
     {"timestamptz", "timestamp"},
     {"binary", "bytes"}}};

// JSON's names are wide: letters, digits and _ - @ $. 63 bytes is where PostgreSQL's parser cuts.
constexpr size_t kLongestColumn = 63;

bool IsColumnName(std::string_view text) {
  if (text.empty() || text.size() > kLongestColumn || (text[0] >= '0' && text[0] <= '9') ||
      text[0] == '-') {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '@' || c == '$';
  });
}

std::string UnknownType(const std::string& text) {
  for (std::string_view container : {"list", "map", "vector"}) {
    if (text == container || text.starts_with(fmt::format("{}<", container))) {
      return fmt::format("columns of type {} are not supported yet", container);
    }
  }
  std::vector<std::string> names;
  for (const ColumnType& type : kTypes) names.emplace_back(type.name);
  for (const auto& [word, ours] : kOtherWords) {
    if (text == word) {
      return fmt::format("unknown type '{}': did you mean '{}'? The types are: {}", text, ours,
                         JoinNames(names));
    }
  }
  return fmt::format("unknown type '{}'{}", text, AllowedNames(text, names, "types"));
}

bool ReadType(const YamlNode& node, const std::string& column, v1::Field* field,
              Findings* findings) {
  std::optional<std::string> text =
      ReadText(&node, fmt::format("the type of column '{}'", column), findings);
  if (!text) return false;
  for (const ColumnType& type : kTypes) {
    if (type.name != *text) continue;
    field->set_type(type.type);
    field->set_time_encoding(type.encoding);
    return true;
  }
  findings->Add(node, UnknownType(*text));
  return false;
}

}  // namespace

absl::Span<const ColumnType> ColumnTypes() { return kTypes; }

bool ReadColumns(const YamlNode* node, std::string_view what,
                 google::protobuf::RepeatedPtrField<v1::Field>* fields, Findings* findings) {
  if (node == nullptr) return false;
  if (node->kind != YamlNode::Kind::kMap || node->entries.empty()) {
    std::string_view found = node->kind == YamlNode::Kind::kMap ? "an empty one" : KindName(*node);
    findings->Add(*node,
                  fmt::format("{} must be a map of column names to types, found {}", what, found));
    return false;
  }
  bool whole = true;
  for (const auto& [key, value] : node->entries) {
    v1::Field field;
    if (!IsColumnName(key->text)) {
      findings->Add(*key, fmt::format("'{}' cannot be a column: use at most {} letters, digits, _, "
                                      "-, @ and $, not beginning with a digit or -",
                                      key->text, kLongestColumn));
      whole = false;
    } else if (ReadType(*value, key->text, &field, findings)) {
      field.set_name(key->text);
      *fields->Add() = std::move(field);
    } else {
      whole = false;
    }
  }
  return whole;
}

const v1::Field* FindColumn(const google::protobuf::RepeatedPtrField<v1::Field>& fields,
                            std::string_view name) {
  for (const v1::Field& field : fields) {
    if (field.name() == name) return &field;
  }
  return nullptr;
}

std::vector<std::string> ColumnNames(const google::protobuf::RepeatedPtrField<v1::Field>& fields) {
  std::vector<std::string> names;
  for (const v1::Field& field : fields) names.push_back(field.name());
  return names;
}

std::string_view TypeName(v1::DataType type) { return DataTypeName(static_cast<DataType>(type)); }

}  // namespace forebay::definition
