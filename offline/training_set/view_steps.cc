#include "offline/training_set/view_steps.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/batch/arrow_type.h"
#include "engine/batch/take_rows.h"
#include "offline/delta/data_file.h"
#include "offline/delta/table_range.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/key_column.h"
#include "offline/training_set/row_file.h"
#include "offline/upkeep/lease.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

struct Step {
  std::string key;  // encoded: its bytes are in the order of the keys
  int64_t time;
  RowOfBatch row;
};

// The steps of one view that are read, with what holds their rows.
class StepReader {
 public:
  StepReader(const v1::Project& project, const ViewStepsRequest& request)
      : request_(request),
        view_(project.feature_views(request.features[0].view)),
        entity_(*FindEntity(project, view_.entity())) {
    arrow::FieldVector fields;
    auto add = [&](const std::string& name, const std::string& called,
                   std::shared_ptr<arrow::DataType> type) {
      columns_.push_back(name);
      fields.push_back(arrow::field(called, std::move(type)));
    };
    for (const v1::Field& key : entity_.keys())
      add(key.name(), key.name(), ArrowType(static_cast<DataType>(key.type())));
    auto time = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    add("_effective_time", "_effective_time", time);
    add("_event_time", "_event_time", time);
    add("_op", "_op", arrow::utf8());
    for (const NamedFeature& named : request.features) {
      const v1::Feature& feature = view_.features(named.feature);
      add(feature.name(), named.name, ArrowType(static_cast<DataType>(feature.type())));
    }
    schema_ = arrow::schema(std::move(fields));
  }

  absl::Status ReadFile(const std::string& table, const Snapshot& snapshot,
                        const std::string& path) {
    return ReadGroups(*request_.warehouse, table, snapshot, path,
                      [this](const RowFile& file, int group) { return ReadGroup(file, group); });
  }

  arrow::Result<std::shared_ptr<arrow::Table>> Finish() {
    std::sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
      return std::tie(a.key, a.time) < std::tie(b.key, b.time);
    });
    std::vector<RowOfBatch> rows;
    for (const Step& step : steps_) rows.push_back(step.row);
    if (rows.empty()) return arrow::Table::MakeEmpty(schema_);
    return arrow::Table::FromRecordBatches(schema_, {TakeRows(batches_[0], rows)});
  }

 private:
  arrow::Status ReadGroup(const RowFile& file, int group) {
    ARROW_ASSIGN_OR_RAISE(auto times, file.Read(group, "_effective_time"));
    if (times == nullptr || times->type_id() != arrow::Type::TIMESTAMP)
      return arrow::Status::Invalid("column _effective_time holds no times");
    std::vector<int64_t> wanted;
    for (int64_t row = 0; row < times->length(); ++row) {
      const int64_t time = IntegerAt(*times, row);
      if (time >= request_.from_us && time < request_.to_us) wanted.push_back(row);
    }
    if (wanted.empty()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto batch, ReadColumns(file, group, times->length()));
    KeyReader keys(arrow::ArrayVector(batch->columns().begin(),
                                      batch->columns().begin() + entity_.keys_size()));
    for (int64_t row : wanted) {
      Step step{.time = IntegerAt(*times, row), .row = {batch.get(), row}};
      if (keys.Encode(row, &step.key)) steps_.push_back(std::move(step));
    }
    batches_.push_back(std::move(batch));
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> ReadColumns(const RowFile& file, int group,
                                                                 int64_t rows) {
    arrow::ArrayVector columns;
    for (size_t c = 0; c < columns_.size(); ++c) {
      const auto& type = schema_->field(static_cast<int>(c))->type();
      ARROW_ASSIGN_OR_RAISE(auto column, file.Read(group, columns_[c]));
      if (column == nullptr) {  // a file from before there was the feature
        ARROW_ASSIGN_OR_RAISE(column, arrow::MakeArrayOfNull(type, rows));
      }
      if (!column->type()->Equals(type)) {
        return arrow::Status::Invalid("column ", columns_[c], " is ", column->type()->ToString(),
                                      ", expected ", type->ToString());
      }
      columns.push_back(std::move(column));
    }
    return arrow::RecordBatch::Make(schema_, rows, std::move(columns));
  }

  const ViewStepsRequest& request_;
  const v1::FeatureView& view_;
  const v1::Entity& entity_;
  std::vector<std::string> columns_;  // as the table calls them
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  std::vector<Step> steps_;
};

absl::Status CheckWithinRange(const Snapshot& snapshot, const ViewId& view,
                              const ViewStepsRequest& request) {
  ASSIGN_OR_RETURN(const std::optional<TimeRange> range, RangeOf(snapshot));
  if (!range || (range->from <= request.from_us && request.to_us <= range->to))
    return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the table of {} was computed for the range {} only, and has no steps of {}: ask "
                  "for steps within it",
                  view.ToString(), DescribeRange(*range),
                  DescribeRange({.from = request.from_us, .to = request.to_us})));
}

}  // namespace

absl::StatusOr<ViewSteps> ReadViewSteps(const v1::Project& project,
                                        const ViewStepsRequest& request) {
  const v1::FeatureView& view = project.feature_views(request.features[0].view);
  for (const NamedFeature& feature : request.features) {
    if (feature.view == request.features[0].view) continue;
    return absl::InvalidArgumentError(
        fmt::format("steps are of one view, and these features are of {} and {}: export each by "
                    "itself, or give --every",
                    view.name(), project.feature_views(feature.view).name()));
  }
  const ViewId id{view.name(), view.version()};
  if (view.history() == v1::FeatureView::OFF) {
    return absl::InvalidArgumentError(fmt::format(
        "feature view {} has `history: off`: nothing of it is kept offline", id.ToString()));
  }
  const std::string path = OfflineTablePath(id);
  ASSIGN_OR_RETURN(Snapshot snapshot, LoadSnapshotAt(*request.warehouse, path, request.version));
  // Who may not write there reads without a lease.
  absl::StatusOr<Lease> lease =
      Lease::Take(request.warehouse, path, snapshot.timestamp_ms, absl::ToUnixMicros(absl::Now()));
  if (request.version.IsNewest())
    RETURN_IF_ERROR(RefreshSnapshot(*request.warehouse, path, std::nullopt, &snapshot));
  RETURN_IF_ERROR(CheckWithinRange(snapshot, id, request));
  StepReader reader(project, request);
  for (const auto& [name, file] : snapshot.files) {
    std::optional<int64_t> start = StartOfDate(file);
    if (start && (*start >= request.to_us || *start + kMicrosPerDay <= request.from_us)) continue;
    if (lease.ok()) lease->Renew(absl::ToUnixMicros(absl::Now())).IgnoreError();
    RETURN_IF_ERROR(reader.ReadFile(path, snapshot, name));
  }
  auto rows = reader.Finish();
  if (!rows.ok()) return absl::ResourceExhaustedError(rows.status().message());
  return ViewSteps{.table_version = snapshot.version, .rows = *std::move(rows)};
}

}  // namespace forebay
