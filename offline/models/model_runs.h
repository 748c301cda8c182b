// Trainings of models: runs, their metrics by step, and their checkpoints, each in a Delta table
// `models/runs`, `models/metrics`, `models/checkpoints` of a warehouse. All projects of a warehouse
// share them.
//
//   ModelRuns runs(store, "shop", "ann@build-7");
//   RETURN_IF_ERROR(runs.Start({.run = {"fraud", "tuesday"}, .params = {{"depth", "6"}}}, now));
//   RETURN_IF_ERROR(runs.AddMetrics({"fraud", "tuesday"}, {{100, "loss", 0.31}}, now));
//
// Nothing is ever changed: what is told later is another row. Safe against others.
#ifndef FOREBAY_OFFLINE_MODELS_MODEL_RUNS_H_
#define FOREBAY_OFFLINE_MODELS_MODEL_RUNS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/models/record_table.h"

namespace forebay {

struct RunName {
  std::string model;
  std::string run;

  auto operator<=>(const RunName&) const = default;
};

// What is told of a run: when it starts, and of each of its statuses after that.
struct ModelRun {
  RunName run;
  std::string status;        // "running", "finished", "failed"
  std::string training_set;  // "fraud_2026@3"; empty: none
  std::map<std::string, std::string> params;
  std::string description;
  std::string by;  // "ann@build-7"
  int64_t time_us = 0;
};

struct RunMetric {
  int64_t step = 0;
  std::string name;
  double value = 0;
};

struct ModelCheckpoint {
  RunName run;
  int64_t step = 0;
  std::string uri;
  std::string sha256;  // hex; empty: the file is somebody else's
  int64_t bytes = 0;   // of ours
  std::string training_set;
  std::map<std::string, std::string> params;
  std::map<std::string, double> metrics;
  int64_t time_us = 0;
};

class ModelRuns {
 public:
  // `by`: who tells it.
  ModelRuns(std::shared_ptr<ObjectStore> store, std::string project, std::string by);

  // Its status, `by` and time are set. ALREADY_EXISTS: there is one of that name.
  absl::Status Start(ModelRun run, int64_t now_us);
  // NOT_FOUND: there is no such run, of those that follow likewise, with the names of the last.
  absl::Status SetStatus(const RunName& run, const std::string& status, int64_t now_us);
  // As one commit. REQUIRES: there is one.
  absl::Status AddMetrics(const RunName& run, const std::vector<RunMetric>& metrics,
                          int64_t now_us);
  // With the training set and parameters of the run.
  absl::Status AddCheckpoint(ModelCheckpoint checkpoint, int64_t now_us);

  // As they started, with their newest status, the newest first. `model`: "": of all.
  absl::StatusOr<std::vector<ModelRun>> List(const std::string& model) const;
  absl::StatusOr<ModelRun> Find(const RunName& run) const;
  // Of a run, by step; of one step that was told twice, the later.
  absl::StatusOr<std::vector<ModelCheckpoint>> Checkpoints(const RunName& run) const;
  // NOT_FOUND: with the steps that there are.
  absl::StatusOr<ModelCheckpoint> FindCheckpoint(const RunName& run, int64_t step) const;

 private:
  absl::Status AppendRun(const ModelRun& run, int64_t now_us, const std::string& once);

  const std::string project_;
  const std::string by_;
  RecordTable runs_;
  RecordTable metrics_;
  RecordTable checkpoints_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_MODELS_MODEL_RUNS_H_
