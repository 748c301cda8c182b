#include "engine/task/known_time_order.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/batch/take_rows.h"
#include "forebay/v1/state.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {

void KnownTimeOrder::Restore(const v1::TaskMeta& meta) {
  resumes_after_ = Offset(meta.position());
  for (const v1::SourceProgress& progress : meta.sources()) {
    if (progress.partition() >= static_cast<int32_t>(sources_.size())) continue;
    Source& source = sources_[progress.partition()];
    source.seen = source.applied = progress.applied_offset();
    source.clock = progress.has_clock_us() ? progress.clock_us() : kNoClock;
    source.at_end = progress.at_end();
  }
  FindBlocker();
}

void KnownTimeOrder::Encode(v1::TaskMeta* meta) const {
  Offset oldest = Offset::Max();
  for (size_t s = 0; s < sources_.size(); ++s) {
    const Source& source = sources_[s];
    v1::SourceProgress& progress = *meta->add_sources();
    progress.set_partition(static_cast<int32_t>(s));
    progress.set_applied_offset(source.applied);
    if (source.clock != kNoClock) progress.set_clock_us(source.clock);
    progress.set_at_end(source.at_end);
    if (source.waiting.empty()) continue;
    oldest = std::min(oldest, OffsetOf(source.waiting.front()));
  }
  if (oldest != Offset::Max()) meta->set_read_position(oldest.value() - 1);
}

Offset KnownTimeOrder::reached(PartitionId partition) const {
  const Source& source = sources_[partition.value()];
  return Offset(source.waiting.empty() ? std::max(source.seen, source.marked)
                                       : source.waiting.front().source_offset - 1);
}

absl::Status KnownTimeOrder::Check(const EventBatch& batch) const {
  auto check = [&](Offset offset, PartitionId partition) {
    if (partition.value() >= 0 && partition.value() < static_cast<int32_t>(sources_.size()))
      return absl::OkStatus();
    return absl::FailedPreconditionError(fmt::format(
        "the record at offset {} says that it comes from partition {} of the source, which has {}: "
        "forebay did not write it, or the source was recreated with fewer partitions",
        offset.value(), partition.value(), sources_.size()));
  };
  for (size_t row = 0; row < batch.size(); ++row)
    RETURN_IF_ERROR(check(batch.records[row].offset, batch.origins[row].partition));
  for (const KeyErasure& erasure : batch.erasures)
    RETURN_IF_ERROR(check(erasure.offset, erasure.origin.partition));
  for (const SourceMarker& marker : batch.markers)
    RETURN_IF_ERROR(check(marker.offset, marker.partition));
  return absl::OkStatus();
}

absl::StatusOr<EventBatch> KnownTimeOrder::Add(const EventBatch& batch) {
  RETURN_IF_ERROR(Check(batch));
  size_t marker = 0, erasure = 0;
  auto next_offset = [](const auto& controls, size_t next) {
    return next < controls.size() ? controls[next].offset : Offset::Max();
  };
  auto read_controls = [&](Offset end) {
    while (true) {
      Offset of_marker = next_offset(batch.markers, marker);
      Offset of_erasure = next_offset(batch.erasures, erasure);
      if (std::min(of_marker, of_erasure) >= end) return;
      if (of_marker < of_erasure) {
        ReadMarker(batch.markers[marker++]);
      } else {
        ReadErasure(batch, erasure++);
      }
    }
  };
  for (size_t row = 0; row < batch.size(); ++row) {
    read_controls(batch.records[row].offset);
    ReadRow(batch, row);
  }
  read_controls(Offset::Max());
  EventBatch ordered = MakeBatch(batch);
  due_.clear();
  KeepWaiting(batch);
  return ordered;
}

void KnownTimeOrder::ReadRow(const EventBatch& batch, size_t row) {
  const RecordOrigin& origin = batch.origins[row];
  const RawRecord& record = batch.records[row];
  bool waits = Wait(origin, record.offset,
                    {.rank = std::max(origin.clock.value(), batch.known_times[row].value()),
                     .source_offset = origin.offset.value(),
                     .bytes = record.key.value_or("").size() + record.value.value_or("").size(),
                     .batch = &batch,
                     .row = row,
                     .is_erasure = false});
  if (!waits && !restoring(record.offset - 1)) ++duplicates_;
}

void KnownTimeOrder::ReadErasure(const EventBatch& batch, size_t index) {
  const KeyErasure& erasure = batch.erasures[index];
  Wait(erasure.origin, erasure.offset,
       {.rank = erasure.origin.clock.value(),
        .source_offset = erasure.origin.offset.value(),
        .bytes = erasure.key.size(),
        .batch = &batch,
        .row = index,
        .is_erasure = true});
}

bool KnownTimeOrder::Wait(const RecordOrigin& origin, Offset offset, Row row) {
  const int32_t partition = origin.partition.value();
  Source& source = sources_[partition];
  if (row.source_offset <= source.seen) return false;
  const bool again = restoring(offset - 1);
  const int64_t rank = row.rank;
  source.seen = row.source_offset;
  ++waiting_;
  waiting_bytes_ += row.bytes;
  source.waiting.push_back(std::move(row));
  if (!again) {
    source.clock = std::max(source.clock, rank);
    source.at_end = false;
  }
  if (source.waiting.size() == 1) {
    heads_.insert({rank, partition});
    if (blocker_.second == partition) FindBlocker();
  }
  if (!again) Release(offset);
  return true;
}

void KnownTimeOrder::ReadMarker(const SourceMarker& marker) {
  if (restoring(marker.offset - 1)) return;
  Source& source = sources_[marker.partition.value()];
  if (marker.clock) source.clock = std::max(source.clock, marker.clock->value());
  source.at_end = marker.at_end;
  source.marked = std::max(source.marked, marker.position.value());
  FindBlocker();
  Release(marker.offset);
}

// The least (clock, partition) of the sources that have no waiting record and may yet bring one.
void KnownTimeOrder::FindBlocker() {
  blocker_ = kNobody;
  for (size_t s = 0; s < sources_.size(); ++s) {
    const Source& source = sources_[s];
    if (!source.waiting.empty() || source.at_end) continue;
    blocker_ = std::min(blocker_, Place(source.clock, static_cast<int32_t>(s)));
  }
}

void KnownTimeOrder::Release(Offset step_offset) {
  while (!heads_.empty()) {
    bool turn = *heads_.begin() < blocker_;
    bool full = waiting_ > limits_.records || waiting_bytes_ > limits_.bytes;
    if (!turn && !full) return;
    if (!turn) ++forced_;
    TakeFirst(step_offset);
  }
}

void KnownTimeOrder::TakeFirst(Offset step_offset) {
  int32_t partition = heads_.begin()->second;
  heads_.erase(heads_.begin());
  Source& source = sources_[partition];
  due_.push_back({std::move(source.waiting.front()), step_offset});
  source.waiting.pop_front();
  source.applied = due_.back().row.source_offset;
  --waiting_;
  waiting_bytes_ -= due_.back().row.bytes;
  if (!source.waiting.empty()) {
    heads_.insert({source.waiting.front().rank, partition});
  } else if (!source.at_end) {
    blocker_ = std::min(blocker_, Place(source.clock, partition));
  }
}

// What of `batch` waits on outlives the caller's.
void KnownTimeOrder::KeepWaiting(const EventBatch& batch) {
  std::shared_ptr<const EventBatch> kept;
  for (Source& source : sources_) {
    for (auto row = source.waiting.rbegin(); row != source.waiting.rend() && row->batch == &batch;
         ++row) {
      if (kept == nullptr) kept = std::make_shared<const EventBatch>(batch);
      row->batch = kept.get();
      row->owner = kept;
    }
  }
}

EventBatch KnownTimeOrder::MakeBatch(const EventBatch& batch) const {
  EventBatch ordered;
  ordered.last_offset = batch.last_offset;
  ordered.at_end = batch.at_end;
  ordered.bytes = batch.bytes;
  auto owners = std::make_shared<std::vector<std::shared_ptr<const void>>>();
  owners->push_back(batch.owner);
  std::vector<RowOfBatch> rows;
  rows.reserve(due_.size());
  ordered.records.reserve(due_.size());
  ordered.event_times.reserve(due_.size());
  ordered.known_times.reserve(due_.size());
  ordered.step_offsets.reserve(due_.size());
  for (const auto& [row, step_offset] : due_) {
    if (row.is_erasure) {
      KeyErasure& erasure = ordered.erasures.emplace_back(row.batch->erasures[row.row]);
      erasure.before_row = ordered.records.size();
      erasure.step_offset = step_offset;
      continue;
    }
    rows.push_back({row.batch->columns.get(), static_cast<int64_t>(row.row)});
    ordered.records.push_back(row.batch->records[row.row]);
    ordered.event_times.push_back(row.batch->event_times[row.row]);
    ordered.known_times.push_back(row.batch->known_times[row.row]);
    ordered.step_offsets.push_back(step_offset);
    if (row.owner != nullptr && owners->back() != row.owner) owners->push_back(row.owner);
  }
  ordered.columns = TakeRows(batch.columns, rows);
  ordered.owner = std::move(owners);
  return ordered;
}

}  // namespace forebay
