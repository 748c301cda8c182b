#include "cli/sync_watch.h"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "cli/sync_check.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/counted.h"
#include "schemas/types/json.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

void LogDifferences(const SyncFinding& finding) {
  const TaskCheck& check = finding.check;
  if (check.counts.differing == 0) return;
  const KeyDifference& first = check.differences.front();
  spdlog::error(
      "out of sync: {} of {} in {} at offset {}, among them {}{}{}: {}; `forebay verify {}` shows "
      "more",
      Counted(check.counts.differing, "key", "keys"), finding.view.ToString(),
      finding.task.ToString(), check.position.value(), first.key, first.column.empty() ? "" : ", ",
      first.column, first.why, finding.view.ToString());
}

}  // namespace

SyncWatch::SyncWatch(const LoadedProject& loaded, KafkaConfig kafka,
                     std::shared_ptr<ObjectStore> warehouse, LookupFunction lookup)
    : loaded_(loaded),
      kafka_(std::move(kafka)),
      warehouse_(std::move(warehouse)),
      lookup_(std::move(lookup)) {}

SyncWatch::~SyncWatch() {
  Stop();
  if (thread_.joinable()) thread_.join();
}

void SyncWatch::Start(std::function<std::set<TaskId>()> tasks) {
  tasks_ = std::move(tasks);
  thread_ = std::thread([this] { Run(); });
}

void SyncWatch::Stop() {
  stop_ = true;
  pace_.Stop();
}

SyncCounts SyncWatch::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

void SyncWatch::Run() {
  RunAtLowPriority();
  while (pace_.Sleep(absl::Microseconds(loaded_.config.verify_every_us))) Compare();
}

absl::StatusOr<TaskCheckRequest::Answers> SyncWatch::LookUp(
    int view, absl::Span<const std::string> keys) const {
  const v1::FeatureView& definition = loaded_.project->feature_views(view);
  TaskCheckRequest::Answers answers;
  for (const std::string& key : keys) {
    ASSIGN_OR_RETURN(ViewRow row, lookup_(view, key, KnownTime(kMinTime)));
    std::optional<StepText>& answer = answers.emplace_back();
    if (!row.found) continue;
    answer = {.effective_time = row.effective_time.value(), .event_time = row.event_time.value()};
    for (size_t i = 0; i < row.values.size(); ++i) {
      if (i > 0) answer->features += '\n';
      const auto type = static_cast<DataType>(definition.features(static_cast<int>(i)).type());
      AppendJsonValue(row.values[i], type, &answer->features);
    }
  }
  return answers;
}

void SyncWatch::Compare() {
  SyncCheckRequest request{
      .loaded = loaded_,
      .kafka = kafka_,
      .warehouse = warehouse_,
      .only = tasks_(),
      .look_up = [this](int view,
                        absl::Span<const std::string> keys) { return LookUp(view, keys); },
      .shown = 1,
      .cancel = &stop_};
  for (int i = 0; i < loaded_.project->feature_views_size(); ++i) request.views.insert(i);
  absl::StatusOr<std::vector<SyncFinding>> findings = CheckSync(request);
  if (stop_) return;
  if (!findings.ok()) {
    spdlog::warn("states, update topics and tables could not be compared, trying again later: {}",
                 std::string(findings.status().message()));
    absl::MutexLock lock(&mutex_);
    ++counts_.errors;
    return;
  }
  std::map<ViewId, KeyCounts> views;
  for (const SyncFinding& finding : *findings) {
    if (finding.check.places.count() < 2) continue;
    views[finding.view] += finding.check.counts;
    LogDifferences(finding);
  }
  absl::MutexLock lock(&mutex_);
  counts_.views = std::move(views);
  counts_.last = absl::Now();
}

}  // namespace forebay
