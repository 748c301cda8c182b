// The views of a training set of mode `event`: computed from the events of their sources in the
// order of event time, by the engine that backfills, into tables and states of a temporary folder
// (in TMPDIR), which is gone when this is.
//
//   EventRecompute recompute(loaded, stop);
//   request.recompute = [&](const auto& views, KnownTime latest) {
//     return recompute.Run(views, latest);
//   };
#ifndef FOREBAY_CLI_EVENT_RECOMPUTE_H_
#define FOREBAY_CLI_EVENT_RECOMPUTE_H_

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/scratch_project.h"
#include "engine/task/stored_state.h"
#include "engine/task/task_plan.h"
#include "offline/event_order/source_events.h"
#include "offline/training_set/training_set.h"
#include "schemas/definition/project.h"

namespace forebay {

class EventRecompute {
 public:
  // `before`: what a set that is made again was made of; of an archive only those events are read
  // that it had then. Null: this is the first time. All must outlive this.
  EventRecompute(const LoadedProject& loaded, const TrainingSetSummary* before,
                 const std::atomic<bool>& stop)
      : loaded_(loaded), before_(before), stop_(stop) {}

  // As a RecomputeViews. INVALID_ARGUMENT: a source has neither an archive nor files;
  // FAILED_PRECONDITION: there is no archive yet; CANCELLED: it was asked to stop; else errors as
  // of a backfill. Once.
  absl::StatusOr<RecomputedViews> Run(const std::vector<ViewId>& views, KnownTime latest);

 private:
  std::filesystem::path EventsOf(const std::string& source) const;
  absl::StatusOr<EventsRead> Sort(const v1::Source& source, KnownTime latest,
                                  std::vector<std::string>* warnings) const;
  absl::Status FindEvents(const v1::Source& source, SourceEventsRequest* request,
                          std::vector<std::string>* warnings) const;
  const EventsRead* ReadBefore(const v1::Source& source) const;
  absl::StatusOr<std::optional<EventArchive>> FindArchive(const v1::Source& source,
                                                          std::vector<std::string>* warnings) const;

  const LoadedProject& loaded_;
  const TrainingSetSummary* const before_;
  const std::atomic<bool>& stop_;
  std::unique_ptr<ScratchProject> scratch_;  // whose sources are the sorted events; null: not yet
  // Of that, in its folder: they go before it.
  std::vector<TaskPlan> plans_;
  std::vector<StoredState> states_;
};

}  // namespace forebay

#endif  // FOREBAY_CLI_EVENT_RECOMPUTE_H_
