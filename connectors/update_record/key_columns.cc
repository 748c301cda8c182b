#include "connectors/update_record/key_columns.h"

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

Scalar ScalarOf(const Value& part) {
  if (const bool* boolean = std::get_if<bool>(&part)) return Scalar::Bool(*boolean);
  if (const std::string* text = std::get_if<std::string>(&part)) return Scalar::String(*text);
  return Scalar::Int64(std::get<int64_t>(part));
}

}  // namespace

KeyColumns::KeyColumns(const v1::Entity& entity, std::string_view key) {
  if (IsRawTextKey(entity)) {
    lone_ = Scalar::String(key);
  } else if (IsLoneIntKey(entity)) {
    lone_ = Scalar::Int64(LoneIntKey(key));
  } else {
    parts_ = DecodeKey(entity, key).value();
    for (const Value& part : parts_) values_.push_back(ScalarOf(part));
  }
}

}  // namespace forebay
