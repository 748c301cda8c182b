// A training set made in parts, anywhere: each task is a line of JSON that says all that it takes,
// and writes some of the labels' rows as a file of its own. It reads the versions of tables that
// were the newest when the set was divided, so that it may run later, twice or on another machine:
// its file is the same. The set is made when all have run and FinishTasks has put their manifests
// into one.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_TRAINING_TASKS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_TRAINING_TASKS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "offline/training_set/training_set.h"

namespace forebay {

inline constexpr char kTrainingSetTask[] = "training-set";  // the kind of these tasks

struct TrainingSetTask {
  std::string project_folder;
  TrainingSetRequest request;  // without warehouse and S3 settings
  std::vector<TrainingSetSummary::View> tables;
};

// As many tasks as asked for, fewer where the labels are few; request.output.path is a folder, of
// Parquet or CSV files. INVALID_ARGUMENT: a set that cannot be divided so.
absl::StatusOr<std::vector<std::string>> DivideTrainingSet(const v1::Project& project,
                                                           const std::string& project_folder,
                                                           const TrainingSetRequest& request,
                                                           int tasks);

// Of one that ParseTask gave. INVALID_ARGUMENT: it is no such task.
absl::StatusOr<TrainingSetTask> ReadTrainingSetTask(const nlohmann::ordered_json& json);

// Chooses what is read of the tables. Errors as PinTable's. REQUIRES: request.warehouse is set.
absl::Status PinTables(const v1::Project& project, TrainingSetTask* task);

// Puts the manifests of all parts in `folder` into that of the set, whose path it returns.
// FAILED_PRECONDITION: parts are missing, or are not of one set.
absl::StatusOr<std::string> FinishTasks(const std::string& folder);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_TRAINING_TASKS_H_
