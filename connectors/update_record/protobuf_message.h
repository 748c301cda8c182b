// Steps as protobuf messages (protobuf_schema.h), written straight from the values. A null is an
// absent field; every other field is there, also one that has its default. Lists of numbers are
// packed.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_MESSAGE_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "connectors/update_record/protobuf_schema.h"
#include "connectors/update_record/update_step.h"

namespace forebay {

// Values as fields of a message. Immutable, thread-safe.
class ProtobufValues {
 public:
  void Add(const ProtobufField& field);

  // Room that Write needs, in bytes.
  size_t MaxSize(const Scalar* values) const;

  // Writes one value per field and returns the end.
  char* Write(const Scalar* values, char* out) const;

 private:
  struct Field {
    uint32_t tag;  // as on the wire, little-endian
    uint32_t tag_size;
    WireForm form;
    bool repeated;
  };

  static char* WriteTag(const Field& field, char* out);
  static char* WriteList(const Field& field, std::string_view list, char* out);

  // Fields of one form after one another.
  struct Run {
    WireForm form;
    bool repeated;
    size_t fields = 0;
  };

  std::vector<Field> fields_;
  std::vector<Run> runs_;
  std::vector<size_t> texts_;  // the fields whose values have no bound
  size_t fixed_size_ = 0;
};

// The value of an update record. Immutable, thread-safe.
class ProtobufStepWriter {
 public:
  ProtobufStepWriter(const v1::FeatureView& view, const v1::Entity& entity, int32_t partition);

  // Room that Write needs for the step, in bytes.
  size_t MaxSize(const UpdateStep& step) const;

  // Writes to `out` and returns the end.
  char* Write(const UpdateStep& step, char* out) const;

 private:
  const int64_t partition_;
  const int64_t view_version_;
  ProtobufValues keys_;
  ProtobufValues features_;
  ProtobufValues step_;  // the `_` columns
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_MESSAGE_H_
