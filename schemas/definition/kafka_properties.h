// What is known here of librdkafka's properties: those that a project may not set, because the
// engine's guarantees rest on them, and those that name files.
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

// Whether a property's value is a file, or folder, of certificates or keys. librdkafka would look
// for it from where the worker was started: a project's lies below its folder.
bool IsKafkaFile(std::string_view name, std::string_view value);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_KAFKA_PROPERTIES_H_
