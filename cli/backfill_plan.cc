#include "cli/backfill_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "cli/ask_patiently.h"
#include "cli/batch_table.h"
#include "cli/kafka_config.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/files_end.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/feature_names.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"

namespace forebay {

absl::StatusOr<std::vector<TaskPlan>> PlanBackfill(const v1::Project& project,
                                                   const std::vector<std::string>& views) {
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanBatchTasks(project));
  std::set<const v1::FeatureView*> asked;
  for (const std::string& name : views) {
    absl::StatusOr<int> view = FeatureNames(project).FindView(name);
    if (!view.ok()) return absl::InvalidArgumentError(view.status().message());
    asked.insert(&project.feature_views(*view));
  }
  auto has = [&](const TaskPlan& plan, const v1::FeatureView* view) {
    return std::any_of(plan.views.begin(), plan.views.end(),
                       [&](const ViewTaskPlan& of) { return of.definition == view; });
  };
  for (const v1::FeatureView* view : asked) {
    if (std::any_of(plans.begin(), plans.end(),
                    [&](const TaskPlan& plan) { return has(plan, view); })) {
      continue;
    }
    const v1::Source& source = *FindSource(project, view->source());
    return absl::InvalidArgumentError(
        fmt::format("feature view {} has the source {}, {}", view->name(), source.name(),
                    source.batch().feed()
                        ? "whose files are fed into its topic: `forebay feed` sends what is new"
                        : "which has no `batch`: there are no files to compute it from"));
  }
  if (!asked.empty()) {
    std::erase_if(plans, [&](const TaskPlan& plan) {
      return std::none_of(asked.begin(), asked.end(),
                          [&](const v1::FeatureView* view) { return has(plan, view); });
    });
  }
  if (!plans.empty()) return plans;
  return absl::InvalidArgumentError(
      "no source of the project's feature views has a `batch`, but for those that `forebay feed` "
      "feeds into topics: there are no files to read");
}

ViewFingerprints FingerprintsOf(const std::vector<TaskPlan>& plans) {
  ViewFingerprints fingerprints;
  for (const TaskPlan& plan : plans) {
    for (const ViewTaskPlan& view : plan.views)
      fingerprints[{view.definition->name(), view.definition->version()}] = view.fingerprint;
  }
  return fingerprints;
}

absl::StatusOr<std::map<std::string, int32_t>> CountPartitions(const std::vector<TaskPlan>& plans,
                                                               const ProjectConfig& config,
                                                               const std::atomic<bool>& stop) {
  std::map<std::string, int32_t> partitions;
  std::unique_ptr<KafkaAdmin> admin;
  for (const TaskPlan& plan : plans) {
    int32_t& count = partitions[plan.topic];
    count = plan.source->batch().partitions();
    if (plan.source->topic().empty()) continue;
    if (admin == nullptr) {
      ASSIGN_OR_RETURN(KafkaConfig kafka, MakeKafkaConfig(config));
      ASSIGN_OR_RETURN(admin, KafkaAdmin::Create(kafka));
      RETURN_IF_ERROR(admin->WaitForBroker(absl::InfiniteDuration(), &stop));
    }
    ASSIGN_OR_RETURN(
        count, AskPatiently(stop, [&] { return admin->PartitionCount(plan.source->topic()); }));
    RETURN_IF_ERROR(CheckUntilOffsets(*plan.source, count));
  }
  return partitions;
}

absl::StatusOr<BatchFiles> ListFilesOf(const TaskPlan& plan, const S3Settings& s3) {
  return ListBatchFiles(*plan.source, s3, ListTableFiles);
}

}  // namespace forebay
