#include "cli/run_summary.h"

#include <cstdint>
#include <map>

#include "fmt/format.h"
#include "schemas/types/counted.h"

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

  void Add(const TaskStatistics& task) {
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
  return line;
}

}  // namespace

std::vector<std::string> RunSummary(const std::vector<std::shared_ptr<const RunningTask>>& tasks,
                                    const std::vector<DeadLetterCount>& dead_letters) {
  std::map<std::string, Totals> topics;
  for (const auto& task : tasks) topics[task->task().id().topic].Add(task->task().statistics());
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
