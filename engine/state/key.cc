#include "engine/state/key.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"
#include "schemas/types/json.h"

namespace forebay {
namespace {

constexpr char kEscapedZero = '\xFF';  // after a 0x00: that byte was part of the text
constexpr char kEnd = '\x00';          // after a 0x00: the text ends

bool IsText(v1::DataType type) { return type == v1::STRING || type == v1::BYTES; }

// Each takes its part off the front of `bytes`; nullopt if it is not there.
std::optional<Value> TakeBool(std::string_view* bytes) {
  if (bytes->empty() || static_cast<unsigned char>(bytes->front()) > 1) return std::nullopt;
  bool value = bytes->front() == 1;
  bytes->remove_prefix(1);
  return value;
}

std::optional<Value> TakeInt(std::string_view* bytes) {
  if (bytes->size() < 8) return std::nullopt;
  uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits = bits << 8 | static_cast<unsigned char>((*bytes)[i]);
  bytes->remove_prefix(8);
  return static_cast<int64_t>(bits ^ kKeySignBit);
}

std::optional<Value> TakeText(std::string_view* bytes) {
  std::string text;
  for (size_t at = 0; at + 1 < bytes->size(); ++at) {
    text += (*bytes)[at];
    if ((*bytes)[at] != '\x00') continue;
    ++at;
    if ((*bytes)[at] == kEscapedZero) continue;
    if ((*bytes)[at] != kEnd) return std::nullopt;
    text.pop_back();
    bytes->remove_prefix(at + 1);
    return text;
  }
  return std::nullopt;
}

std::optional<Value> TakePart(v1::DataType type, std::string_view* bytes) {
  switch (type) {
    case v1::BOOL:
      return TakeBool(bytes);
    case v1::INT64:
    case v1::TIMESTAMP:
      return TakeInt(bytes);
    case v1::STRING:
    case v1::BYTES:
      return TakeText(bytes);
    default:
      return std::nullopt;
  }
}

absl::Status NotAKey(const v1::Entity& entity, std::string_view encoded, std::string_view what) {
  return absl::DataLossError(fmt::format("0x{} is not a key of entity {}: {}",
                                         absl::BytesToHexString({encoded.data(), encoded.size()}),
                                         entity.name(), what));
}

}  // namespace

HashedKey::HashedKey(std::string_view bytes)
    : bytes(bytes), hash(XXH3_64bits(bytes.data(), bytes.size())) {}

// A lone text needs no end, so it is kept as it is.
bool IsRawTextKey(const v1::Entity& entity) {
  return entity.keys_size() == 1 && IsText(entity.keys(0).type());
}

bool IsLoneIntKey(const v1::Entity& entity) {
  return entity.keys_size() == 1 && (entity.keys(0).type() == v1::INT64 ||  //
                                     entity.keys(0).type() == v1::TIMESTAMP);
}

void AppendKeyBool(bool value, std::string* key) { *key += value ? '\x01' : '\x00'; }

void AppendKeyInt(int64_t value, std::string* key) {
  uint64_t bits = static_cast<uint64_t>(value) ^ kKeySignBit;
  for (int shift = 56; shift >= 0; shift -= 8) *key += static_cast<char>(bits >> shift);
}

void AppendKeyText(std::string_view value, std::string* key) {
  for (char byte : value) {
    *key += byte;
    if (byte == '\x00') *key += kEscapedZero;
  }
  *key += '\x00';
  *key += kEnd;
}

std::string EncodeKey(const v1::Entity& entity, absl::Span<const Value> parts) {
  if (IsRawTextKey(entity)) return std::get<std::string>(parts[0]);
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    v1::DataType type = entity.keys(static_cast<int>(i)).type();
    if (type == v1::BOOL) {
      AppendKeyBool(std::get<bool>(parts[i]), &out);
    } else if (IsText(type)) {
      AppendKeyText(std::get<std::string>(parts[i]), &out);
    } else {
      AppendKeyInt(std::get<int64_t>(parts[i]), &out);
    }
  }
  return out;
}

absl::StatusOr<std::vector<Value>> DecodeKey(const v1::Entity& entity, std::string_view encoded) {
  std::vector<Value> parts;
  if (IsRawTextKey(entity)) {
    parts.emplace_back(std::string(encoded));
    return parts;
  }
  std::string_view rest = encoded;
  for (const v1::Field& key : entity.keys()) {
    std::optional<Value> part = TakePart(key.type(), &rest);
    if (!part.has_value()) {
      return NotAKey(entity, encoded,
                     fmt::format("no {} for {} starts at byte {}",
                                 DataTypeName(static_cast<DataType>(key.type())), key.name(),
                                 encoded.size() - rest.size()));
    }
    parts.push_back(*std::move(part));
  }
  if (!rest.empty()) {
    return NotAKey(entity, encoded, fmt::format("{} bytes follow its last part", rest.size()));
  }
  return parts;
}

std::string KeyText(const v1::Entity& entity, absl::Span<const Value> parts) {
  if (parts.size() == 1) {
    if (entity.keys(0).type() == v1::STRING) return std::get<std::string>(parts[0]);
    if (entity.keys(0).type() == v1::INT64) return std::to_string(std::get<int64_t>(parts[0]));
  }
  std::string out = "{";
  for (size_t i = 0; i < parts.size(); ++i) {
    const v1::Field& key = entity.keys(static_cast<int>(i));
    if (i > 0) out += ',';
    AppendJsonString(key.name(), &out);
    out += ':';
    AppendJsonValue(parts[i], static_cast<DataType>(key.type()), &out);
  }
  out += '}';
  return out;
}

}  // namespace forebay
