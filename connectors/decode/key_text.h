// The entity key that a text stands for: what KeyText() makes, back to the encoded key.
//
//   KeyTextReader reader(entity);
//   ASSIGN_OR_RETURN(std::string key, reader.Read("u7"));
#ifndef FOREBAY_CONNECTORS_DECODE_KEY_TEXT_H_
#define FOREBAY_CONNECTORS_DECODE_KEY_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "connectors/decode/json_object_reader.h"

namespace forebay {

namespace v1 {
class Entity;
}

// Not thread-safe.
class KeyTextReader {
 public:
  // `entity` outlives it.
  explicit KeyTextReader(const v1::Entity& entity);

  const v1::Entity& entity() const { return *entity_; }

  // As EncodeKey makes it. INVALID_ARGUMENT: no key of the entity has that text; the message does
  // not repeat it.
  absl::StatusOr<std::string> Read(std::string_view text);

 private:
  const v1::Entity* entity_;
  JsonObjectReader json_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_KEY_TEXT_H_
