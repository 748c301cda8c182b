#include "connectors/key_check/key_check.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "connectors/key_check/key_places.h"
#include "connectors/key_check/record_key.h"
#include "engine/state/key.h"
#include "engine/task/event_columns.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/shown_bytes.h"
#include "schemas/types/status_macros.h"

namespace forebay {

class KeyCheck::Topic {
 public:
  Topic(const TaskPlan& plan, const Say& say)
      : plan_(plan),
        say_(say),
        entity_(*plan.views.front().entity),
        key_columns_(plan.computed.keys[plan.views.front().keys]),
        keys_(*plan.event_schema, key_columns_),
        record_keys_(*plan.source, entity_) {
    statistics_.topic = plan.topic;
  }

  void ReadFirst(PartitionId partition, Offset end) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    first_reading_[partition] = end;
  }

  absl::Status Look(PartitionId partition, const EventBatch& batch) ABSL_LOCKS_EXCLUDED(mutex_) {
    int64_t rows = static_cast<int64_t>(batch.size());
    absl::MutexLock lock(&mutex_);
    int64_t step = looked_at_ < kFirst ? 1 : std::max(kSample, (rows + kSample - 1) / kSample);
    for (int64_t row = 0; row < rows; row += step) {
      ++looked_at_;
      if (!HasKey(batch, row)) continue;
      Record record{batch.records[row],
                    {partition, batch.records[row].offset},
                    keys_.Parts(*batch.columns, row)};
      RETURN_IF_ERROR(Locate(record));
      if (row == 0) Compare(record);
    }
    return absl::OkStatus();
  }

  std::string Refused() const {
    absl::MutexLock lock(&mutex_);
    return refused_;
  }

  KeyStatistics Statistics() const {
    absl::MutexLock lock(&mutex_);
    KeyStatistics statistics = statistics_;
    if (matching_ > 0) statistics.mismatching = statistics.compared - matching_;
    return statistics;
  }

 private:
  struct Record {
    const RawRecord& raw;
    KeyPlace place;
    std::vector<Value> parts;  // of its key, by the columns
  };

  bool HasKey(const EventBatch& batch, int64_t row) const {
    return std::none_of(key_columns_.begin(), key_columns_.end(),
                        [&](int column) { return batch.columns->column(column)->IsNull(row); });
  }

  absl::Status Locate(const Record& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Split(const Record& record, const KeyPlace& other) const;
  void Compare(const Record& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Mismatch(const Record& record) const;
  std::string SourceKey() const {
    return fmt::format("key: [{}]", fmt::join(plan_.source->key(), ", "));
  }

  const TaskPlan& plan_;
  const Say say_;
  const v1::Entity& entity_;  // of the views that the tasks compute: all have the source's key
  const std::vector<int>& key_columns_;
  const KeyColumn keys_;

  mutable absl::Mutex mutex_;
  RecordKeyReader record_keys_ ABSL_GUARDED_BY(mutex_);
  KeyPlaces places_ ABSL_GUARDED_BY(mutex_);
  std::map<PartitionId, Offset> first_reading_ ABSL_GUARDED_BY(mutex_);  // up to before there
  std::string refused_ ABSL_GUARDED_BY(mutex_);
  KeyStatistics statistics_ ABSL_GUARDED_BY(mutex_);
  int64_t looked_at_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t matching_ ABSL_GUARDED_BY(mutex_) = 0;  // of those compared
  std::string mismatch_ ABSL_GUARDED_BY(mutex_);  // the first, as a message
  bool mismatch_said_ ABSL_GUARDED_BY(mutex_) = false;
};

absl::Status KeyCheck::Topic::Locate(const Record& record) {
  std::string key = EncodeKey(entity_, record.parts);
  std::optional<KeyPlace> other = places_.See(HashedKey(key).hash, record.place);
  if (!other) return absl::OkStatus();
  auto first = first_reading_.find(record.place.partition);
  if (first != first_reading_.end() && record.place.offset < first->second) {
    if (refused_.empty()) refused_ = Split(record, *other);
    return absl::FailedPreconditionError(refused_);
  }
  if (statistics_.split++ == 0) say_(Split(record, *other));
  return absl::OkStatus();
}

std::string KeyCheck::Topic::Split(const Record& record, const KeyPlace& other) const {
  return fmt::format(
      "source {}: key {} is in two partitions of topic {}: {} (offset {}) and {} (offset {}, a "
      "record {}). The topic is not partitioned by `{}`, or was not before partitions were added "
      "to it, so lookups, updates and tables have a part of its events. Let `key` name the columns "
      "that it is partitioned by; or say `key: none`, then forebay partitions it again for each "
      "entity. Then remove what the project left with `forebay reset --all`, and start again",
      plan_.source->name(), ShownBytes(KeyText(entity_, record.parts)), plan_.topic,
      other.partition.value(), other.offset.value(), record.place.partition.value(),
      record.place.offset.value(),
      record.raw.key ? "with key " + ShownBytes(*record.raw.key) : "without a key", SourceKey());
}

void KeyCheck::Topic::Compare(const Record& record) {
  if (!record.raw.key) return;
  ++statistics_.compared;
  if (record_keys_.Says(*record.raw.key, record.parts)) {
    ++matching_;
  } else if (mismatch_.empty()) {
    mismatch_ = Mismatch(record);
  }
  if (matching_ == 0 || mismatch_.empty() || mismatch_said_) return;
  mismatch_said_ = true;
  say_(mismatch_);
}

std::string KeyCheck::Topic::Mismatch(const Record& record) const {
  return fmt::format(
      "source {}: the record of topic {}, partition {}, offset {} has the key {}, and its columns "
      "`{}` say {}; other records have the key that their columns say. If it is in another "
      "partition than those, lookups, updates and tables have a part of the events. Let `key` name "
      "the columns that the topic is partitioned by; or say `key: none`, then forebay partitions "
      "it again for each entity",
      plan_.source->name(), plan_.topic, record.place.partition.value(),
      record.place.offset.value(), ShownBytes(*record.raw.key), SourceKey(),
      ShownBytes(KeyText(entity_, record.parts)));
}

KeyCheck::KeyCheck(const std::vector<TaskPlan>& plans, const Say& say) {
  for (const TaskPlan& plan : plans) {
    if (plan.repartition || plan.views.empty()) continue;
    topics_.push_back(std::make_unique<Topic>(plan, say));
    by_name_[plan.topic] = topics_.back().get();
  }
}

KeyCheck::~KeyCheck() = default;

void KeyCheck::ReadFirst(const TaskId& task, Offset end) {
  auto topic = by_name_.find(task.topic);
  if (topic != by_name_.end()) topic->second->ReadFirst(task.partition, end);
}

absl::Status KeyCheck::Look(const TaskId& task, const EventBatch& batch) {
  if (batch.size() == 0) return absl::OkStatus();
  auto topic = by_name_.find(task.topic);
  if (topic == by_name_.end()) return absl::OkStatus();
  return topic->second->Look(task.partition, batch);
}

std::map<std::string, std::string> KeyCheck::Refused() const {
  std::map<std::string, std::string> refused;
  for (const auto& [name, topic] : by_name_) {
    if (std::string why = topic->Refused(); !why.empty()) refused[name] = std::move(why);
  }
  return refused;
}

std::vector<KeyStatistics> KeyCheck::Statistics() const {
  std::vector<KeyStatistics> statistics;
  for (const auto& topic : topics_) statistics.push_back(topic->Statistics());
  return statistics;
}

}  // namespace forebay
