// What a backfill reads: which tasks (PlanBatchTasks), and in how many partitions.
#ifndef FOREBAY_CLI_BACKFILL_PLAN_H_
#define FOREBAY_CLI_BACKFILL_PLAN_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/file/batch_files.h"
#include "engine/task/task_plan.h"
#include "online/store/state_folder.h"
#include "schemas/definition/project.h"

namespace forebay {

// Of the sources of `views` ("name" or "name@version"), and their other views of the same key;
// none: of all that have files. INVALID_ARGUMENT: there are no files to compute a view from.
absl::StatusOr<std::vector<TaskPlan>> PlanBackfill(const v1::Project& project,
                                                   const std::vector<std::string>& views);

ViewFingerprints FingerprintsOf(const std::vector<TaskPlan>& plans);

// By the plan's topic: as many as the Kafka topic behind the files has, where there is one, for
// which brokers are waited for. INVALID_ARGUMENT as of CheckUntilOffsets.
absl::StatusOr<std::map<std::string, int32_t>> CountPartitions(const std::vector<TaskPlan>& plans,
                                                               const ProjectConfig& config,
                                                               const std::atomic<bool>& stop);

// The files as they are now.
absl::StatusOr<BatchFiles> ListFilesOf(const TaskPlan& plan, const S3Settings& s3);

}  // namespace forebay

#endif  // FOREBAY_CLI_BACKFILL_PLAN_H_
