#include "cli/event_recompute.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <thread>

#include "cli/backfill_process.h"
#include "cli/batch_table.h"
#include "cli/progress_line.h"
#include "cli/stored_states.h"
#include "forebay/v1/definition.pb.h"
#include "offline/sink/table_flush.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/table_id.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

absl::Status Stopped() { return absl::CancelledError("stopped; nothing is written"); }

// Whether a view of the project is computed from the source.
bool IsComputed(const std::string& source, const v1::Project& project) {
  return std::ranges::any_of(project.feature_views(),
                             [&](const v1::FeatureView& view) { return view.source() == source; });
}

// Its files, which are sorted, in the place of its topic: nothing is known later than it happened.
void ReadSorted(const fs::path& folder, int partitions, v1::Source* source) {
  source->clear_topic();
  source->set_archive(false);
  source->set_known_time(v1::Source::EVENT_TIME);
  source->clear_known_time_column();
  v1::BatchSource batch;
  batch.set_path(folder.string());
  batch.set_format(v1::BatchSource::PARQUET);
  batch.set_known_time_column(source->event_time());
  batch.set_partitions(partitions);
  *source->mutable_batch() = std::move(batch);
}

}  // namespace

fs::path EventRecompute::EventsOf(const std::string& source) const {
  return scratch_->folder() / "events" / source;
}

// nullopt: the source has none.
absl::StatusOr<std::optional<EventArchive>> EventRecompute::FindArchive(
    const v1::Source& source, std::vector<std::string>* warnings) const {
  if (!source.archive()) return std::nullopt;
  const TableId id = TableId::OfEvents(source.name());
  EventArchive archive{.store = OpenObjectStore(loaded_.config.warehouse, loaded_.config.s3),
                       .table = OfflineTablePath(id)};
  absl::StatusOr<Snapshot> snapshot = LoadSnapshot(*archive.store, archive.table, std::nullopt);
  if (absl::IsNotFound(snapshot.status())) {
    return absl::FailedPreconditionError(
        fmt::format("--mode event: the archive of {} has no events yet: there is no table {}. Run "
                    "a worker until it has read its topic, and repeat",
                    source.name(), archive.store->Describe(archive.table)));
  }
  RETURN_IF_ERROR(snapshot.status());
  archive.snapshot = *std::move(snapshot);
  if (std::string gaps = archive.snapshot.metadata.configuration["forebay.gaps"]; !gaps.empty()) {
    warnings->push_back(
        fmt::format("the archive of {} lacks records, without which features are computed: {}",
                    source.name(), gaps));
  }
  return archive;
}

// What has the events of the source. An archive has all rows of files that are fed into its topic.
absl::Status EventRecompute::FindEvents(const v1::Source& source, SourceEventsRequest* request,
                                        std::vector<std::string>* warnings) const {
  ASSIGN_OR_RETURN(request->archive, FindArchive(source, warnings));
  const bool is_fed = source.batch().feed();
  if (source.has_batch() && !(is_fed && request->archive)) {
    ASSIGN_OR_RETURN(request->files, ListBatchFiles(source, loaded_.config.s3, ListTableFiles));
  }
  if (!request->files && !request->archive) {
    return absl::InvalidArgumentError(fmt::format(
        "--mode event: source {0} has neither `archive: on` nor `batch`: there are no events to "
        "recompute its features from. Add `archive: on` to source {0}, which keeps the events from "
        "then on, or a `batch` of files that hold them",
        source.name()));
  }
  if (!request->archive && HasFilesBeforeTopic(source)) {
    warnings->push_back(fmt::format(
        "the events of {} that are {} or later are in its topic alone, and were not read: add "
        "`archive: on` to the source",
        source.name(),
        source.batch().has_until_us()
            ? "known at " + FormatTime(source.batch().until_us())
            : fmt::format("at the offsets [{}]", fmt::join(source.batch().until_offsets(), ", "))));
  }
  return absl::OkStatus();
}

// What was read of the source for a set that is made again; null: this is the first time.
const EventsRead* EventRecompute::ReadBefore(const v1::Source& source) const {
  if (before_ == nullptr) return nullptr;
  auto found = std::ranges::find(before_->events, source.name(), &EventsRead::source);
  return found == before_->events.end() ? nullptr : &*found;
}

absl::StatusOr<EventsRead> EventRecompute::Sort(const v1::Source& source, KnownTime latest,
                                                std::vector<std::string>* warnings) const {
  SourceEventsRequest request{
      .source = &source, .latest = latest.value(), .folder = EventsOf(source.name()).string()};
  std::error_code ignored;  // then nothing can be written there, which is said
  fs::create_directories(request.folder, ignored);
  for (const TaskPlan& plan : plans_) {
    if (plan.source->name() == source.name())
      request.columns.insert(plan.columns.begin(), plan.columns.end());
  }
  RETURN_IF_ERROR(FindEvents(source, &request, warnings));
  const TableId archive = TableId::OfEvents(source.name());
  const EventsRead* before = ReadBefore(source);
  if (request.archive && before != nullptr) {
    ASSIGN_OR_RETURN(request.archive->bounds, BoundsOf(archive, before->archive_positions));
  }
  ProgressLine line("sorting the events of " + source.name(), "rows");
  int64_t rows = 0;
  request.progress = [&](int64_t more) {
    line.Show(rows += more, 0);
    return stop_.load() ? Stopped() : absl::OkStatus();
  };
  ASSIGN_OR_RETURN(EventsRead read, SortSourceEvents(request));
  if (before != nullptr) {
    read.archive_version = before->archive_version;
    read.archive_positions = before->archive_positions;
  } else if (request.archive) {
    read.archive_positions =
        PositionsOf(loaded_.project->name(), archive, request.archive->snapshot);
  }
  return read;
}

absl::StatusOr<RecomputedViews> EventRecompute::Run(const std::vector<ViewId>& views,
                                                    KnownTime latest) {
  ASSIGN_OR_RETURN(scratch_, ScratchProject::Make(loaded_, {views.begin(), views.end()},
                                                  "--mode event", "forebay-event"));
  LoadedProject& changed = scratch_->project();
  changed.config.task_threads = std::max(1U, std::thread::hardware_concurrency());
  for (v1::Source& source : *changed.project->mutable_sources()) {
    if (!IsComputed(source.name(), *changed.project)) continue;
    ReadSorted(EventsOf(source.name()), static_cast<int>(changed.config.task_threads), &source);
  }
  ASSIGN_OR_RETURN(plans_, PlanBatchTasks(*changed.project));
  RecomputedViews recomputed;
  for (const v1::Source& source : changed.project->sources()) {
    if (!source.has_batch()) continue;
    ASSIGN_OR_RETURN(EventsRead read, Sort(*FindSource(*loaded_.project, source.name()), latest,
                                           &recomputed.warnings));
    recomputed.events.push_back(std::move(read));
  }
  ASSIGN_OR_RETURN(std::optional<std::vector<std::string>> read,
                   RunBackfill(changed, {.doing = "recomputing", .quiet = true}, stop_));
  if (!read) return Stopped();
  recomputed.warehouse = scratch_->warehouse();
  ASSIGN_OR_RETURN(states_, ReadStates(changed, plans_));
  recomputed.states = &states_;
  return recomputed;
}

}  // namespace forebay
