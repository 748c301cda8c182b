// What a source yields: the events of one partition, in offset order, as columns.
//
// Row i of `columns` is record `records[i]`. Records that failed the gate (S1) have no row; they
// are in `rejected`. Every record read is in exactly one of the two, control records (S31) aside.
#ifndef FOREBAY_ENGINE_BATCH_EVENT_BATCH_H_
#define FOREBAY_ENGINE_BATCH_EVENT_BATCH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/types/strong_int.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace forebay {

// The input of one task. Ordered and hashable; names the task everywhere ("transactions/3").
struct TaskId {
  std::string topic;
  PartitionId partition;

  auto operator<=>(const TaskId&) const = default;
  std::string ToString() const { return topic + "/" + std::to_string(partition.value()); }

  template <typename H>
  friend H AbslHashValue(H h, const TaskId& id) {
    return H::combine(std::move(h), id.topic, id.partition);
  }
};

// Where a record of a repartition topic came from (S26).
struct RecordOrigin {
  PartitionId partition;
  Offset offset;
  KnownTime clock;  // of the source's task after that record
};

// A control record of a repartition topic: how far the task of a partition of the source has come.
struct SourceMarker {
  Offset offset;          // of the marker, in this topic
  PartitionId partition;  // of the source
  Offset position;        // its records up to here come before the marker; -1: none was read yet
  std::optional<KnownTime> clock;  // of its task there; none: no record yet
  bool at_end = false;             // the partition had no more records then
};

// A control record that asks for a key to be forgotten (S31).
struct KeyErasure {
  Offset offset;          // of the record, in this topic
  std::string entity;     // its name
  std::string key;        // encoded (EncodeKey)
  int64_t timestamp = 0;  // of the Kafka record, microseconds UTC
  // Of a repartition topic; KnownTime::Min(): the source's task had no clock yet.
  RecordOrigin origin = {};
  // Where it comes among the rows of its batch: before this one; the number of rows: after all.
  size_t before_row = 0;
  Offset step_offset{-1};  // as EventBatch.step_offsets
};

// One record as read; the views live as long as the batch's `owner`. What does not come from Kafka
// has no views: who wants the bytes of a record asks its batch for them.
struct RawRecord {
  Offset offset;
  int64_t timestamp = 0;  // of the Kafka record, microseconds UTC
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  const void* native = nullptr;  // the connector's own handle, for RecordBytes
};

using RecordHeaders = std::vector<std::pair<std::string, std::string>>;

// The bytes of a batch's records as they came, for what leaves the engine with them: dead letters,
// forwarded records. These are what the records' views show, without headers; a connector that
// knows more, or has none to show, derives from it. Asked of records of its batch, those rejected
// included; one thread at a time per record.
class RecordBytes {
 public:
  virtual ~RecordBytes() = default;
  virtual std::optional<std::string> Key(const RawRecord& record) const;
  virtual std::optional<std::string> Value(const RawRecord& record) const;
  virtual RecordHeaders Headers(const RawRecord& record) const { return {}; }

  static std::shared_ptr<const RecordBytes> OfViews();
};

// Why a record was dead-lettered. The names (RejectReasonName) are stable: part of the topic's
// format.
enum class RejectReason : uint8_t {
  kUndecodable,
  kBadEventTime,
  kBadKnownTime,
  kFuture,
  kNullKey,
  kLate,
  kUpdateTooLarge,
  kEventTooLarge,
};

// "undecodable", "bad_event_time", "bad_known_time", "future", "null_key", "late",
// "update_too_large", "event_too_large".
std::string_view RejectReasonName(RejectReason reason);
// The reason of that name; nullopt for another.
std::optional<RejectReason> FindRejectReason(std::string_view name);
// All names, in the order of the reasons.
std::vector<std::string> RejectReasonNames();

struct RejectedRecord {
  RawRecord record;
  RejectReason reason;
  std::string detail;  // a sentence: what was found and what was expected
};

namespace v1 {
class Field;
}

// The columns of events: one per field, in order. Arrow types: bool -> boolean, int64 -> int64,
// double -> float64, string -> utf8, bytes -> binary, timestamp -> timestamp[us, UTC]; all
// nullable.
std::shared_ptr<arrow::Schema> EventSchema(const std::vector<const v1::Field*>& fields);

struct EventBatch {
  // Of the schema EventSchema() of the fields that the decoder was told to build.
  std::shared_ptr<arrow::RecordBatch> columns;
  std::vector<RawRecord> records;      // parallel to the rows of `columns`
  std::vector<EventTime> event_times;  // likewise
  std::vector<KnownTime> known_times;  // likewise
  std::vector<RecordOrigin> origins;   // likewise; empty unless the topic is a repartition topic
  // Parallel to the rows: the offset during whose reading a row is applied (S10); empty: its own.
  std::vector<Offset> step_offsets;
  std::vector<KeyErasure> erasures;      // in the order in which they are applied
  std::vector<SourceMarker> markers;     // of a repartition topic; in offset order
  std::vector<RejectedRecord> rejected;  // in offset order
  Offset last_offset{
      -1};              // of the last record, control record or hole read; position after the batch
  bool at_end = false;  // the partition had no more records when this was read
  std::shared_ptr<const RecordBytes> bytes = RecordBytes::OfViews();
  std::shared_ptr<const void> owner;  // keeps the views alive

  size_t size() const { return records.size(); }
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_BATCH_EVENT_BATCH_H_
