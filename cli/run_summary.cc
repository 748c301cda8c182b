#include "cli/run_summary.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/counted.h"
#include "schemas/types/time.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

// Of all tasks of a topic.
struct Totals {
  int64_t consumed = 0;
  int64_t applied = 0;
  int64_t late = 0;
  int64_t filtered = 0;
  int64_t dead_lettered = 0;
  int64_t duplicate = 0;
  std::optional<int64_t> archived;  // where the source has an archive

  void Add(const Task& of) {
    const TaskStatistics& task = of.statistics();
    if (of.plan().archive) archived = archived.value_or(0) + task.archived;
    consumed += task.consumed;
    applied += task.applied;
    late += task.late;
    filtered += task.filtered;
    dead_lettered += task.dead_lettered;
    duplicate += task.duplicate;
  }
};

std::string TopicLine(const std::string& topic, const Totals& totals) {
  std::string line =
      fmt::format("read {} of {}: {} applied, {} late, {} filtered, {} dead-lettered",
                  Counted(totals.consumed, "record", "records"), topic, totals.applied, totals.late,
                  totals.filtered, totals.dead_lettered);
  if (totals.duplicate > 0) line += fmt::format(", {} there before", totals.duplicate);
  if (totals.archived) line += fmt::format("; {} archived", *totals.archived);
  return line;
}

}  // namespace

std::vector<std::string> DescribeUnwritten(const v1::Project& project,
                                           const std::vector<UnwrittenSteps>& unwritten) {
  std::map<int, UnwrittenSteps> views;
  for (const UnwrittenSteps& of_task : unwritten) {
    auto [found, first] = views.try_emplace(of_task.due.view, of_task);
    if (first) continue;
    UnwrittenSteps& view = found->second;
    view.due.steps += of_task.due.steps;
    view.due.at_least = view.due.at_least || of_task.due.at_least;
    view.complete_before = std::min(view.complete_before, of_task.complete_before);
  }
  std::vector<std::string> lines;
  for (const auto& [index, of_view] : views) {
    const v1::FeatureView& view = project.feature_views(index);
    lines.push_back(fmt::format(
        "{}: {}{} due and not written, as no record came to write them: what it has written is "
        "complete before {}. The next records write them; until then lookups, and `forebay "
        "training-set --exact`, take them into account all the same",
        ViewId{view.name(), view.version()}.ToString(), of_view.due.at_least ? "at least " : "",
        Counted(of_view.due.steps, "expiry step is", "expiry steps are"),
        FormatTime(of_view.complete_before.value())));
  }
  return lines;
}

std::vector<std::string> RunSummary(const std::vector<std::shared_ptr<const RunningTask>>& tasks,
                                    const std::vector<DeadLetterCount>& dead_letters) {
  std::map<std::string, Totals> topics;
  for (const auto& task : tasks) topics[task->task().id().topic].Add(task->task());
  std::vector<std::string> lines;
  for (const auto& [topic, totals] : topics) {
    lines.push_back(TopicLine(topic, totals));
    for (const DeadLetterCount& letters : dead_letters) {
      if (letters.kind.topic != topic) continue;
      lines.push_back(fmt::format("dead letters of {}: {} {}, for example {}", topic, letters.count,
                                  DescribeKind(letters.kind), letters.example));
    }
  }
  if (!dead_letters.empty()) {
    lines.emplace_back("`forebay dead-letter` shows them, and sends them back with --again");
  }
  return lines;
}

}  // namespace forebay
