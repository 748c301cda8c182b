// The librdkafka properties that a project may not set, because the engine's guarantees rest on
// them.
#ifndef FOREBAY_SCHEMAS_DEFINITION_KAFKA_PROPERTIES_H_
#define FOREBAY_SCHEMAS_DEFINITION_KAFKA_PROPERTIES_H_

#include <span>
#include <string_view>

namespace forebay::definition {

struct OwnedProperty {
  std::string_view name;
  std::string_view reason;  // who owns it, and what to do instead where there is something
};

std::span<const OwnedProperty> OwnedKafkaProperties();

// Null for a property that passes through.
const OwnedProperty* FindOwnedKafkaProperty(std::string_view name);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_KAFKA_PROPERTIES_H_
