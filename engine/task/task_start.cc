#include "engine/task/task_start.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/task/stored_views.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

const v1::StoredForward* FindStoredForward(const v1::TaskMeta& meta, const v1::Entity& entity) {
  for (const v1::StoredForward& stored : meta.forwards()) {
    if (stored.entity() == entity.name()) return &stored;
  }
  return nullptr;
}

PartStart NewPart(bool from_now, const PartitionBounds& bounds) {
  PartStart part;
  if (from_now) part.after = bounds.next - 1;
  if (from_now ? bounds.next.value() > 0 : bounds.oldest.value() > 0)
    part.complete_from = PartStart::kNoRecordYet;
  return part;
}

template <typename Stored>
PartStart StoredPart(const Stored& stored, const PartitionBounds& bounds) {
  PartStart part{.stored = true, .settled = true, .after = Offset(stored.position())};
  if (stored.has_complete_from_us()) {
    part.complete_from = stored.complete_from_us();
  } else if (part.after.value() < 0 && bounds.oldest.value() > 0) {
    part.complete_from = PartStart::kNoRecordYet;  // gone before it had any
  }
  return part;
}

// Outputs that are on and were off when the state was last written; null: none.
const char* AddedOutputs(const v1::StoredView& stored, const v1::FeatureView& view) {
  bool history = view.history() == v1::FeatureView::ON && !stored.history();
  bool updates = view.updates() == v1::FeatureView::ON && !stored.updates();
  if (history && updates) return "history and updates";
  return history ? "history" : updates ? "updates" : nullptr;
}

// A view whose outputs lack steps is computed again from the oldest record: what has its steps
// drops them.
absl::StatusOr<PartStart> StartView(const ViewTaskPlan& plan, const TaskId& id,
                                    const v1::StoredView* stored, const PartitionBounds& bounds) {
  if (stored == nullptr) return NewPart(plan.from_now, bounds);
  const char* added = AddedOutputs(*stored, *plan.definition);
  if (added != nullptr && stored->from_files() && !plan.from_now) {
    std::string name = ViewId{stored->name(), stored->version()}.ToString();
    return absl::FailedPreconditionError(fmt::format(
        "view {}: {} was off until now, and the steps that it lacks are those of files, too. Raise "
        "the version of the view and backfill that, switch it off again, or start once with "
        "--from-now {}: it then has the steps from now on only",
        name, added, name));
  }
  if (added != nullptr && !plan.from_now) {
    if (bounds.oldest.value() == 0) return NewPart(/*from_now=*/false, bounds);
    std::string name = ViewId{stored->name(), stored->version()}.ToString();
    return absl::FailedPreconditionError(fmt::format(
        "view {}: {} was off until now, and {}, which begins at offset {}, no longer holds the "
        "records of the steps that it lacks. Raise the version of the view, switch it off again, "
        "or start once with --from-now {}: it then has the steps from now on only",
        name, added, id.ToString(), bounds.oldest.value(), name));
  }
  PartStart part = StoredPart(*stored, bounds);
  part.settled = added == nullptr;
  part.from_files = stored->from_files();
  // What the topic lacks at its start is in the files: the source sees to that.
  if (part.from_files && !stored->has_complete_from_us()) part.complete_from.reset();
  if (stored->has_clock_us()) part.clock = stored->clock_us();
  return part;
}

// The partition clock there, of which some view is at it.
int64_t ClockAt(Offset position, const std::vector<PartStart>& views) {
  int64_t clock = Window::kAlways;
  for (const PartStart& view : views) {
    if (view.after == position) clock = std::max(clock, view.clock);
  }
  return clock;
}

// `stored`: the highest position of what has state.
absl::Status CheckBounds(const TaskId& id, const TaskStart& start, Offset stored,
                         const PartitionBounds& bounds) {
  if (stored + 1 > bounds.next) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: the state holds records up to offset {}, and the topic ends at {}: it was recreated "
        "or has lost records. Nothing is guessed: to build the features anew, remove what the "
        "project "
        "left with `forebay reset --all`, and start again",
        id.ToString(), stored.value(), bounds.next.value() - 1));
  }
  if (start.resumes) return absl::OkStatus();  // who reads on notices what lacks
  for (const std::vector<PartStart>* parts : {&start.views, &start.forwards}) {
    for (const PartStart& part : *parts) {
      bool begun = part.stored && part.after.value() >= 0;
      if (!begun || part.after + 1 >= bounds.oldest) continue;
      return absl::FailedPreconditionError(fmt::format(
          "{}: the state holds records up to offset {}, and the oldest that the topic keeps is {}: "
          "records were deleted before they were read. Nothing is guessed: to build the features "
          "anew, remove what the project left with `forebay reset --all`, and start again",
          id.ToString(), part.after.value(), bounds.oldest.value()));
    }
  }
  return absl::OkStatus();
}

// A task without any state, whose sinks know of earlier work: its state is gone, and its views can
// be whole only where all records are still there. What is forwarded need not be: the repartition
// topic has it.
absl::Status CheckState(const TaskPlan& plan, const TaskId& id, const PartitionBounds& bounds,
                        Offset held) {
  if (held.value() < 0 || bounds.oldest.value() <= 0) return absl::OkStatus();
  std::vector<std::string> views;
  for (const ViewTaskPlan& view : plan.views) {
    if (!view.from_now && !view.from_oldest) views.push_back(view.definition->name());
  }
  if (views.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{}: records up to offset {} were worked on before, but the state folder has no state of "
      "that, and the topic keeps records from offset {} on only: {} cannot be built whole. Nothing "
      "is guessed: put back the state folder (of the worker that had this partition, or of a "
      "backup); or build them from what the topic keeps, with `forebay run{}`, complete from then "
      "on; or remove what the project left with `forebay reset --all`, and start again",
      id.ToString(), held.value(), bounds.oldest.value(), fmt::join(views, ", "),
      fmt::format(" --from-oldest {}", fmt::join(views, " --from-oldest "))));
}

// Where it is not stored, the task reads on as it would without; from the oldest record, if it
// reads for the archive alone and never did.
std::optional<PartStart> StartArchive(const TaskPlan& plan, const v1::TaskMeta* meta,
                                      Offset position, const PartitionBounds& bounds) {
  if (!plan.archive) return std::nullopt;
  if (meta != nullptr && meta->archive().source() == plan.source->name())
    return PartStart{.stored = true, .settled = true, .after = Offset(meta->archive().position())};
  return PartStart{.after = std::max(position, bounds.oldest - 1)};
}

}  // namespace

absl::StatusOr<TaskStart> StartTask(const TaskPlan& plan, const TaskId& id,
                                    const v1::TaskMeta* meta, const PartitionBounds& bounds,
                                    Offset held) {
  if (meta == nullptr) RETURN_IF_ERROR(CheckState(plan, id, bounds, held));
  TaskStart start;
  for (const ViewTaskPlan& view : plan.views) {
    const v1::StoredView* stored = meta ? FindStoredView(*meta, *view.definition) : nullptr;
    // The order of its records depends on what other views have read since it was kept.
    if (plan.repartition && stored != nullptr && stored->position() < meta->position())
      stored = nullptr;
    ASSIGN_OR_RETURN(PartStart part, StartView(view, id, stored, bounds));
    start.views.push_back(part);
  }
  for (const ForwardPlan& forward : plan.forwards) {
    const v1::StoredForward* stored = meta ? FindStoredForward(*meta, *forward.entity) : nullptr;
    start.forwards.push_back(stored != nullptr ? StoredPart(*stored, bounds)
                                               : NewPart(forward.from_now, bounds));
  }
  Offset least = Offset::Max();
  Offset stored(-1);         // the highest
  bool starts_over = false;  // some part has yet to see the oldest record
  for (const std::vector<PartStart>* parts : {&start.views, &start.forwards}) {
    for (const PartStart& part : *parts) {
      least = std::min(least, part.after);
      starts_over = starts_over || (!part.stored && part.after.value() < 0);
      start.has_new = start.has_new || !part.settled;
      if (part.stored) stored = std::max(stored, part.after);
    }
  }
  if (meta != nullptr) stored = std::max(stored, Offset(meta->position()));
  start.read_before =
      meta != nullptr && meta->has_read_before() ? Offset(meta->read_before()) : stored;
  // A view that was kept without a task that computes it is behind.
  const bool is_behind = meta != nullptr && least < Offset(meta->position());
  if (is_behind && !starts_over) {
    start.position = least;
    start.clock = ClockAt(least, start.views);
  } else if (meta != nullptr && !starts_over) {
    start.resumes = true;
    start.position = Offset(meta->has_read_position() ? meta->read_position() : meta->position());
    if (meta->has_clock_us()) start.clock = meta->clock_us();
  } else if (!starts_over && least != Offset::Max()) {
    start.position = least;
  }
  start.archive = StartArchive(plan, meta, start.position, bounds);
  start.has_new = start.has_new || (start.archive && !start.archive->settled);
  RETURN_IF_ERROR(CheckBounds(id, start, stored, bounds));
  return start;
}

}  // namespace forebay
