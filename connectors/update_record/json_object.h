// Steps as JSON objects. Names, quotes and punctuation are texts made beforehand; between them go
// the values.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_JSON_OBJECT_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_JSON_OBJECT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/update_record/update_step.h"
#include "schemas/types/data_type.h"

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
}  // namespace v1

// A text that is written again and again, in pieces of a size that the compiler knows.
class JsonLabel {
 public:
  // What writing it may take.
  static constexpr size_t MaxSize(size_t label) { return label + kPiece; }

  explicit JsonLabel(std::string_view text);

  size_t max_size() const { return bytes_.size(); }

  // Writes to `out`, which has room for max_size(), and returns the end.
  char* Write(char* out) const;

 private:
  static constexpr size_t kPiece = 32;

  std::string bytes_;  // the text, filled up to whole pieces
  size_t size_;        // of the text
};

// Values as members of an object. Immutable, thread-safe.
class JsonMembers {
 public:
  // Starts with `first`: `{`, or `,` where other members come before.
  explicit JsonMembers(std::string_view first) : before_next_(first) {}

  void Add(std::string_view name, DataType type);

  // Room that Write needs, in bytes.
  size_t MaxSize(const Scalar* values) const;

  // Writes one value per member and returns the end.
  char* Write(const Scalar* values, char* out) const;

 private:
  struct Member {
    JsonLabel label;  // `{"name":` or `,"name":`
    DataType type;
  };

  std::string before_next_;
  std::vector<Member> members_;
  std::vector<size_t> texts_;  // the members whose values have no bound
  size_t fixed_size_ = 0;
};

// The members of the entity's keys, the first after `{`.
JsonMembers JsonKeyMembers(const v1::Entity& entity);

// The value of an update record. Immutable, thread-safe.
class JsonStepWriter {
 public:
  JsonStepWriter(const v1::FeatureView& view, const v1::Entity& entity, int32_t partition);

  // Room that Write needs for the step, in bytes.
  size_t MaxSize(const UpdateStep& step) const;

  // Writes to `out` and returns the end.
  char* Write(const UpdateStep& step, char* out) const;

 private:
  char* WriteTimes(const Change& change, char* out) const;

  JsonMembers keys_;
  JsonMembers features_;
  JsonLabel before_effective_time_;
  JsonLabel before_event_time_;
  JsonLabel before_known_time_;
  JsonLabel before_hash_of_event_;  // with the member _op
  JsonLabel before_hash_of_expiry_;
  JsonLabel before_offset_;  // with _source_partition
  JsonLabel before_ordinal_;
  JsonLabel end_;  // with _view_version
  size_t fixed_size_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_JSON_OBJECT_H_
