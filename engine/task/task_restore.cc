// How a task starts: its meta, its views' ids, its timers.
#include <fmt/format.h>

#include <map>

#include "engine/task/task.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr uint32_t kFormatVersion = 2;
void AddExpressionStatistics(const v1::FeatureView& view,
                             std::deque<ExpressionStatistics>* statistics) {
  auto add = [&](const std::string& feature) {
    ExpressionStatistics& added = statistics->emplace_back();
    added.view = view.name();
    added.feature = feature;
  };
  add("where");
  for (int i = 0; i < view.aggregates_size(); ++i) {
    std::string name;
    for (const v1::Feature& feature : view.features()) {
      if (name.empty() && static_cast<int>(feature.aggregate()) == i) name = feature.name();
    }
    add(name);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> Task::Open(const TaskPlan& plan, TaskId id,
                                                 int partition_count,
                                                 std::unique_ptr<StateStore> store,
                                                 size_t hot_bytes) {
  std::unique_ptr<Task> task(
      new Task(plan, std::move(id), partition_count, std::move(store), hot_bytes));
  RETURN_IF_ERROR(task->Restore());
  RETURN_IF_ERROR(task->RestoreTimers());
  return task;
}

absl::Status Task::CheckMeta(const std::string& bytes) {
  v1::TaskMeta meta;
  if (!meta.ParseFromString(bytes)) {
    return absl::DataLossError(fmt::format(
        "the state of {} is damaged (its meta record does not parse); delete its folder and start "
        "again: the state is rebuilt from the topic as far as its retention reaches",
        id_.ToString()));
  }
  if (meta.format_version() > kFormatVersion) {
    return absl::FailedPreconditionError(fmt::format(
        "the state of {} has format {}, and this forebay reads up to {}; upgrade forebay",
        id_.ToString(), meta.format_version(), kFormatVersion));
  }
  if (meta.format_version() < kFormatVersion) {
    return absl::FailedPreconditionError(fmt::format(
        "the state of {} has format {}, of an earlier forebay, and this one reads {}; delete its "
        "folder and start again: the state is rebuilt from the topic as far as its retention "
        "reaches",
        id_.ToString(), meta.format_version(), kFormatVersion));
  }
  if (meta.partition_count() != partition_count_) {
    return absl::FailedPreconditionError(fmt::format(
        "topic {} has {} partitions, but its state was made when it had {}; keys may have moved "
        "between partitions, so the state cannot be used. Restore the partitions, or start under "
        "another project name (or delete the state folder) to rebuild from the topic",
        id_.topic, partition_count_, meta.partition_count()));
  }
  position_ = Offset(meta.position());
  cut_position_ = position_;
  if (meta.has_clock_us()) clock_ = meta.clock_us();
  next_view_id_ = meta.next_view_id();
  source_offsets_.insert(meta.source_offsets().begin(), meta.source_offsets().end());
  return absl::OkStatus();
}

absl::Status Task::Restore() {
  ASSIGN_OR_RETURN(std::optional<std::string> bytes, store_->ReadMeta());
  v1::TaskMeta meta;
  if (bytes) {
    RETURN_IF_ERROR(CheckMeta(*bytes));
    meta.ParseFromString(*bytes);
  }
  for (const ViewTaskPlan& view : plan_.views) {
    uint32_t id = 0;
    for (const v1::StoredView& stored : meta.views()) {
      if (stored.name() != view.definition->name() ||
          stored.version() != view.definition->version()) {
        continue;
      }
      if (stored.fingerprint() != view.tiles.fingerprint()) {
        return absl::FailedPreconditionError(fmt::format(
            "view {} version {} was changed after {} stored state for it; versions are immutable: "
            "restore the definition or raise its version to {}",
            stored.name(), stored.version(), id_.ToString(), stored.version() + 1));
      }
      id = stored.id();
    }
    if (id == 0) id = next_view_id_++;
    views_.push_back(std::make_unique<ViewTask>(view, id_.partition, id));
    AddExpressionStatistics(*view.definition, &expressions_);
  }
  output_.position = position_;
  output_.clock = KnownTime(clock_);
  output_.complete_before = complete_before();
  shared_clock_.store(clock_, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status Task::RestoreTimers() {
  std::map<std::string, int, std::less<>> view_of_prefix;
  for (size_t i = 0; i < views_.size(); ++i)
    view_of_prefix[views_[i]->prefix] = static_cast<int>(i);
  return store_->Scan([&](std::string_view key, std::string_view value) -> absl::Status {
    auto view = view_of_prefix.find(key.substr(0, kStoredPrefixBytes));
    if (view == view_of_prefix.end()) {
      forgotten_.emplace_back(key);
      return absl::OkStatus();
    }
    const ViewTaskPlan& plan = views_[view->second]->plan;
    ASSIGN_OR_RETURN(KeyTimes times, KeyState::DecodeTimes(value));
    int64_t timer = TimerOf(plan, times);
    if (plan.steps == Steps::kNone && times.live) {
      ASSIGN_OR_RETURN(timer, KeyState::DecodeEnd(plan.tiles, value));
    }
    TimersOf(plan).Set(view->second, key.substr(kStoredPrefixBytes), timer);
    return absl::OkStatus();
  });
}

std::string Task::EncodeMeta() const {
  v1::TaskMeta meta;
  meta.set_format_version(kFormatVersion);
  meta.set_position(position_.value());
  if (clock_ != Window::kAlways) meta.set_clock_us(clock_);
  meta.set_partition_count(partition_count_);
  meta.set_next_view_id(next_view_id_);
  for (size_t i = 0; i < views_.size(); ++i) {
    const ViewTaskPlan& plan = views_[i]->plan;
    v1::StoredView& stored = *meta.add_views();
    stored.set_name(plan.definition->name());
    stored.set_version(plan.definition->version());
    uint32_t id = 0;
    for (char byte : views_[i]->prefix) id = id << 8 | static_cast<uint8_t>(byte);
    stored.set_id(id);
    stored.set_fingerprint(plan.tiles.fingerprint());
  }
  for (const auto& [partition, offset] : source_offsets_)
    (*meta.mutable_source_offsets())[partition] = offset;
  return meta.SerializeAsString();
}

}  // namespace forebay
