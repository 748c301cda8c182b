// Whether the key of a Kafka record says what the record's columns do, in one of the forms that
// producers write:
//
//   u7  42  true               a lone value as its text
//   "u7"                       as JSON
//   {"user_id": "u7"}          a JSON object of the columns, and of no others: those would be part
//                              of what the topic is partitioned by
//   00 00 00 2a                a lone integer in 4 or 8 bytes, big-endian
//
//   RecordKeyReader reader(source, entity);
//   if (reader.Says(*record.key, parts)) ...
//
// Not thread-safe.
#ifndef FOREBAY_CONNECTORS_KEY_CHECK_RECORD_KEY_H_
#define FOREBAY_CONNECTORS_KEY_CHECK_RECORD_KEY_H_

#include <string_view>

#include "absl/types/span.h"
#include "connectors/decode/json_object_reader.h"
#include "connectors/decode/json_scanner.h"
#include "schemas/types/value.h"

namespace forebay {

namespace v1 {
class Entity;
class Source;
}  // namespace v1

class RecordKeyReader {
 public:
  // `entity`: whose keys are the columns, with their types; `source`: how it encodes times. Both
  // outlive the reader.
  RecordKeyReader(const v1::Source& source, const v1::Entity& entity);

  // `parts`: one value per key of the entity, none null. False: another key, or a form that is not
  // among the above.
  bool Says(std::string_view record_key, absl::Span<const Value> parts);

 private:
  size_t CountMembers(std::string_view object);
  bool SaysInJson(std::string_view record_key, absl::Span<const Value> parts);

  const v1::Entity& entity_;
  JsonObjectReader json_;
  JsonScanner scanner_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KEY_CHECK_RECORD_KEY_H_
