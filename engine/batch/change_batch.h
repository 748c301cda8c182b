// What a task yields: change records of one view, dead letters, and records to forward.
#ifndef FOREBAY_ENGINE_BATCH_CHANGE_BATCH_H_
#define FOREBAY_ENGINE_BATCH_CHANGE_BATCH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch/event_batch.h"
#include "schemas/types/strong_int.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
}  // namespace v1

// Change records of one view of one task, in the order they were written: (offset, ordinal)
// increases. The columns are those of the offline table, in its order (ChangeSchema). Or the task's
// events for their archive, in the order of their offsets (ArchiveSchema).
struct ChangeBatch {
  static constexpr int kEvents = -1;

  int view = 0;  // index into Project.feature_views; kEvents: of no view, but the events
  std::shared_ptr<arrow::RecordBatch> rows;
};

// Entity keys, features, then _effective_time, _event_time, _known_time (timestamp[us, UTC]), _op
// (utf8: event, expire, delete), _key_hash (int64), _source_partition (int32), _source_offset
// (int64), _ordinal (int32), _view_version (int32). Keys and `_` columns are not nullable.
std::shared_ptr<arrow::Schema> ChangeSchema(const v1::FeatureView& view, const v1::Entity& entity);

// The index of `_effective_time` in a ChangeSchema; the other `_` columns follow in the order
// above.
int EffectiveTimeColumn(const arrow::Schema& change_schema);
enum ChangeColumn : int {  // relative to EffectiveTimeColumn
  kEffectiveTimeColumn = 0,
  kEventTimeColumn = 1,
  kKnownTimeColumn = 2,
  kOpColumn = 3,
  kKeyHashColumn = 4,
  kSourcePartitionColumn = 5,
  kSourceOffsetColumn = 6,
  kOrdinalColumn = 7,
  kViewVersionColumn = 8,
};

// Of rows of any offline table, also an event archive (archive_batch.h): the column whose date, in
// UTC, the table is partitioned by.
int DatedColumn(const arrow::Schema& schema);

// The next three are for rows of any offline table.

// The first row with a source offset above `position`; the number of rows if there is none.
int64_t FirstRowAfter(const arrow::RecordBatch& rows, Offset position);

// The rows of `batch` with source offset above `position`: what a sink that already holds
// everything up to `position` still lacks. Null when it lacks nothing.
std::shared_ptr<arrow::RecordBatch> RowsAfter(const std::shared_ptr<arrow::RecordBatch>& rows,
                                              Offset position);

// The source offset of a row.
Offset SourceOffset(const arrow::RecordBatch& rows, int64_t row);

// A record that could not be applied. Owns its bytes.
struct DeadLetter {
  TaskId task;
  Offset offset;
  Offset position;        // of the task when it made this: not below `offset` (S10)
  int64_t timestamp = 0;  // of the Kafka record, microseconds UTC
  std::optional<std::string> key;
  std::optional<std::string> value;
  RecordHeaders headers;
  RejectReason reason;
  std::string view;  // empty: rejected before any view
  uint32_t view_version = 0;
  std::string detail;  // a sentence
  // What the dead-letter topic could not hold of the record: "value", "value, headers" or "value,
  // headers, key"; empty: nothing.
  std::string omitted;
};

// A record for a repartition topic (S26), or the erasure of its key (S31). Owns its bytes.
struct ForwardedRecord {
  std::string entity;
  std::string key;  // the entity key as text, KeyText()
  std::optional<std::string> value;
  int64_t timestamp = 0;  // of the source's record, microseconds UTC
  KnownTime known_time;   // of an erasure: nothing
  RecordOrigin origin;    // of an erasure before the first event: with the clock KnownTime::Min()
  bool erases = false;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_BATCH_CHANGE_BATCH_H_
