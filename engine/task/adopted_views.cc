#include "engine/task/adopted_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "engine/task/stored_views.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

constexpr size_t kBytesInDelta = 4 << 20;

absl::Status CopyKeys(const std::map<uint32_t, std::string>& prefixes, const StateStore& from,
                      StateStore* store) {
  ASSIGN_OR_RETURN(std::optional<std::string> meta, store->ReadMeta());
  std::unique_ptr<StateDelta> delta;
  size_t bytes = 0;
  auto commit = [&]() -> absl::Status {
    if (delta == nullptr) return absl::OkStatus();
    if (meta) delta->SetMeta(*meta);
    RETURN_IF_ERROR(store->Commit(*delta));
    delta.reset();
    bytes = 0;
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(from.Scan([&](std::string_view key, std::string_view state) -> absl::Status {
    auto prefix = prefixes.find(StoredViewNumber(key));
    if (prefix == prefixes.end()) return absl::OkStatus();
    if (delta == nullptr) delta = store->NewDelta(kBytesInDelta);
    delta->Put(prefix->second + std::string(key.substr(kStoredPrefixBytes)), state);
    bytes += key.size() + state.size();
    return bytes < kBytesInDelta ? absl::OkStatus() : commit();
  }));
  return commit();
}

absl::Status CommitMeta(const v1::TaskMeta& meta, StateStore* store) {
  std::unique_ptr<StateDelta> delta = store->NewDelta(0);
  delta->SetMeta(meta.SerializeAsString());
  return store->Commit(*delta);
}

// Under a number of its own. Returns it as it is there.
v1::StoredView& AddView(const v1::StoredView& view, v1::TaskMeta* meta) {
  v1::StoredView& added = *meta->add_views();
  added = view;
  added.set_id(std::max<uint32_t>(meta->next_view_id(), 1));
  meta->set_next_view_id(added.id() + 1);
  return added;
}

bool IsNoOlder(const v1::StoredView& known, const v1::StoredView& view) {
  return known.position() >= view.position() && known.fingerprint() == view.fingerprint() &&
         known.history() == view.history() && known.updates() == view.updates();
}

void RemoveView(const ViewId& id, v1::TaskMeta* meta) {
  auto* views = meta->mutable_views();
  views->erase(std::remove_if(views->begin(), views->end(),
                              [&](const v1::StoredView& view) {
                                return view.name() == id.name && view.version() == id.version;
                              }),
               views->end());
}

// Where a task reads on, and what it knows there.
void TakeReading(const v1::TaskMeta& from, v1::TaskMeta* meta) {
  meta->set_position(from.position());
  meta->clear_read_position();
  if (from.has_read_position()) meta->set_read_position(from.read_position());
  meta->clear_clock_us();
  if (from.has_clock_us()) meta->set_clock_us(from.clock_us());
  *meta->mutable_sources() = from.sources();
}

}  // namespace

absl::StatusOr<std::vector<const ViewTaskPlan*>> MissingViews(const TaskPlan& plan,
                                                              const StateStore& store) {
  ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(store));
  std::vector<const ViewTaskPlan*> missing;
  for (const ViewTaskPlan& view : plan.views) {
    if (FindStoredView(meta, *view.definition) == nullptr) missing.push_back(&view);
  }
  return missing;
}

absl::Status AdoptViews(const std::vector<const ViewTaskPlan*>& views, const StateStore& files,
                        StateStore* store) {
  ASSIGN_OR_RETURN(v1::TaskMeta from, ReadTaskMeta(files));
  ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(*store));
  meta.set_format_version(kStateFormat);
  meta.set_partition_count(from.partition_count());
  std::map<uint32_t, std::string> prefixes;  // by the number of a view among those of the files
  for (const ViewTaskPlan* view : views) {
    const v1::StoredView* stored = FindStoredView(from, *view->definition);
    if (stored == nullptr) {
      return absl::FailedPreconditionError(
          fmt::format("view {} has no state of the files that come before its topic: run `forebay "
                      "backfill {}` first",
                      view->definition->name(), view->definition->name()));
    }
    v1::StoredView& adopted = AddView(*stored, &meta);
    adopted.set_position(-1);
    adopted.set_from_files(true);
    if (adopted.has_last_row()) adopted.set_last_row(-1);
    prefixes[stored->id()] = StoredPrefix(adopted.id());
  }
  // It reads the topic from the start, as if nothing of it had been applied.
  meta.set_position(-1);
  meta.clear_read_position();
  meta.clear_sources();
  meta.clear_clock_us();
  if (from.has_clock_us()) meta.set_clock_us(from.clock_us());
  meta.set_applied_records(std::max(meta.applied_records(), from.applied_records()));
  RETURN_IF_ERROR(CopyKeys(prefixes, files, store));
  CrashPoint("handover.copied");
  RETURN_IF_ERROR(CommitMeta(meta, store));
  CrashPoint("handover.adopted");
  return absl::OkStatus();
}

absl::Status AdoptLane(const StateStore& lane, StateStore* store) {
  ASSIGN_OR_RETURN(v1::TaskMeta from, ReadTaskMeta(lane));
  ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(*store));
  const bool is_new = meta.format_version() == 0;
  if (is_new) {
    meta = from;
    meta.clear_views();
  }
  std::map<uint32_t, std::string> prefixes;  // by the number of a view in the lane
  for (const v1::StoredView& view : from.views()) {
    const ViewId id{view.name(), view.version()};
    const v1::StoredView* known = FindStoredView(meta, id);
    if (known != nullptr && IsNoOlder(*known, view)) continue;
    // It was kept where it stood, or is another; its keys go when the task starts, as those of an
    // unknown view.
    if (known != nullptr) RemoveView(id, &meta);
    prefixes[view.id()] = StoredPrefix(AddView(view, &meta).id());
  }
  bool feeds_more = false;
  for (const v1::StoredForward& forward : from.forwards()) {
    if (std::any_of(meta.forwards().begin(), meta.forwards().end(),
                    [&](const auto& known) { return known.entity() == forward.entity(); }))
      continue;
    *meta.add_forwards() = forward;
    feeds_more = true;
  }
  if (prefixes.empty() && !feeds_more && !is_new) return absl::OkStatus();
  if (from.position() < meta.position()) TakeReading(from, &meta);
  meta.set_applied_records(std::max(meta.applied_records(), from.applied_records()));
  RETURN_IF_ERROR(CopyKeys(prefixes, lane, store));
  CrashPoint("lane.copied");
  RETURN_IF_ERROR(CommitMeta(meta, store));
  CrashPoint("lane.adopted");
  return absl::OkStatus();
}

absl::Status SeedLane(const TaskPlan& plan, const StateStore& store, StateStore* lane) {
  if (plan.repartition) return absl::OkStatus();
  ASSIGN_OR_RETURN(v1::TaskMeta from, ReadTaskMeta(store));
  v1::TaskMeta meta;
  meta.set_format_version(kStateFormat);
  meta.set_partition_count(from.partition_count());
  meta.set_topic_id(from.topic_id());
  std::map<uint32_t, std::string> prefixes;
  const v1::StoredView* least = nullptr;
  for (const ViewTaskPlan& view : plan.views) {
    const v1::StoredView* kept = FindStoredView(from, *view.definition);
    if (kept == nullptr || kept->fingerprint() != view.fingerprint) continue;
    prefixes[kept->id()] = StoredPrefix(AddView(*kept, &meta).id());
    if (least == nullptr || kept->position() < least->position()) least = kept;
  }
  if (least == nullptr) return absl::OkStatus();
  meta.set_position(least->position());
  meta.set_applied_records(least->position());
  if (least->has_clock_us()) meta.set_clock_us(least->clock_us());
  RETURN_IF_ERROR(CopyKeys(prefixes, store, lane));
  return CommitMeta(meta, lane);
}

}  // namespace forebay
