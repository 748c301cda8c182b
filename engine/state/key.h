// Entity keys: as bytes for the state and its order, and as text for Kafka and JSON.
#ifndef FOREBAY_ENGINE_STATE_KEY_H_
#define FOREBAY_ENGINE_STATE_KEY_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
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

// An encoded key with its XXH3-64, so that it is hashed once.
struct HashedKey {
  HashedKey() = default;
  explicit HashedKey(std::string_view bytes);
  // REQUIRES: `hash` is that of `bytes`.
  HashedKey(std::string_view bytes, uint64_t hash) : bytes(bytes), hash(hash) {}

  std::string_view bytes;
  uint64_t hash = 0;
};

// Of a number in a key: flipped, so that the order of bytes is that of numbers.
inline constexpr uint64_t kKeySignBit = uint64_t{1} << 63;

// Order-preserving bytes, one part after the other; layout in docs/formats/state.md. REQUIRES: one
// non-null value per key field, of its type.
std::string EncodeKey(const v1::Entity& entity, absl::Span<const Value> parts);

// The parts of an encoded key, each appended by itself. Text: also of an entity whose only key it
// is not.
void AppendKeyBool(bool value, std::string* key);
void AppendKeyInt(int64_t value, std::string* key);
void AppendKeyText(std::string_view value, std::string* key);
// Whether an entity's key is a lone text, whose bytes are the encoded key.
bool IsRawTextKey(const v1::Entity& entity);
// Whether it is a lone int64 or timestamp.
bool IsLoneIntKey(const v1::Entity& entity);

// DATA_LOSS for bytes that EncodeKey does not make.
absl::StatusOr<std::vector<Value>> DecodeKey(const v1::Entity& entity, std::string_view encoded);

// S29: a lone string or integer as its text, else a JSON object in declared order.
std::string KeyText(const v1::Entity& entity, absl::Span<const Value> parts);

// The first eight bytes, as a number in the order of the keys: most are told apart by it.
inline uint64_t FirstBytes(std::string_view key) {
  uint64_t first = 0;
  std::memcpy(&first, key.data(), std::min(key.size(), sizeof first));
  return __builtin_bswap64(first);
}

// REQUIRES: IsLoneIntKey of its entity.
inline int64_t LoneIntKey(std::string_view encoded) {
  return static_cast<int64_t>(FirstBytes(encoded) ^ kKeySignBit);
}

// XXH3-64 of the encoded key, as the int64 of the `_key_hash` column.
inline int64_t KeyHash(const HashedKey& key) { return static_cast<int64_t>(key.hash); }

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_KEY_H_
