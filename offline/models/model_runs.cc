#include "offline/models/model_runs.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "engine/batch/arrow_type.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr char kRunning[] = "running";

using Columns = std::vector<std::pair<const char*, DataType>>;

std::shared_ptr<arrow::Schema> SchemaOf(const Columns& columns) {
  arrow::FieldVector fields;
  for (const auto& [name, type] : columns) fields.push_back(arrow::field(name, ArrowType(type)));
  return arrow::schema(fields);
}

std::shared_ptr<arrow::Schema> RunColumns() {
  constexpr DataType kText = DataType::kString;
  return SchemaOf({{"project", kText},
                   {"model", kText},
                   {"run", kText},
                   {"status", kText},
                   {"training_set", kText},
                   {"params", kText},
                   {"description", kText},
                   {"by", kText},
                   {"time", DataType::kTimestamp}});
}

std::shared_ptr<arrow::Schema> MetricColumns() {
  constexpr DataType kText = DataType::kString;
  return SchemaOf({{"project", kText},
                   {"model", kText},
                   {"run", kText},
                   {"step", DataType::kInt64},
                   {"name", kText},
                   {"value", DataType::kDouble},
                   {"time", DataType::kTimestamp}});
}

std::shared_ptr<arrow::Schema> CheckpointColumns() {
  constexpr DataType kText = DataType::kString;
  return SchemaOf({{"project", kText},
                   {"model", kText},
                   {"run", kText},
                   {"step", DataType::kInt64},
                   {"uri", kText},
                   {"sha256", kText},
                   {"bytes", DataType::kInt64},
                   {"training_set", kText},
                   {"params", kText},
                   {"metrics", kText},
                   {"time", DataType::kTimestamp}});
}

// Cells of one row, by the names of their columns. Null is "" and 0.
class RecordCells {
 public:
  RecordCells(const arrow::RecordBatch& rows, int64_t row) : rows_(rows), row_(row) {}

  std::string Text(const char* column) const {
    const auto& texts = static_cast<const arrow::StringArray&>(*rows_.GetColumnByName(column));
    return texts.IsNull(row_) ? "" : texts.GetString(row_);
  }
  int64_t Integer(const char* column) const {
    const auto& numbers = static_cast<const arrow::Int64Array&>(*rows_.GetColumnByName(column));
    return numbers.IsNull(row_) ? 0 : numbers.Value(row_);
  }
  int64_t Time(const char* column) const {
    return static_cast<const arrow::TimestampArray&>(*rows_.GetColumnByName(column)).Value(row_);
  }
  // Of a JSON object; empty for what is none.
  template <typename T>
  std::map<std::string, T> Map(const char* column) const {
    std::map<std::string, T> map;
    const auto json = nlohmann::json::parse(Text(column), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return map;
    for (const auto& [name, value] : json.items()) {
      // A number that is none, such as NaN, is null.
      if (std::is_same_v<T, std::string> ? value.is_string() : value.is_number())
        map[name] = value.template get<T>();
    }
    return map;
  }
  bool IsOf(const std::string& project, const std::string& model, const std::string& run) const {
    return Text("project") == project && (model.empty() || Text("model") == model) &&
           (run.empty() || Text("run") == run);
  }

 private:
  const arrow::RecordBatch& rows_;
  const int64_t row_;
};

template <typename T>
std::string MapJson(const std::map<std::string, T>& map) {
  return map.empty()
             ? ""
             : nlohmann::json(map).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string DateOf(int64_t now_us) { return FormatDate(now_us); }

}  // namespace

ModelRuns::ModelRuns(std::shared_ptr<ObjectStore> store, std::string project, std::string by)
    : project_(std::move(project)),
      by_(std::move(by)),
      runs_(store, "models/runs", RunColumns()),
      metrics_(store, "models/metrics", MetricColumns()),
      checkpoints_(store, "models/checkpoints", CheckpointColumns()) {}

absl::Status ModelRuns::AppendRun(const ModelRun& run, int64_t now_us, const std::string& once) {
  RecordRows rows = runs_.NewRows();
  rows.AddText(project_)
      .AddText(run.run.model)
      .AddText(run.run.run)
      .AddText(run.status)
      .AddTextIfAny(run.training_set)
      .AddTextIfAny(MapJson(run.params))
      .AddTextIfAny(run.description)
      .AddText(by_)
      .AddTime(now_us);
  return runs_.Append(std::move(rows), DateOf(now_us), now_us, once);
}

absl::Status ModelRuns::Start(ModelRun run, int64_t now_us) {
  run.status = kRunning;
  const absl::Status started =
      AppendRun(run, now_us, fmt::format("{}/run/{}/{}", project_, run.run.model, run.run.run));
  if (!absl::IsAlreadyExists(started)) return started;
  return absl::AlreadyExistsError(fmt::format(
      "model {} has a run {} already: give the new one another name", run.run.model, run.run.run));
}

absl::Status ModelRuns::SetStatus(const RunName& run, const std::string& status, int64_t now_us) {
  ASSIGN_OR_RETURN(ModelRun known, Find(run));
  known.status = status;
  return AppendRun(known, now_us, "");
}

absl::Status ModelRuns::AddMetrics(const RunName& run, const std::vector<RunMetric>& metrics,
                                   int64_t now_us) {
  RETURN_IF_ERROR(Find(run).status());
  RecordRows rows = metrics_.NewRows();
  for (const RunMetric& metric : metrics) {
    rows.AddText(project_)
        .AddText(run.model)
        .AddText(run.run)
        .AddInteger(metric.step)
        .AddText(metric.name)
        .AddDouble(metric.value)
        .AddTime(now_us);
  }
  return metrics_.Append(std::move(rows), DateOf(now_us), now_us);
}

absl::Status ModelRuns::AddCheckpoint(ModelCheckpoint checkpoint, int64_t now_us) {
  ASSIGN_OR_RETURN(const ModelRun run, Find(checkpoint.run));
  const bool is_ours = !checkpoint.sha256.empty();
  RecordRows rows = checkpoints_.NewRows();
  rows.AddText(project_)
      .AddText(checkpoint.run.model)
      .AddText(checkpoint.run.run)
      .AddInteger(checkpoint.step)
      .AddText(checkpoint.uri)
      .AddTextIfAny(checkpoint.sha256)
      .AddInteger(is_ours ? std::optional(checkpoint.bytes) : std::nullopt)
      .AddTextIfAny(run.training_set)
      .AddTextIfAny(MapJson(run.params))
      .AddTextIfAny(MapJson(checkpoint.metrics))
      .AddTime(now_us);
  return checkpoints_.Append(std::move(rows), DateOf(now_us), now_us);
}

absl::StatusOr<std::vector<ModelRun>> ModelRuns::List(const std::string& model) const {
  std::map<RunName, std::vector<ModelRun>> told;
  RETURN_IF_ERROR(runs_.Read([&](const arrow::RecordBatch& rows) {
    for (int64_t i = 0; i < rows.num_rows(); ++i) {
      const RecordCells cells(rows, i);
      if (!cells.IsOf(project_, model, "")) continue;
      const RunName name{cells.Text("model"), cells.Text("run")};
      told[name].push_back({.run = name,
                            .status = cells.Text("status"),
                            .training_set = cells.Text("training_set"),
                            .params = cells.Map<std::string>("params"),
                            .description = cells.Text("description"),
                            .by = cells.Text("by"),
                            .time_us = cells.Time("time")});
    }
  }));
  std::vector<ModelRun> runs;
  for (auto& [name, rows] : told) {
    std::ranges::stable_sort(rows, {}, &ModelRun::time_us);
    runs.push_back(rows.front());
    runs.back().status = rows.back().status;
  }
  std::ranges::stable_sort(runs, std::ranges::greater(), &ModelRun::time_us);
  return runs;
}

absl::StatusOr<ModelRun> ModelRuns::Find(const RunName& run) const {
  ASSIGN_OR_RETURN(const std::vector<ModelRun> runs, List(run.model));
  std::vector<std::string> names;
  for (const ModelRun& one : runs) {
    if (one.run == run) return one;
    constexpr size_t kShownRuns = 5;
    if (names.size() < kShownRuns) names.push_back(one.run.run);
  }
  return absl::NotFoundError(
      fmt::format("model {} has no run {}{}", run.model, run.run,
                  names.empty() ? std::string(": `forebay model run` starts one")
                                : fmt::format("; its last are: {}", fmt::join(names, ", "))));
}

absl::StatusOr<std::vector<ModelCheckpoint>> ModelRuns::Checkpoints(const RunName& run) const {
  std::map<int64_t, ModelCheckpoint> by_step;
  RETURN_IF_ERROR(checkpoints_.Read([&](const arrow::RecordBatch& rows) {
    for (int64_t i = 0; i < rows.num_rows(); ++i) {
      const RecordCells cells(rows, i);
      if (!cells.IsOf(project_, run.model, run.run)) continue;
      ModelCheckpoint& checkpoint = by_step[cells.Integer("step")];
      if (cells.Time("time") < checkpoint.time_us) continue;
      checkpoint = {.run = run,
                    .step = cells.Integer("step"),
                    .uri = cells.Text("uri"),
                    .sha256 = cells.Text("sha256"),
                    .bytes = cells.Integer("bytes"),
                    .training_set = cells.Text("training_set"),
                    .params = cells.Map<std::string>("params"),
                    .metrics = cells.Map<double>("metrics"),
                    .time_us = cells.Time("time")};
    }
  }));
  std::vector<ModelCheckpoint> checkpoints;
  for (auto& [step, checkpoint] : by_step) checkpoints.push_back(std::move(checkpoint));
  return checkpoints;
}

absl::StatusOr<ModelCheckpoint> ModelRuns::FindCheckpoint(const RunName& run, int64_t step) const {
  RETURN_IF_ERROR(Find(run).status());
  ASSIGN_OR_RETURN(const std::vector<ModelCheckpoint> checkpoints, Checkpoints(run));
  std::vector<int64_t> steps;
  for (const ModelCheckpoint& checkpoint : checkpoints) {
    if (checkpoint.step == step) return checkpoint;
    steps.push_back(checkpoint.step);
  }
  return absl::NotFoundError(
      fmt::format("run {} of model {} has no checkpoint at step {}{}", run.run, run.model, step,
                  steps.empty() ? std::string(": it has none")
                                : fmt::format("; it has some at: {}", fmt::join(steps, ", "))));
}

}  // namespace forebay
