// Entity keys: as bytes for the state and its order, and as text for Kafka and JSON.
#ifndef FOREBAY_ENGINE_STATE_KEY_H_
#define FOREBAY_ENGINE_STATE_KEY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "schemas/types/value.h"

namespace forebay {

namespace v1 {
class Entity;
}

// Order-preserving bytes, one part after the other; layout in docs/formats/state.md. REQUIRES: one
// non-null value per key field, of its type.
std::string EncodeKey(const v1::Entity& entity, absl::Span<const Value> parts);

// DATA_LOSS for bytes that EncodeKey does not make.
absl::StatusOr<std::vector<Value>> DecodeKey(const v1::Entity& entity, std::string_view encoded);

// S29: a lone string or integer as its text, else a JSON object in declared order.
std::string KeyText(const v1::Entity& entity, absl::Span<const Value> parts);

// XXH3-64 of the encoded key, as the int64 of the `_key_hash` column.
int64_t KeyHash(std::string_view encoded);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_KEY_H_
