#include "cli/bring_up_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "schemas/types/time.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

constexpr absl::Duration kProgressInterval = absl::Seconds(5);

// Of one view over all tasks.
struct Progress {
  int64_t done = 0, all = 0;  // records to read again
  bool kept = false;          // in some task, though started with --from-now
  bool incomplete = false;
  bool unknown = false;  // some task has no record of it yet
  int64_t complete_from = Window::kAlways;
};

std::map<std::string, Progress> ProgressOf(
    const std::vector<std::shared_ptr<const RunningTask>>& tasks) {
  std::map<std::string, Progress> views;
  for (const auto& task : tasks) {
    for (const ViewCoverage& coverage : task->task().coverage()) {
      Progress& view = views[ViewId{coverage.view, coverage.version}.ToString()];
      if (coverage.from < coverage.to) {
        Offset at = std::clamp(task->position(), coverage.from, coverage.to);
        view.done += at.value() - coverage.from.value();
        view.all += coverage.to.value() - coverage.from.value();
      }
      view.kept = view.kept || coverage.kept;
      int64_t complete_from = coverage.complete_from.load(std::memory_order_relaxed);
      if (complete_from == Window::kAlways) continue;
      view.incomplete = true;
      view.unknown = view.unknown || complete_from == PartStart::kNoRecordYet;
      view.complete_from = std::max(view.complete_from, complete_from);
    }
  }
  return views;
}

}  // namespace

void BringUpLog::Look(const std::vector<std::shared_ptr<const RunningTask>>& tasks,
                      absl::Time now) {
  bool due = now >= next_progress_;
  for (const auto& [name, progress] : ProgressOf(tasks)) {
    View& view = views_[name];
    if (progress.kept && !view.said_kept) {
      view.said_kept = true;
      spdlog::info("view {} is not new: it goes on from where it was, --from-now or not", name);
    }
    if (progress.done < progress.all) {
      view.said_done = false;
      if (!due) continue;
      next_progress_ = now + kProgressInterval;
      spdlog::info(
          "view {} is new and is brought up from the oldest records: {} of {} offsets ({} %); the "
          "other views go on after that",
          name, progress.done, progress.all, 100 * progress.done / progress.all);
    } else if (progress.all > 0 && !view.said_done) {
      view.said_done = true;
      spdlog::info("view {} is brought up", name);
    }
    if (!progress.incomplete || progress.unknown || view.said_incomplete) continue;
    view.said_incomplete = true;
    spdlog::warn(
        "view {} is complete from {} on: it has no earlier records, as its topic did not hold them "
        "any more or it was started with --from-now. Windows that reach back before lack them",
        name, FormatTime(progress.complete_from));
  }
}

}  // namespace forebay
