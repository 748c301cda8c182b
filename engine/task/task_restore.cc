// How a task starts: its meta, its views' ids, its timers.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/task/stored_views.h"
#include "engine/task/task.h"
#include "engine/task/topic_identity.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Also that a part counts from the end of the partition on says something of the topic.
bool HasRead(const v1::TaskMeta& meta) {
  auto begun = [](const auto& part) { return part.position() >= 0; };
  return meta.position() >= 0 || std::any_of(meta.views().begin(), meta.views().end(), begun) ||
         std::any_of(meta.forwards().begin(), meta.forwards().end(), begun) ||
         (meta.has_archive() && begun(meta.archive()));
}

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

// `stored`: null for a view that is new.
std::optional<Offset> RestoreLastRow(const v1::StoredView* stored) {
  if (stored == nullptr) return Offset(-1);
  return stored->has_last_row() ? std::optional(Offset(stored->last_row())) : std::nullopt;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> Task::Open(const TaskPlan& plan, TaskId id,
                                                 int partition_count, const PartitionBounds& bounds,
                                                 std::unique_ptr<StateStore> store,
                                                 size_t hot_bytes, Offset held) {
  std::unique_ptr<Task> task(
      new Task(plan, std::move(id), partition_count, std::move(store), hot_bytes));
  RETURN_IF_ERROR(task->Restore(bounds, held));
  RETURN_IF_ERROR(task->RestoreTimers());
  return task;
}

absl::Status Task::CheckMeta(const v1::TaskMeta& meta, const PartitionBounds& bounds) const {
  if (meta.format_version() > kStateFormat) {
    return absl::FailedPreconditionError(fmt::format(
        "the state of {} has format {}, and this forebay reads up to {}; upgrade forebay",
        id_.ToString(), meta.format_version(), kStateFormat));
  }
  if (meta.format_version() < kStateFormat) {
    return absl::FailedPreconditionError(fmt::format(
        "the state of {} has format {}, of an earlier forebay, and this one reads {}; remove what "
        "the project left with `forebay reset --all` and start again: all is built anew from the "
        "topics as far as their retention reaches",
        id_.ToString(), meta.format_version(), kStateFormat));
  }
  // Where nothing was read yet, it may be any topic.
  TopicIdentity known{HasRead(meta) ? meta.topic_id() : "", meta.partition_count()};
  return CheckSameTopic(id_.topic, RoleOf(plan_), known, {bounds.topic_id, partition_count_},
                        "the state of " + id_.ToString());
}

absl::Status Task::Restore(const PartitionBounds& bounds, Offset held) {
  ASSIGN_OR_RETURN(std::optional<std::string> bytes, store_->ReadMeta());
  v1::TaskMeta meta;
  if (bytes && !meta.ParseFromString(*bytes)) {
    return absl::DataLossError(fmt::format(
        "the state of {} is damaged (its meta record does not parse); delete its folder and start "
        "again: the state is rebuilt from the topic as far as its retention reaches",
        id_.ToString()));
  }
  if (bytes) RETURN_IF_ERROR(CheckMeta(meta, bounds));
  topic_id_ = bounds.topic_id.empty() ? meta.topic_id() : bounds.topic_id;
  ASSIGN_OR_RETURN(TaskStart start, StartTask(plan_, id_, bytes ? &meta : nullptr, bounds, held));
  position_ = start.position;
  cut_position_ = position_;
  clock_ = start.clock;
  read_before_ = start.read_before;
  if (bytes) next_view_id_ = meta.next_view_id();
  if (plan_.repartition) order_ = std::make_unique<KnownTimeOrder>(partition_count_);
  if (start.resumes && order_ != nullptr) order_->Restore(meta);
  // Records of files come before all of the topic.
  auto from_files = [](const PartStart& view) { return view.from_files; };
  if (start.resumes || std::any_of(start.views.begin(), start.views.end(), from_files))
    sequence_ = meta.applied_records();
  RETURN_IF_ERROR(RestoreViews(meta, start));
  RestoreKept(meta);
  output_.position = position_;
  output_.clock = KnownTime(clock_);
  output_.complete_before = complete_before();
  shared_clock_.store(clock_, std::memory_order_release);
  // What nobody keeps is gone from now on: another view may come under its name.
  const bool forgets = meta.views_size() > static_cast<int>(views_.size() + kept_.size());
  return start.has_new || forgets ? KeepMeta() : absl::OkStatus();
}

absl::Status Task::KeepMeta() {
  // The records that wait are told by what is stored, until they are read again.
  if (order_ != nullptr && order_->restoring(position_)) return absl::OkStatus();
  std::unique_ptr<StateDelta> delta = store_->NewDelta(0);
  delta->SetMeta(EncodeMeta());
  return store_->Commit(*delta);
}

absl::Status Task::RestoreViews(const v1::TaskMeta& meta, const TaskStart& start) {
  auto cover = [&](const v1::FeatureView& view, const PartStart& part) {
    ViewCoverage& coverage = coverage_.emplace_back();
    coverage.view = view.name();
    coverage.version = view.version();
    coverage.from = part.after;
    coverage.to = read_before_;
    coverage.complete_from = part.complete_from.value_or(Window::kAlways);
    return &coverage;
  };
  for (size_t i = 0; i < plan_.views.size(); ++i) {
    const ViewTaskPlan& view = plan_.views[i];
    const v1::StoredView* stored = FindStoredView(meta, *view.definition);
    if (stored != nullptr && stored->fingerprint() != view.fingerprint) {
      return ChangedUnderVersion({stored->name(), stored->version()}, stored->fingerprint(),
                                 view.fingerprint, "the state of " + id_.ToString());
    }
    // A view that is computed again from the oldest record leaves its keys behind.
    uint32_t id = start.views[i].stored ? stored->id() : next_view_id_++;
    ViewCoverage* coverage = cover(*view.definition, start.views[i]);
    coverage->kept = view.from_now && start.views[i].stored;
    views_.push_back(std::make_unique<ViewTask>(view, columns_, id, start.views[i], coverage));
    if (start.views[i].stored && stored->has_erased_until_us())
      views_.back()->erased_until = stored->erased_until_us();
    views_.back()->last_row = RestoreLastRow(start.views[i].stored ? stored : nullptr);
    AddExpressionStatistics(*view.definition, &expressions_);
    view_statistics_.emplace_back();
  }
  for (size_t i = 0; i < plan_.forwards.size(); ++i) {
    const ForwardPlan& plan = plan_.forwards[i];
    Forward& forward = forwards_.emplace_back(
        Forward{&plan, KeyColumn(*plan_.event_schema, plan.key_columns), start.forwards[i]});
    for (const v1::FeatureView* view : plan.views)
      forward.coverage.push_back(cover(*view, forward.start));
  }
  if (!start.archive) return absl::OkStatus();
  archive_ = Archive{.start = *start.archive, .after = start.archive->after};
  if (start.archive->stored) {
    archive_->after = Offset(meta.archive().after());
    archive_->last_row = Offset(meta.archive().last_row());
  }
  return absl::OkStatus();
}

void Task::RestoreKept(const v1::TaskMeta& meta) {
  for (const ViewId& kept : plan_.kept) {
    const v1::StoredView* stored = FindStoredView(meta, kept);
    if (stored == nullptr) continue;
    kept_.push_back({.stored = stored->SerializeAsString(), .prefix = StoredPrefix(stored->id())});
  }
}

absl::Status Task::RestoreTimers() {
  std::map<std::string, ViewTask*, std::less<>> view_of_prefix;
  for (const auto& view : views_) view_of_prefix[view->prefix] = view.get();
  for (const Kept& kept : kept_) view_of_prefix[kept.prefix] = nullptr;
  return store_->Scan([&](std::string_view key, std::string_view value) -> absl::Status {
    auto view = view_of_prefix.find(key.substr(0, kStoredPrefixBytes));
    if (view == view_of_prefix.end()) {
      forgotten_.emplace_back(key);
      return absl::OkStatus();
    }
    if (view->second == nullptr) return absl::OkStatus();
    view->second->hot.StoreHasMore();
    const ViewTaskPlan& plan = view->second->plan;
    ASSIGN_OR_RETURN(KeyTimes times, KeyState::DecodeTimes(value));
    int64_t timer = TimerOf(plan, times);
    if (plan.steps == Steps::kNone && times.live) {
      ASSIGN_OR_RETURN(timer, KeyState::DecodeEnd(plan.tiles, value));
    }
    view->second->timers.Set(key.substr(kStoredPrefixBytes), timer);
    return absl::OkStatus();
  });
}

std::vector<LastRow> Task::last_rows() const {
  std::vector<LastRow> rows;
  for (const auto& view : views_) {
    if (view->plan.definition->history() == v1::FeatureView::ON)
      rows.push_back({view->plan.view, view->last_row});
  }
  if (archive_) rows.push_back({ChangeBatch::kEvents, archive_->last_row, archive_->after});
  return rows;
}

std::string Task::EncodeMeta() const {
  v1::TaskMeta meta;
  meta.set_format_version(kStateFormat);
  meta.set_position(position_.value());
  meta.set_read_before(std::max(read_before_, position_).value());
  if (clock_ != Window::kAlways) meta.set_clock_us(clock_);
  meta.set_partition_count(partition_count_);
  meta.set_topic_id(topic_id_);
  meta.set_next_view_id(next_view_id_);
  auto encode_start = [this](const PartStart& start, const ViewCoverage& coverage, auto* stored) {
    stored->set_position(std::max(start.after, position_).value());
    int64_t complete_from = coverage.complete_from.load(std::memory_order_relaxed);
    if (complete_from != Window::kAlways) stored->set_complete_from_us(complete_from);
  };
  for (const auto& view : views_) {
    const ViewTaskPlan& plan = view->plan;
    v1::StoredView& stored = *meta.add_views();
    stored.set_name(plan.definition->name());
    stored.set_version(plan.definition->version());
    stored.set_id(StoredViewNumber(view->prefix));
    stored.set_fingerprint(plan.fingerprint);
    stored.set_history(plan.definition->history() == v1::FeatureView::ON);
    stored.set_updates(plan.definition->updates() == v1::FeatureView::ON);
    encode_start(view->start, *view->coverage, &stored);
    stored.set_from_files(view->start.from_files);
    int64_t clock = position_ > view->start.after ? clock_ : view->start.clock;
    if (clock != Window::kAlways) stored.set_clock_us(clock);
    if (view->erased_until >= clock && view->erased_until != Window::kAlways)
      stored.set_erased_until_us(view->erased_until);
    if (plan.definition->history() == v1::FeatureView::ON && view->last_row)
      stored.set_last_row(view->last_row->value());
  }
  for (const Kept& kept : kept_) meta.add_views()->ParseFromString(kept.stored);
  for (const Forward& forward : forwards_) {
    v1::StoredForward& stored = *meta.add_forwards();
    stored.set_entity(forward.plan->entity->name());
    encode_start(forward.start, *forward.coverage.front(), &stored);
  }
  if (archive_) {
    v1::StoredArchive& stored = *meta.mutable_archive();
    stored.set_source(plan_.source->name());
    stored.set_after(archive_->after.value());
    stored.set_position(std::max(archive_->start.after, position_).value());
    stored.set_last_row(archive_->last_row.value());
  }
  meta.set_applied_records(sequence_);
  if (order_ != nullptr) order_->Encode(&meta);
  return meta.SerializeAsString();
}

}  // namespace forebay
