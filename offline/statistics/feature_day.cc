#include "offline/statistics/feature_day.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "engine/batch/arrow_type.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

arrow::FieldVector Fields() {
  arrow::FieldVector fields;
  auto add = [&](const char* name, DataType type, bool nullable = true) {
    fields.push_back(arrow::field(name, ArrowType(type), nullable));
  };
  constexpr bool kNever = false;
  add("view", DataType::kString, kNever);
  add("version", DataType::kInt64, kNever);
  add("feature", DataType::kString, kNever);
  add("type", DataType::kString, kNever);
  for (const char* count : {"count", "nulls", "nans"}) add(count, DataType::kInt64);
  for (const char* number : {"min", "max", "mean", "stddev"}) add(number, DataType::kDouble);
  add("quantiles", ListOf(DataType::kDouble));
  add("histogram_edges", ListOf(DataType::kDouble));
  add("histogram_counts", ListOf(DataType::kInt64));
  add("distinct_values", DataType::kInt64);
  add("top_values", ListOf(DataType::kString));
  add("top_counts", ListOf(DataType::kInt64));
  add("top_error", DataType::kInt64);
  for (const char* age : {"age_mean", "age_max"}) add(age, DataType::kDouble);
  add("sketch", DataType::kBytes);
  add("table_version", DataType::kInt64);
  add("table_files", DataType::kString);
  add("computed_at", DataType::kTimestamp);
  return fields;
}

// Appends the cells of rows one after the other, in the order of the columns.
class RowBuilder {
 public:
  RowBuilder()
      : builder_(arrow::RecordBatchBuilder::Make(FeatureDaySchema(), arrow::default_memory_pool())
                     .ValueOrDie()) {}

  template <typename Builder, typename T>
  void Add(const T& value) {
    (void)Next<Builder>()->Append(value);
  }
  // Null where there is none, or it is no number that a table should have.
  void AddNumber(const NumberMoments& of, double value) {
    auto* column = Next<arrow::DoubleBuilder>();
    (void)(of.count > 0 && std::isfinite(value) ? column->Append(value) : column->AppendNull());
  }
  void AddCount(std::optional<int64_t> count) {
    (void)Next<arrow::Int64Builder>()->AppendOrNull(count);
  }
  template <typename Builder, typename T>
  void AddList(const std::vector<T>& values) {
    auto* list = Next<arrow::ListBuilder>();
    if (values.empty()) {
      (void)list->AppendNull();
      return;
    }
    (void)list->Append();
    for (const T& value : values) (void)static_cast<Builder*>(list->value_builder())->Append(value);
  }
  void EndRow() { column_ = 0; }
  std::shared_ptr<arrow::RecordBatch> Finish() { return builder_->Flush().ValueOrDie(); }

 private:
  template <typename Builder>
  Builder* Next() {
    return builder_->GetFieldAs<Builder>(column_++);
  }

  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
  int column_ = 0;
};

void AddStatistics(const FeatureStatistics& statistics, RowBuilder* row) {
  using Texts = arrow::StringBuilder;
  row->Add<Texts>(std::string(DataTypeName(statistics.type())));
  for (int64_t count : {statistics.count(), statistics.nulls(), statistics.nans()})
    row->AddCount(count);
  const NumberMoments& numbers = statistics.numbers();
  for (double number : {numbers.min, numbers.max, numbers.mean, numbers.Deviation()})
    row->AddNumber(numbers, number);
  row->AddList<arrow::DoubleBuilder>(statistics.Quantiles());
  const Histogram histogram = statistics.MakeHistogram();
  row->AddList<arrow::DoubleBuilder>(histogram.edges);
  row->AddList<arrow::Int64Builder>(histogram.counts);
  row->AddCount(statistics.Distinct());
  std::vector<std::string> values;
  std::vector<int64_t> counts;
  for (const TopValues::Entry& entry : statistics.top().Entries()) {
    values.push_back(statistics.TextOf(entry.value));
    counts.push_back(entry.count);
  }
  row->AddList<Texts>(values);
  row->AddList<arrow::Int64Builder>(counts);
  row->AddCount(values.empty() ? std::nullopt : std::optional(statistics.top().error()));
  for (double age : {statistics.ages().mean, statistics.ages().max})
    row->AddNumber(statistics.ages(), age);
  row->Add<arrow::BinaryBuilder>(statistics.Encode());
}

template <typename ArrayType>
const ArrayType& Column(const arrow::RecordBatch& rows, const char* name) {
  return static_cast<const ArrayType&>(*rows.GetColumnByName(name));
}

}  // namespace

std::shared_ptr<arrow::Schema> FeatureDaySchema() { return arrow::schema(Fields()); }

std::shared_ptr<arrow::RecordBatch> ToRows(const std::vector<FeatureDay>& days) {
  RowBuilder row;
  for (const FeatureDay& day : days) {
    row.Add<arrow::StringBuilder>(day.view.name);
    row.AddCount(day.view.version);
    row.Add<arrow::StringBuilder>(day.feature);
    AddStatistics(day.statistics, &row);
    row.AddCount(day.table_version);
    row.Add<arrow::StringBuilder>(day.table_files);
    row.Add<arrow::TimestampBuilder>(day.computed_at);
    row.EndRow();
  }
  return row.Finish();
}

absl::StatusOr<std::vector<FeatureDay>> FromRows(const arrow::RecordBatch& rows) {
  const auto& views = Column<arrow::StringArray>(rows, "view");
  const auto& versions = Column<arrow::Int64Array>(rows, "version");
  const auto& features = Column<arrow::StringArray>(rows, "feature");
  const auto& sketches = Column<arrow::BinaryArray>(rows, "sketch");
  const auto& table_versions = Column<arrow::Int64Array>(rows, "table_version");
  const auto& table_files = Column<arrow::StringArray>(rows, "table_files");
  const auto& computed = Column<arrow::TimestampArray>(rows, "computed_at");
  std::vector<FeatureDay> days;
  for (int64_t i = 0; i < rows.num_rows(); ++i) {
    ViewId view{views.GetString(i), static_cast<uint32_t>(versions.Value(i))};
    absl::StatusOr<FeatureStatistics> statistics = FeatureStatistics::Decode(sketches.GetView(i));
    if (!statistics.ok()) {
      return absl::Status(statistics.status().code(),
                          fmt::format("the row of {}.{}: {}", view.ToString(), features.GetView(i),
                                      std::string(statistics.status().message())));
    }
    days.push_back({.view = std::move(view),
                    .feature = features.GetString(i),
                    .statistics = *std::move(statistics),
                    .table_version = table_versions.Value(i),
                    .table_files = table_files.GetString(i),
                    .computed_at = computed.Value(i)});
  }
  return days;
}

}  // namespace forebay
