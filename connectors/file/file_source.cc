#include "connectors/file/file_source.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "connectors/file/key_partition.h"
#include "engine/batch/sink.h"
#include "engine/batch/take_rows.h"
#include "schemas/types/json.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// What a producer would have written of rows that follow each other: the columns that were read as
// a JSON object. Offsets count from `first`.
class BytesOfRows final : public RecordBytes {
 public:
  BytesOfRows(const KeyPartition& keys, std::vector<PartitionRun> runs, Offset first)
      : keys_(keys), runs_(std::move(runs)), first_(first) {}

  std::optional<std::string> Key(const RawRecord& record) const override {
    auto [rows, row] = Find(record);
    return keys_.TextOf(*rows->columns, row);
  }

  std::optional<std::string> Value(const RawRecord& record) const override {
    auto [rows, row] = Find(record);
    std::string text = "{";
    for (int i = 0; i < rows->columns->num_columns(); ++i) {
      if (i > 0) text += ',';
      AppendJsonString(rows->columns->column_name(i), &text);
      text += ':';
      AppendValue(*rows->columns->column(i), row, &text);
    }
    return text + "}";
  }

 private:
  std::pair<const PartitionRows*, int64_t> Find(const RawRecord& record) const {
    int64_t number = record.offset.value() - first_.value();
    auto run = runs_.begin();
    for (; number >= run->size(); ++run) number -= run->size();
    return {run->rows.get(), run->begin + number};
  }

  static void AppendValue(const arrow::Array& column, int64_t row, std::string* text) {
    if (column.IsNull(row)) {
      *text += "null";
      return;
    }
    switch (column.type_id()) {
      case arrow::Type::BOOL:
        return AppendJsonValue(static_cast<const arrow::BooleanArray&>(column).Value(row),
                               DataType::kBool, text);
      case arrow::Type::INT64:
        return AppendJsonValue(static_cast<const arrow::Int64Array&>(column).Value(row),
                               DataType::kInt64, text);
      case arrow::Type::DOUBLE:
        return AppendJsonValue(static_cast<const arrow::DoubleArray&>(column).Value(row),
                               DataType::kDouble, text);
      case arrow::Type::TIMESTAMP:
        return AppendJsonValue(static_cast<const arrow::TimestampArray&>(column).Value(row),
                               DataType::kTimestamp, text);
      default: {
        const auto& bytes = static_cast<const arrow::BinaryArray&>(column);
        const bool is_text = column.type_id() == arrow::Type::STRING;
        AppendJsonValue(std::string(bytes.GetView(row)),
                        is_text ? DataType::kString : DataType::kBytes, text);
      }
    }
  }

  const KeyPartition& keys_;
  const std::vector<PartitionRun> runs_;
  const Offset first_;
};

}  // namespace

class FileSource::Topic {
 public:
  Topic(FileTopic of, int64_t most_rows)
      : of_(std::move(of)),
        most_rows_(most_rows),
        identity_(of_.files.Identity()),
        keys_(*of_.plan) {}

  const TaskPlan& plan() const { return *of_.plan; }
  // Those that have tasks, ascending.
  std::vector<int> partitions() const {
    std::vector<int> taken;
    for (int p = 0; p < of_.partitions; ++p) {
      if (Takes(p)) taken.push_back(p);
    }
    return taken;
  }
  const std::string& identity() const { return identity_; }

  // Reads on from these positions, of the partitions that have tasks.
  absl::Status Start(const std::vector<std::optional<Offset>>& positions) {
    absl::MutexLock lock(&mutex_);
    merged_ = std::make_unique<MergedFiles>(*of_.plan, of_.files, of_.partitions);
    runs_.assign(of_.partitions, {});
    next_.assign(of_.partitions, Offset(0));
    first_.assign(of_.partitions, Offset(0));
    auto position = positions.begin();
    for (int p : partitions()) first_[p] = (position++)->value_or(Offset(-1)) + 1;
    waiting_ = 0;
    taken_ = 0;
    ended_ = false;
    return merged_->Start();
  }

  void Stop() {
    absl::MutexLock lock(&mutex_);
    merged_.reset();
  }

  // `brought`: others may have rows now.
  absl::StatusOr<EventBatch> Next(PartitionId partition, size_t max_records, bool* brought) {
    absl::MutexLock lock(&mutex_);
    if (merged_ == nullptr) return absl::CancelledError("the partition is not assigned");
    const int p = partition.value();
    while (true) {
      PassOver(p);
      if (!runs_[p].empty() || ended_ || waiting_ >= most_rows_) break;
      ASSIGN_OR_RETURN(bool more, ReadOn());
      *brought = true;
      if (!more) RETURN_IF_ERROR(End());
    }
    return MakeBatch(p, max_records, brought);
  }

  std::optional<Offset> End(PartitionId partition) const {
    absl::MutexLock lock(&mutex_);
    if (!ended_) return std::nullopt;
    Offset end = next_[partition.value()];
    for (const PartitionRun& run : runs_[partition.value()]) end = end + run.size();
    return end;
  }

  absl::Status CheckFiles() const {
    ASSIGN_OR_RETURN(BatchFiles now, of_.list_again());
    return CheckUnchanged(of_.files, now);
  }

  // Rows handed out or passed over.
  int64_t taken() const {
    absl::MutexLock lock(&mutex_);
    return taken_;
  }

  double Progress() const {
    absl::MutexLock lock(&mutex_);
    if (merged_ == nullptr) return 0;
    const double read = static_cast<double>(taken_ + waiting_);
    const double part = read == 0 ? 0 : static_cast<double>(taken_) / read;
    return merged_->Progress() * part;
  }

 private:
  bool Takes(int partition) const { return !of_.taken || of_.taken->contains(partition); }

  absl::StatusOr<bool> ReadOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ASSIGN_OR_RETURN(bool more, merged_->ReadOn(&runs_));
    waiting_ = 0;
    for (int p = 0; p < of_.partitions; ++p) {
      if (!Takes(p)) runs_[p].clear();
      for (const PartitionRun& run : runs_[p]) waiting_ += run.size();
    }
    return more;
  }

  absl::Status End() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(CheckFiles());
    ended_ = true;
    return absl::OkStatus();
  }

  // Rows that the task has.
  void PassOver(int p) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    PartitionRuns& runs = runs_[p];
    while (!runs.empty() && next_[p] < first_[p]) {
      const int64_t rows = std::min(first_[p].value() - next_[p].value(), runs.front().size());
      Drop(p, rows);
    }
  }

  PartitionRun Drop(int p, int64_t rows) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    PartitionRun& front = runs_[p].front();
    PartitionRun dropped{front.rows, front.begin, front.begin + rows};
    front.begin += rows;
    if (front.begin == front.end) runs_[p].pop_front();
    next_[p] = next_[p] + rows;
    waiting_ -= rows;
    taken_ += rows;
    return dropped;
  }

  EventBatch MakeBatch(int p, size_t max_records, bool* brought)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    EventBatch batch;
    const Offset first = next_[p];
    const bool was_full = waiting_ >= most_rows_;
    std::vector<PartitionRun> runs;
    auto room = static_cast<int64_t>(max_records);
    while (room > 0 && !runs_[p].empty()) {
      runs.push_back(Drop(p, std::min(room, runs_[p].front().size())));
      room -= runs.back().size();
    }
    *brought = *brought || (was_full && waiting_ < most_rows_);
    batch.last_offset = next_[p] - 1;
    batch.at_end = ended_ && runs_[p].empty();
    if (runs.empty()) return batch;
    Fill(runs, first, &batch);
    batch.bytes = std::make_shared<BytesOfRows>(keys_, std::move(runs), first);
    return batch;
  }

  static void Fill(const std::vector<PartitionRun>& runs, Offset first, EventBatch* batch) {
    std::vector<RowOfBatch> rows;
    Offset offset = first;
    for (const PartitionRun& run : runs) {
      const PartitionRows& of = *run.rows;
      auto rejected =
          std::lower_bound(of.rejected.begin(), of.rejected.end(), run.begin,
                           [](const auto& one, int64_t row) { return one.first < row; });
      for (int64_t row = run.begin; row < run.end; ++row, offset = offset + 1) {
        RawRecord record{.offset = offset, .timestamp = of.known_times[row].value()};
        if (rejected != of.rejected.end() && rejected->first == row) {
          batch->rejected.push_back({record, rejected->second.reason, rejected->second.detail});
          ++rejected;
          continue;
        }
        batch->records.push_back(record);
        batch->event_times.push_back(of.event_times[row]);
        batch->known_times.push_back(of.known_times[row]);
        rows.push_back({of.columns.get(), row});
      }
    }
    const PartitionRun& run = runs.front();
    batch->columns = runs.size() == 1 && batch->rejected.empty()
                         ? run.rows->columns->Slice(run.begin, run.size())
                         : TakeRows(run.rows->columns, rows);
  }

  const FileTopic of_;
  const int64_t most_rows_;
  const std::string identity_;
  const KeyPartition keys_;

  mutable absl::Mutex mutex_;
  std::unique_ptr<MergedFiles> merged_ ABSL_GUARDED_BY(mutex_);  // null: not assigned
  std::vector<PartitionRuns> runs_ ABSL_GUARDED_BY(mutex_);      // by partition; to be handed out
  std::vector<Offset> next_ ABSL_GUARDED_BY(mutex_);             // of the first of them
  std::vector<Offset> first_ ABSL_GUARDED_BY(mutex_);            // that the task wants
  int64_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;                  // rows of all runs
  int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;                    // rows, passed over or handed out
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

FileSource::FileSource(std::vector<FileTopic> topics, FileSourceOptions options)
    : options_(std::move(options)) {
  for (FileTopic& topic : topics) {
    const std::string name = topic.plan->topic;
    topics_[name] = std::make_unique<Topic>(std::move(topic), options_.most_rows);
  }
}

FileSource::~FileSource() = default;

FileSource::Topic* FileSource::FindTopic(const TaskId& task) const {
  auto found = topics_.find(task.topic);
  return found == topics_.end() ? nullptr : found->second.get();
}

std::vector<TaskId> FileSource::TaskIds() const {
  std::vector<TaskId> tasks;
  for (const auto& [name, topic] : topics_) {
    for (int partition : topic->partitions()) tasks.push_back({name, PartitionId(partition)});
  }
  return tasks;
}

absl::Status FileSource::Assign() {
  ASSIGN_OR_RETURN(auto positions, options_.owner.assigned(TaskIds()));
  auto from = positions.begin();
  for (const auto& [name, topic] : topics_) {
    const auto to = from + static_cast<ptrdiff_t>(topic->partitions().size());
    RETURN_IF_ERROR(topic->Start({from, to}));
    from = to;
  }
  absl::MutexLock lock(&mutex_);
  begun_ = absl::Now();
  events_ = 0;
  return absl::OkStatus();
}

absl::Status FileSource::Poll(absl::Duration timeout) {
  if (join_again_ && assigned_) {
    for (const auto& [name, topic] : topics_) topic->Stop();
    options_.owner.revoked(TaskIds(), /*lost=*/true);
    assigned_ = false;
  }
  join_again_ = false;
  if (!assigned_) {
    absl::Status assigned = Assign();
    if (!assigned.ok() && !IsTransient(assigned)) return assigned;
    assigned_ = assigned.ok();
  }
  absl::SleepFor(timeout);
  WakeAll();  // the rate may let more through
  return absl::OkStatus();
}

void FileSource::Close() {
  if (std::exchange(closed_, true) || !assigned_) return;
  for (const auto& [name, topic] : topics_) topic->Stop();
  options_.owner.revoked(TaskIds(), /*lost=*/false);
}

absl::StatusOr<PartitionBounds> FileSource::Bounds(const TaskId& task) {
  const Topic* topic = FindTopic(task);
  if (topic == nullptr) return absl::InternalError("no files of task " + task.ToString());
  return PartitionBounds{.oldest = Offset(0), .next = Offset::Max(), .topic_id = topic->identity()};
}

absl::StatusOr<std::vector<Offset>> FileSource::QueryEnds(absl::Span<const TaskId> tasks,
                                                          absl::Duration) {
  std::vector<Offset> ends;
  for (const TaskId& task : tasks) {
    std::optional<Offset> end = KnownEnd(task);
    if (!end) return absl::UnavailableError("the files are not read to their ends");
    ends.push_back(*end);
  }
  return ends;
}

std::optional<Offset> FileSource::KnownEnd(const TaskId& task) const {
  const Topic* topic = FindTopic(task);
  return topic == nullptr ? std::nullopt : topic->End(task.partition);
}

int64_t FileSource::Allowance() const {
  if (options_.events_per_second <= 0) return std::numeric_limits<int64_t>::max();
  absl::MutexLock lock(&mutex_);
  const double elapsed = absl::ToDoubleSeconds(absl::Now() - begun_);
  return static_cast<int64_t>(elapsed * options_.events_per_second) - events_;
}

absl::StatusOr<EventBatch> FileSource::Next(const TaskId& task, size_t max_records,
                                            absl::Duration) {
  Topic* topic = FindTopic(task);
  if (topic == nullptr) return absl::InternalError("no files of task " + task.ToString());
  const int64_t allowance = Allowance();
  if (allowance <= 0) return EventBatch();
  bool brought = false;
  const size_t most = std::min(max_records, static_cast<size_t>(allowance));
  ASSIGN_OR_RETURN(EventBatch batch, topic->Next(task.partition, most, &brought));
  {
    absl::MutexLock lock(&mutex_);
    events_ += static_cast<int64_t>(batch.records.size() + batch.rejected.size());
  }
  if (brought) WakeAll();
  return batch;
}

void FileSource::Watch(const TaskId& task, std::function<void()> wake) {
  absl::MutexLock lock(&mutex_);
  if (wake == nullptr) {
    watches_.erase(task);
  } else {
    wake();
    watches_[task] = std::move(wake);
  }
}

void FileSource::WakeAll() {
  absl::MutexLock lock(&mutex_);
  for (const auto& [task, wake] : watches_) wake();
}

absl::Status FileSource::CheckFilesUnchanged() const {
  for (const auto& [name, topic] : topics_) RETURN_IF_ERROR(topic->CheckFiles());
  return absl::OkStatus();
}

double FileSource::Progress() const {
  double all = 0;
  for (const auto& [name, topic] : topics_) all += topic->Progress();
  return topics_.empty() ? 1 : all / static_cast<double>(topics_.size());
}

int64_t FileSource::rows() const {
  int64_t all = 0;
  for (const auto& [name, topic] : topics_) all += topic->taken();
  return all;
}

}  // namespace forebay
