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

namespace forebay {

class KeyCheck::Topic {
 public:
  Topic(const TaskPlan& plan, const Say& say)
      : plan_(plan),
        say_(say),
        entity_(*plan.views.front().entity),
        keys_(entity_, plan.views.front().key_columns),
        record_keys_(*plan.source, entity_) {
    statistics_.topic = plan.topic;
  }

  void Look(PartitionId partition, const EventBatch& batch) ABSL_LOCKS_EXCLUDED(mutex_) {
    int64_t rows = static_cast<int64_t>(batch.size());
    absl::MutexLock lock(&mutex_);
    int64_t step = looked_at_ < kFirst ? 1 : std::max(kSample, (rows + kSample - 1) / kSample);
    for (int64_t row = 0; row < rows; row += step) {
      ++looked_at_;
      if (!HasKey(batch, row)) continue;
      Record record{batch.records[row],
                    {partition, batch.records[row].offset},
                    keys_.Parts(*batch.columns, row)};
      Locate(record);
      if (row == 0) Compare(record);
    }
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
    const std::vector<int>& columns = plan_.views.front().key_columns;
    return std::none_of(columns.begin(), columns.end(),
                        [&](int column) { return batch.columns->column(column)->IsNull(row); });
  }

  void Locate(const Record& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Compare(const Record& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Mismatch(const Record& record) const;
  std::string SourceKey() const {
    return fmt::format("key: [{}]", fmt::join(plan_.source->key(), ", "));
  }

  const TaskPlan& plan_;
  const Say say_;
  const v1::Entity& entity_;  // of the views that the tasks compute: all have the source's key
  const KeyColumn keys_;

  mutable absl::Mutex mutex_;
  RecordKeyReader record_keys_ ABSL_GUARDED_BY(mutex_);
  KeyPlaces places_ ABSL_GUARDED_BY(mutex_);
  KeyStatistics statistics_ ABSL_GUARDED_BY(mutex_);
  int64_t looked_at_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t matching_ ABSL_GUARDED_BY(mutex_) = 0;  // of those compared
  std::string mismatch_ ABSL_GUARDED_BY(mutex_);  // the first, as a message
  bool mismatch_said_ ABSL_GUARDED_BY(mutex_) = false;
};

void KeyCheck::Topic::Locate(const Record& record) {
  std::string key = EncodeKey(entity_, record.parts);
  std::optional<KeyPlace> other = places_.See(HashedKey(key).hash, record.place);
  if (!other || statistics_.split++ > 0) return;
  say_(fmt::format(
      "source {}: key {} is in two partitions of topic {}: {} (offset {}) and {} (offset {}, a "
      "record {}). The topic is not partitioned by `{}`, so lookups, updates and tables have a "
      "part of its events. Let `key` name the columns that it is partitioned by; or say `key: "
      "none`, then forebay partitions it again for each entity",
      plan_.source->name(), ShownBytes(KeyText(entity_, record.parts)), plan_.topic,
      other->partition.value(), other->offset.value(), record.place.partition.value(),
      record.place.offset.value(),
      record.raw.key ? "with key " + ShownBytes(*record.raw.key) : "without a key", SourceKey()));
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

void KeyCheck::Look(const TaskId& task, const EventBatch& batch) {
  if (batch.size() == 0) return;
  auto topic = by_name_.find(task.topic);
  if (topic != by_name_.end()) topic->second->Look(task.partition, batch);
}

std::vector<KeyStatistics> KeyCheck::Statistics() const {
  std::vector<KeyStatistics> statistics;
  for (const auto& topic : topics_) statistics.push_back(topic->Statistics());
  return statistics;
}

}  // namespace forebay
