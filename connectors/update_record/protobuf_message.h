// Rows of change records as protobuf messages (protobuf_schema.h), written straight from the
// columns. A null is an absent field; every other field is there, also one that has its default.
// Lists of numbers are packed.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_MESSAGE_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "connectors/update_record/change_columns.h"
#include "connectors/update_record/protobuf_schema.h"

namespace forebay {

// Immutable, thread-safe.
class ProtobufMessageWriter {
 public:
  explicit ProtobufMessageWriter(const std::vector<ChangeField>& fields);

  // Room that Write needs for the row, in bytes.
  size_t MaxSize(const RawColumns& columns, int64_t row) const;

  // Writes to `out` and returns the end.
  char* Write(const RawColumns& columns, int64_t row, char* out) const;

 private:
  struct Tag {
    uint32_t bytes;  // as on the wire, little-endian
    uint32_t size;
  };
  struct Run {  // neighbours of one form
    WireForm form;
    bool repeated;
    size_t begin;
    size_t end;
  };

  static char* WriteList(const RawColumn& column, const Tag& tag, WireForm form, int64_t row,
                         char* out);

  std::vector<Tag> tags_;  // by column
  std::vector<Run> runs_;
  std::vector<size_t> texts_;  // the columns whose values have no bound, lists aside
  size_t fixed_size_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_MESSAGE_H_
