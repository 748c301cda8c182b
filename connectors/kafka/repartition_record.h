// The Kafka form of records in repartition topics (S26).
//
// A record keeps the source's value and timestamp; its key is the entity key as text; headers, all
// decimal text: forebay-source-partition, forebay-source-offset, forebay-known-time and
// forebay-source-clock, the clock of the source's task after the record (microseconds).
//
// A marker has neither key nor value; headers: forebay-control "marker", forebay-source-partition,
// forebay-source-offset: all records of that source partition up to this offset (-1: none was read
// yet) are in the topic, those for this partition ahead of the marker; forebay-source-clock as
// above, absent before the first record; forebay-at-end: "1" if the source partition had no more
// records then, else "0".
//
// The erasure of a key (control_record.h) is sent on by every partition of the source that has one:
// its key and timestamp, no value; forebay-source-partition, forebay-source-offset and
// forebay-source-clock, absent before the first record. It has its place in the order of its source
// partition's records.
#ifndef FOREBAY_CONNECTORS_KAFKA_REPARTITION_RECORD_H_
#define FOREBAY_CONNECTORS_KAFKA_REPARTITION_RECORD_H_

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/batch/change_batch.h"
#include "engine/batch/event_batch.h"

namespace forebay {

namespace v1 {
class Entity;
}

struct RepartitionHeaders {
  RecordOrigin origin;
  KnownTime known_time;
};

// Of a record, of a marker, and of an erasure. INVALID_ARGUMENT: not written by forebay; says which
// header is missing or bad. `record` as fetched (its `native` is set).
absl::StatusOr<RepartitionHeaders> ReadRepartitionHeaders(const RawRecord& record);
absl::StatusOr<SourceMarker> ReadMarkerHeaders(const RawRecord& record);
absl::StatusOr<RecordOrigin> ReadErasureOrigin(const RawRecord& record);

// The headers of a record or an erasure, and of a marker.
RecordHeaders ForwardedHeaders(const ForwardedRecord& record);
RecordHeaders MarkerHeaders(const SourceMarker& marker);

// Where Kafka's own partitioner (murmur2) puts a record with this key.
PartitionId PartitionOf(std::string_view record_key, int partitions);

// The partition, of so many, that a record with the encoded key of the entity is sent to; nullopt:
// any. `key` as EncodeKey makes it.
std::optional<PartitionId> RepartitionOf(const v1::Entity& entity, std::string_view key,
                                         int partitions);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_REPARTITION_RECORD_H_
