// Reads a JSON object by the schema of a source: the gate's first part (S1 a).
//
//   JsonObjectReader reader(source);
//   if (reader.Read(record)) Use(reader.values());
//   else DeadLetter(reader.problem());
//
// What is taken: one object, and nothing but white space around it; UTF-8. Every field of the
// schema, wherever it stands, is of its type, or null, or missing (which is the same):
//
//   bool       true, false
//   int64      an integer literal (no fraction, no exponent) that fits
//   double     any number literal that is in the range of a double; read as the nearest double, so
//              an integer up to 2^53 is exact; -0 keeps its sign
//   string     a string; escapes are resolved
//   bytes      a string of base64 (DecodeBase64)
//   timestamp  an integer literal in the field's unit, nanoseconds floored to microseconds; or RFC
//              3339 text
//
// Other members are skipped; they must be JSON too, no deeper than 256 levels. If a name comes
// twice, each value must be of the type and the last one counts. Names match by what their escapes
// mean.
//
// Not thread-safe. Allocates nothing for a record no longer than those before it.
#ifndef FOREBAY_CONNECTORS_DECODE_JSON_OBJECT_READER_H_
#define FOREBAY_CONNECTORS_DECODE_JSON_OBJECT_READER_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "connectors/decode/field_value.h"

namespace forebay {

namespace v1 {
class Source;
}

class JsonObjectReader {
 public:
  static constexpr std::string_view kExpected = "a JSON object";

  explicit JsonObjectReader(const v1::Source& source);
  JsonObjectReader(JsonObjectReader&&) noexcept;
  JsonObjectReader& operator=(JsonObjectReader&&) noexcept;
  ~JsonObjectReader();

  // False: the text is not such an object; problem() says why.
  bool Read(std::string_view text);

  // One per field of the schema, in its order, of the last text read; valid until the next Read.
  // The times that the gate judges (Gate::Judges) and int64 microseconds cannot hold are the
  // nearest that they can; those of other fields are refused.
  absl::Span<const FieldValue> values() const;

  // A sentence without its full stop: where, what was found, what was expected.
  const std::string& problem() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_JSON_OBJECT_READER_H_
