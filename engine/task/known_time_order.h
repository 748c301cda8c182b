// The order of a repartition topic (S26a): the source's partitions arrive in it at different
// speeds, and its records are applied in the order of their known time all the same.
//
//   KnownTimeOrder order(source_partitions);
//   EventBatch due = order.Add(batch);          // to be applied now, in this order
//
// Per source partition records wait in the order in which they were read. The rank of a record is
// the clock of its source's task after it, so ranks of a source partition never go back. The least
// (rank, source partition, source offset) is due when no source partition without a waiting record
// could still bring one before it: it stands at its end, or its clock says so. What is due after a
// record depends on the records and markers up to it, never on how they are cut into batches.
//
// An erasure (S31) waits and is due as a record whose rank is the clock that its source's task had:
// after the records before it of its source partition, and before those after it.
//
// Not thread-safe.
#ifndef FOREBAY_ENGINE_TASK_KNOWN_TIME_ORDER_H_
#define FOREBAY_ENGINE_TASK_KNOWN_TIME_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/batch/event_batch.h"

namespace forebay {

namespace v1 {
class TaskMeta;
}

class KnownTimeOrder {
 public:
  // With more waiting than this, records are due before their turn.
  struct Limits {
    size_t records = 1'000'000;
    size_t bytes = size_t{256} << 20;  // of keys and values
  };

  explicit KnownTimeOrder(int source_partitions) : KnownTimeOrder(source_partitions, Limits()) {}
  KnownTimeOrder(int source_partitions, Limits limits)
      : limits_(limits), sources_(source_partitions) {
    FindBlocker();
  }

  // Goes on where `meta` was encoded. The records from meta.read_position + 1 to meta.position are
  // to be added again: none of them becomes due before a later one is read.
  void Restore(const v1::TaskMeta& meta);
  // REQUIRES: !restoring().
  void Encode(v1::TaskMeta* meta) const;
  // Whether records are still to be added again.
  bool restoring(Offset position) const { return position < resumes_after_; }

  // Reads `batch`: its rows with `origins`, its erasures and its markers. Returns what is due, in
  // order, as the rows and erasures of a batch with `step_offsets`; it shares the memory of what
  // was added. Its `rejected` and `markers` are empty. FAILED_PRECONDITION: a record or control
  // record of a partition that the source does not have.
  absl::StatusOr<EventBatch> Add(const EventBatch& batch);

  // Of that partition of the source everything up to here has been due, or was no record: as far
  // as records and markers tell.
  Offset reached(PartitionId source) const;

  size_t waiting() const { return waiting_; }
  int64_t duplicates() const { return duplicates_; }  // dropped so far
  int64_t forced() const { return forced_; }          // due before their turn so far

 private:
  static constexpr int64_t kNoClock = std::numeric_limits<int64_t>::min();
  using Place = std::pair<int64_t, int32_t>;  // rank or clock, source partition
  static constexpr Place kNobody = {std::numeric_limits<int64_t>::max(),
                                    std::numeric_limits<int32_t>::max()};

  struct Row {
    int64_t rank;
    int64_t source_offset;
    size_t bytes;
    const EventBatch* batch;
    size_t row;  // or, of an erasure, which of the batch's
    bool is_erasure;
    std::shared_ptr<const EventBatch> owner;  // of `batch`; null while that is being added
  };
  static Offset OffsetOf(const Row& row) {
    return row.is_erasure ? row.batch->erasures[row.row].offset
                          : row.batch->records[row.row].offset;
  }
  struct Source {
    std::deque<Row> waiting;
    int64_t seen = -1;     // the highest offset read
    int64_t applied = -1;  // the highest offset that was due
    int64_t marked = -1;   // the highest position of a marker read since the start
    int64_t clock = kNoClock;
    bool at_end = false;
  };
  struct Due {
    Row row;
    Offset step_offset;
  };

  absl::Status Check(const EventBatch& batch) const;
  void ReadRow(const EventBatch& batch, size_t row);
  void ReadErasure(const EventBatch& batch, size_t index);
  // False: it was read before.
  bool Wait(const RecordOrigin& origin, Offset offset, Row row);
  void ReadMarker(const SourceMarker& marker);
  void Release(Offset step_offset);
  void TakeFirst(Offset step_offset);
  void FindBlocker();
  void KeepWaiting(const EventBatch& batch);
  EventBatch MakeBatch(const EventBatch& batch) const;

  const Limits limits_;
  std::vector<Source> sources_;
  absl::btree_set<Place> heads_;  // of the sources with waiting records
  Place blocker_ = kNobody;       // the first place at which a source without could bring one
  std::vector<Due> due_;
  size_t waiting_ = 0;
  size_t waiting_bytes_ = 0;
  int64_t duplicates_ = 0;
  int64_t forced_ = 0;
  Offset resumes_after_{-1};
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_KNOWN_TIME_ORDER_H_
