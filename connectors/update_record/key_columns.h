// The key of a step as the values of its columns.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_KEY_COLUMNS_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_KEY_COLUMNS_H_

#include <string_view>
#include <vector>

#include "engine/aggregate/aggregate.h"
#include "schemas/types/value.h"

namespace forebay {

namespace v1 {
class Entity;
}

// Points into the key and is not to be moved. Nothing is allocated for the key that most entities
// have: a lone text or number.
class KeyColumns {
 public:
  // REQUIRES: `key` is what EncodeKey makes.
  KeyColumns(const v1::Entity& entity, std::string_view key);
  KeyColumns(const KeyColumns&) = delete;

  // One per column.
  const Scalar* values() const { return parts_.empty() ? &lone_ : values_.data(); }

 private:
  Scalar lone_;
  std::vector<Value> parts_;
  std::vector<Scalar> values_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_KEY_COLUMNS_H_
