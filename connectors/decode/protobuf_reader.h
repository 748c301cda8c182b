// Reads a protobuf message by the schema of a source: the gate's first part (S1 a).
//
//   ASSIGN_OR_RETURN(ProtobufReader reader, ProtobufReader::Make(source));
//   if (reader.Read(record)) Use(reader.values());
//   else DeadLetter(reader.problem());
//
// What is taken: the bytes of one message. A column is the field of its name:
//
//   bool       bool
//   int64      any integer; one of 64 bits without sign up to 2^63 - 1; an enum's number
//   double     float, double
//   string     a string, in UTF-8; the name of an enum's number, or its digits if it has none
//   bytes      bytes
//   timestamp  an integer in the column's unit, nanoseconds floored to microseconds;
//              google.protobuf.Timestamp; or RFC 3339 text in a string
//
// A missing field is null if it has presence, else its type's zero. If one comes twice, the last
// counts, and messages are merged; a member of a oneof takes away the others. Other fields, and
// enum numbers that a proto2 field cannot have, are skipped. A field of another wire type than its
// own is refused, as are groups that do not end as they began.
//
// Not thread-safe. Allocates nothing for a record that it takes.
#ifndef FOREBAY_CONNECTORS_DECODE_PROTOBUF_READER_H_
#define FOREBAY_CONNECTORS_DECODE_PROTOBUF_READER_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/decode/field_value.h"

namespace forebay {

namespace v1 {
class Source;
}

class ProtobufReader {
 public:
  static constexpr std::string_view kExpected = "a protobuf message";

  // Errors: INVALID_ARGUMENT: the source's descriptor set lacks its message, or the message a field
  // that fits a column.
  static absl::StatusOr<ProtobufReader> Make(const v1::Source& source);
  ProtobufReader(ProtobufReader&&) noexcept;
  ProtobufReader& operator=(ProtobufReader&&) noexcept;
  ~ProtobufReader();

  // False: the bytes are not such a message; problem() says why.
  bool Read(std::string_view message);

  // One per field of the source's schema, in its order, of the last message read; valid until the
  // next Read, and as long as the message's bytes. The times that the gate judges (Gate::Judges)
  // and int64 microseconds cannot hold are the nearest that they can; those of other fields are
  // refused.
  absl::Span<const FieldValue> values() const;

  // A sentence without its full stop: where, what was found, what was expected.
  const std::string& problem() const;

 private:
  class Impl;
  explicit ProtobufReader(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_PROTOBUF_READER_H_
