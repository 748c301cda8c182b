#include "connectors/decode/key_text.h"

#include <charconv>
#include <vector>

#include "absl/status/status.h"
#include "engine/state/key.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"
#include "schemas/types/value.h"

namespace forebay {
namespace {

// A source of the entity's keys as KeyText() writes them.
v1::Source KeySource(const v1::Entity& entity) {
  v1::Source source;
  for (const v1::Field& key : entity.keys()) {
    v1::Field& field = *source.add_schema() = key;
    if (key.type() == v1::TIMESTAMP) field.set_time_encoding(v1::RFC3339);
  }
  return source;
}

Value ValueOf(const FieldValue& value, v1::DataType type) {
  if (type == v1::BOOL) return value.boolean;
  if (type == v1::STRING || type == v1::BYTES) return std::string(value.text);
  return value.integer;
}

absl::Status NoKey(const v1::Entity& entity, std::string_view expected) {
  return absl::InvalidArgumentError(
      fmt::format("it is no key of entity {}: expected {}", entity.name(), expected));
}

}  // namespace

KeyTextReader::KeyTextReader(const v1::Entity& entity)
    : entity_(&entity), json_(KeySource(entity)) {}

absl::StatusOr<std::string> KeyTextReader::Read(std::string_view text) {
  std::vector<Value> parts;
  if (entity_->keys_size() == 1 && entity_->keys(0).type() == v1::STRING) {
    parts.emplace_back(std::string(text));
    return EncodeKey(*entity_, parts);
  }
  if (entity_->keys_size() == 1 && entity_->keys(0).type() == v1::INT64) {
    int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
      return NoKey(*entity_, "an int64 in decimal");
    parts.emplace_back(number);
    return EncodeKey(*entity_, parts);
  }
  if (!json_.Read(text)) return NoKey(*entity_, "a JSON object of its key columns");
  for (int i = 0; i < entity_->keys_size(); ++i) {
    const FieldValue& value = json_.values()[i];
    if (value.null) return NoKey(*entity_, fmt::format("a value of {}", entity_->keys(i).name()));
    parts.push_back(ValueOf(value, entity_->keys(i).type()));
  }
  return EncodeKey(*entity_, parts);
}

}  // namespace forebay
