#include "connectors/key_check/record_key.h"

#include <string>

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"
#include "schemas/types/json.h"

namespace forebay {
namespace {

// The entity's keys as a source has them.
v1::Source KeyColumnsOf(const v1::Source& source, const v1::Entity& entity) {
  v1::Source keys;
  for (const v1::Field& key : entity.keys()) {
    for (const v1::Field& field : source.schema()) {
      if (field.name() == key.name()) *keys.add_schema() = field;
    }
  }
  return keys;
}

std::string JsonText(const Value& value, const v1::Field& field) {
  std::string text;
  AppendJsonValue(value, static_cast<DataType>(field.type()), &text);
  return text;
}

template <typename Int>
std::string BigEndian(int64_t value) {
  std::string bytes;
  for (int shift = 8 * (sizeof(Int) - 1); shift >= 0; shift -= 8)
    bytes += static_cast<char>(static_cast<uint64_t>(value) >> shift);
  return bytes;
}

bool SaysInBytes(std::string_view record_key, int64_t value) {
  return record_key == BigEndian<int64_t>(value) ||
         (value == static_cast<int32_t>(value) && record_key == BigEndian<int32_t>(value));
}

bool IsEqual(const FieldValue& found, const Value& value) {
  if (found.null) return false;
  if (const bool* boolean = std::get_if<bool>(&value)) return found.boolean == *boolean;
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return found.integer == *integer;
  const std::string* text = std::get_if<std::string>(&value);
  return text != nullptr && found.text == *text;
}

}  // namespace

RecordKeyReader::RecordKeyReader(const v1::Source& source, const v1::Entity& entity)
    : entity_(entity), json_(KeyColumnsOf(source, entity)) {}

bool RecordKeyReader::Says(std::string_view record_key, absl::Span<const Value> parts) {
  if (parts.size() == 1) {
    if (record_key == KeyText(entity_, parts)) return true;
    if (record_key == JsonText(parts[0], entity_.keys(0))) return true;
    const int64_t* integer = std::get_if<int64_t>(&parts[0]);
    if (integer != nullptr && SaysInBytes(record_key, *integer)) return true;
  }
  return SaysInJson(record_key, parts);
}

// REQUIRES: it is an object.
size_t RecordKeyReader::CountMembers(std::string_view object) {
  scanner_.Start(object);
  scanner_.Take('{');
  std::string_view name;
  size_t count = 0;
  while (scanner_.ReadString(&name) && scanner_.Take(':') && scanner_.SkipValue()) {
    ++count;
    if (!scanner_.TakeIf(',')) break;
  }
  return count;
}

bool RecordKeyReader::SaysInJson(std::string_view record_key, absl::Span<const Value> parts) {
  if (!record_key.starts_with('{') || !json_.Read(record_key)) return false;
  if (CountMembers(record_key) != parts.size()) return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!IsEqual(json_.values()[i], parts[i])) return false;
  }
  return true;
}

}  // namespace forebay
