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

namespace forebay {
namespace {

constexpr size_t kBytesInDelta = 4 << 20;

absl::Status CopyKeys(const std::map<uint32_t, std::string>& prefixes, const StateStore& files,
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
  RETURN_IF_ERROR(files.Scan([&](std::string_view key, std::string_view state) -> absl::Status {
    auto prefix = prefixes.find(StoredViewNumber(key));
    if (prefix == prefixes.end()) return absl::OkStatus();
    if (delta == nullptr) delta = store->NewDelta(kBytesInDelta);
    delta->Put(prefix->second + std::string(key.substr(kStoredPrefixBytes)), state);
    bytes += key.size() + state.size();
    return bytes < kBytesInDelta ? absl::OkStatus() : commit();
  }));
  return commit();
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
    v1::StoredView& adopted = *meta.add_views();
    adopted = *stored;
    adopted.set_id(std::max<uint32_t>(meta.next_view_id(), 1));
    meta.set_next_view_id(adopted.id() + 1);
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
  std::unique_ptr<StateDelta> delta = store->NewDelta(0);
  delta->SetMeta(meta.SerializeAsString());
  RETURN_IF_ERROR(store->Commit(*delta));
  CrashPoint("handover.adopted");
  return absl::OkStatus();
}

}  // namespace forebay
