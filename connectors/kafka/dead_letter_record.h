// The Kafka form of a dead letter: the raw key and value, the record's own headers, then Kafka
// Connect's (which dead-letter tools read) and forebay's:
//
//   __connect.errors.topic, .partition, .offset       where the record is
//   __connect.errors.stage                            VALUE_CONVERTER (rejected before any view)
//                                                     or TRANSFORMATION (by a view)
//   __connect.errors.class.name                       "forebay"
//   __connect.errors.exception.message                a sentence
//   forebay-reason                                    RejectReasonName
//   forebay-view, forebay-view-version                the view; absent if rejected before any
//   forebay-omitted                                   DeadLetter::omitted; absent if nothing is
#ifndef FOREBAY_CONNECTORS_KAFKA_DEAD_LETTER_RECORD_H_
#define FOREBAY_CONNECTORS_KAFKA_DEAD_LETTER_RECORD_H_

#include "absl/status/statusor.h"
#include "engine/batch/change_batch.h"

namespace forebay {

// The headers of `letter` in the dead-letter topic, in the order above. Values are text, decimal.
RecordHeaders DeadLetterHeaders(const DeadLetter& letter);

// The size of `letter` in the topic, `headers` being its DeadLetterHeaders.
size_t DeadLetterBytes(const DeadLetter& letter, const RecordHeaders& headers);

// The same dead letter without the record's value, and, where it would still have more than `most`
// bytes, without its headers, and then without its key.
DeadLetter FitDeadLetter(const DeadLetter& letter, size_t most);

// What a record of a dead-letter topic was made of; its headers are those of the record that was
// dead-lettered. INVALID_ARGUMENT: forebay did not write it; says which header is missing or bad.
// `record` as fetched (its `native` is set).
absl::StatusOr<DeadLetter> ReadDeadLetter(const RawRecord& record);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_DEAD_LETTER_RECORD_H_
