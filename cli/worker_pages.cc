#include "cli/worker_pages.h"

#include <utility>

#include "forebay/v1/definition.pb.h"
#include "offline/statistics/table_statistics.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

FeatureSummary SummaryOf(const FeatureRange& range) {
  const FeatureStatistics& statistics = range.statistics;
  FeatureSummary summary{.feature = range.feature,
                         .days = range.days,
                         .count = statistics.count(),
                         .nulls = statistics.nulls(),
                         .nans = statistics.nans(),
                         .null_rate = statistics.null_rate(),
                         .distinct = statistics.Distinct()};
  const NumberMoments& moments = statistics.numbers();
  if (moments.count > 0) {
    FeatureSummary::Numbers& numbers = summary.numbers.emplace();
    numbers.min = moments.min;
    numbers.max = moments.max;
    numbers.mean = moments.mean;
    numbers.deviation = moments.Deviation();
    const std::vector<double> quantiles = statistics.Quantiles();
    for (size_t i = 0; i < quantiles.size(); ++i)
      numbers.quantiles.emplace_back(FeatureStatistics::kQuantiles[i], quantiles[i]);
    Histogram histogram = statistics.MakeHistogram();
    numbers.histogram_edges = std::move(histogram.edges);
    numbers.histogram_counts = std::move(histogram.counts);
  }
  for (const TopValues::Entry& entry : statistics.top().Entries())
    summary.top.emplace_back(statistics.TextOf(entry.value), entry.count);
  if (statistics.ages().count > 0)
    summary.ages = {.mean = statistics.ages().mean, .max = statistics.ages().max};
  return summary;
}

absl::StatusOr<StatisticsAnswer> ReadOf(const std::shared_ptr<ObjectStore>& warehouse,
                                        const StatisticsQuestion& question) {
  std::vector<FeatureName> names;
  const ViewId view{question.view->name(), question.view->version()};
  for (const v1::Feature& feature : question.view->features()) {
    if (question.feature.empty() || question.feature == feature.name())
      names.push_back({view, feature.name()});
  }
  TimeRange days;
  if (question.from) days.from = *question.from;
  if (question.to) days.to = *question.to + kMicrosPerDay;
  ASSIGN_OR_RETURN(const StatisticsOfDays found, ReadStatistics(warehouse, names, days));
  StatisticsAnswer answer;
  for (const FeatureName& name : names) {
    auto range = found.features.find(name);
    if (range != found.features.end()) answer.features.push_back(SummaryOf(range->second));
  }
  if (!answer.features.empty()) answer.days = {found.first_day, found.last_day};
  return answer;
}

}  // namespace

std::vector<TaskState> TaskStatesOf(const Worker& worker) {
  std::vector<TaskState> states;
  for (const auto& task : worker.Tasks()) {
    const TaskId& id = task->task().id();
    states.push_back({.topic = id.topic,
                      .partition = id.partition.value(),
                      .position = task->position().value(),
                      .caught_up = task->caught_up(),
                      .records_to_catch_up = task->to_catch_up()});
  }
  return states;
}

CatalogSources PageSources(const CatalogLog* log, std::shared_ptr<ObjectStore> warehouse,
                           std::function<std::vector<TaskState>()> tasks,
                           std::function<std::optional<LaneState>()> lane) {
  return {
      .log = log,
      .statistics = [warehouse = std::move(warehouse)](
                        const StatisticsQuestion& question) { return ReadOf(warehouse, question); },
      .tasks = std::move(tasks),
      .lane = std::move(lane)};
}

}  // namespace forebay
