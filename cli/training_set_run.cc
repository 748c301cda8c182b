#include "cli/training_set_run.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>

#include "cli/event_recompute.h"
#include "cli/lineage_datasets.h"
#include "cli/lineage_report.h"
#include "cli/progress_line.h"
#include "cli/read_cost.h"
#include "cli/stop_signal.h"
#include "cli/stored_states.h"
#include "engine/task/task_plan.h"
#include "fmt/format.h"
#include "offline/training_set/manifest.h"
#include "online/serving/file_limit.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// How to ask for the same versions of the tables again.
std::string AgainOption(const TrainingSetSummary& summary) {
  std::string versions;
  for (const TrainingSetSummary::View& view : summary.views) {
    if (view.table_version < 0) return "";
    versions += fmt::format("{}{}={}", versions.empty() ? "--version " : ",",
                            ViewId{view.name, view.version}.ToString(), view.table_version);
  }
  return versions;
}

// What of the tables was read, and what was not.
void Explain(const TrainingSetSummary& summary) {
  for (const TrainingSetSummary::View& view : summary.views) {
    const JoinReads& reads = view.reads;
    fmt::print(
        "  {}: {} of {} read ({} left out: newer than every label, or of other keys)\n"
        "    {} of {} read ({} newer than every label, {} without a key of a label)\n"
        "    {} of keys, times and values at the rows that labels take, of {} in those files\n",
        ViewId{view.name, view.version}.ToString(), view.files_read,
        Counted(view.files_read + view.files_skipped, "file", "files"), view.files_skipped,
        reads.row_groups - reads.newer - reads.of_no_label,
        Counted(reads.row_groups, "row group", "row groups"), reads.newer, reads.of_no_label,
        ShowByteSize(reads.bytes), ShowByteSize(reads.bytes_in_all));
  }
}

// What one view was joined from.
void TellView(const TrainingSetSummary& summary, const TrainingSetSummary::View& view,
              const TrainingSetRun& run) {
  const std::string name = ViewId{view.name, view.version}.ToString();
  if (!summary.events.empty() && view.table_version < 0) {
    fmt::print("  {}: {} matched, of {} computed in the order of event time\n", name,
               Counted(view.matched, "label", "labels"), Counted(view.reads.rows, "row", "rows"));
    return;
  }
  if (view.table_version < 0 && !run.exact) {
    fmt::print("  {}: nothing written offline yet, so all values are defaults\n", name);
    return;
  }
  fmt::print("  {}: {} matched, {} read from {} ({} skipped), table version {}{}\n", name,
             Counted(view.matched, "label", "labels"), Counted(view.reads.rows, "row", "rows"),
             Counted(view.files_read, "file", "files"), view.files_skipped, view.table_version,
             run.exact
                 ? fmt::format(", {} of the state", Counted(view.from_state, "lookup", "lookups"))
                 : "");
}

void TellLeakage(const TrainingSetSummary& summary) {
  const auto with = std::ranges::count_if(summary.leakage,
                                          [](const FeatureLeakage& one) { return one.differ > 0; });
  fmt::print("{} of {} {} between the modes served and event\n", with,
             Counted(summary.leakage.size(), "feature", "features"),
             with == 1 ? "differs" : "differ");
  for (const FeatureLeakage& feature : summary.leakage) {
    const std::string of =
        fmt::format("{} of {}", feature.differ, Counted(feature.compared, "label", "labels"));
    if (!feature.first) {
      fmt::print("  {}: {}\n", feature.name, of);
      continue;
    }
    fmt::print(
        "  {}: {} ({:.2g} %), {} without a value in served alone, {} in event alone; row {}, "
        "for example: served {}, event {}\n",
        feature.name, of,
        100.0 * static_cast<double>(feature.differ) / static_cast<double>(feature.compared),
        feature.served_null, feature.event_null, feature.first->label + 1, feature.first->served,
        feature.first->event);
  }
}

// The words with which this process was started.
std::vector<std::string> CommandLine() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

absl::StatusOr<TrainingSetSummary> BuildWithProgress(const v1::Project& project,
                                                     TrainingSetRequest* request) {
  std::unique_ptr<ProgressLine> line;
  std::string shown;
  request->progress = [&](const std::string& what, int64_t done, int64_t total) {
    if (line == nullptr || what != shown) {
      line.reset();
      line = std::make_unique<ProgressLine>(what, "rows");
      shown = what;
    }
    line->Show(done, total);
  };
  absl::StatusOr<TrainingSetSummary> summary = BuildTrainingSet(project, *request);
  request->progress = nullptr;
  return summary;
}

absl::Status MakeSet(const LoadedProject& loaded, TrainingSetRequest request,
                     const TrainingSetRun& run, LineageReport* report) {
  // Whoever serves on this machine goes first. It is no error where that cannot be had.
  setpriority(PRIO_PROCESS, 0, 10);
  RaiseFileLimit();  // all files of the tables are open at a time
  request.files_at_once = CostOf(loaded.config).files_at_once;
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(*loaded.project));
  std::vector<StoredState> states;
  if (run.exact) {
    ASSIGN_OR_RETURN(states, ReadStates(loaded, plans));
    request.states = &states;
  }
  request.warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  if (request.again == nullptr) request.output.layout.encoding = loaded.config.parquet_encoding;
  request.output.s3 = loaded.config.s3;
  request.labels.s3 = loaded.config.s3;
  for (HorizonLabel& label : request.horizon_labels) label.source.s3 = loaded.config.s3;
  std::optional<EventRecompute> recompute;
  if (request.mode == TrainingSetMode::kEvent || request.leakage) {
    recompute.emplace(loaded, request.again, StopOnSignals());
    request.recompute = [&](const std::vector<ViewId>& views, KnownTime latest) {
      return recompute->Run(views, latest);
    };
  }
  ASSIGN_OR_RETURN(TrainingSetSummary summary, BuildWithProgress(*loaded.project, &request));
  report->Know(TrainingSetRunOf(loaded, request, &summary));
  for (const std::string& note : summary.notes) fmt::print(stderr, "note: {}\n", note);
  for (const std::string& warning : summary.warnings) fmt::print(stderr, "warning: {}\n", warning);
  fmt::print("{} {} in {:.2f} s ({:.0f} a second), written to {}\n", summary.labels, run.things,
             summary.seconds, static_cast<double>(summary.labels) / std::max(summary.seconds, 1e-9),
             request.output.path);
  if (summary.files.size() > 1) {
    for (const OutputFile& file : summary.files)
      fmt::print("  {}: {}\n", file.path, Counted(file.rows, "row", "rows"));
  }
  for (const TrainingSetSummary::View& view : summary.views) TellView(summary, view, run);
  if (request.leakage) TellLeakage(summary);
  if (run.explain) Explain(summary);
  if (std::string again = AgainOption(summary); !run.exact && !again.empty())
    fmt::print("  the same again, whatever is written meanwhile: {}\n", again);
  if (request.again != nullptr) fmt::print("  the same bytes as before\n");
  ASSIGN_OR_RETURN(std::string manifest, WriteManifest(*loaded.project, request, summary,
                                                       {.program = "forebay " FOREBAY_VERSION,
                                                        .command = CommandLine()}));
  fmt::print("  the manifest is {}\n", manifest);
  return absl::OkStatus();
}

}  // namespace

absl::Status RunTrainingSet(const LoadedProject& loaded, TrainingSetRequest request,
                            const TrainingSetRun& run) {
  LineageReport report(loaded.config, TrainingSetRunOf(loaded, request, nullptr));
  return report.End(MakeSet(loaded, std::move(request), run, &report));
}

}  // namespace forebay
