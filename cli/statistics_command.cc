// forebay statistics [VIEW...]: how the values of features are distributed, by day, kept as a
// table.
#include <arrow/api.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/day_range.h"
#include "cli/rounded_number.h"
#include "cli/row_printer.h"
#include "cli/table_choice.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "offline/statistics/statistics_table.h"
#include "offline/statistics/table_statistics.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Where the median and the 95th percentile are among the quantiles.
constexpr size_t kMedian = 4;
constexpr size_t kPercentile95 = 7;
static_assert(FeatureStatistics::kQuantiles[kMedian] == 0.5);
static_assert(FeatureStatistics::kQuantiles[kPercentile95] == 0.95);

struct StatisticsArguments {
  std::string folder = ".";
  std::vector<std::string> views;
  DayArguments days;
  RowFormat format = RowFormat::kTable;
};

// A line for each feature.
class StatisticsBatch {
 public:
  explicit StatisticsBatch(bool rounds) : rounds_(rounds) {
    arrow::FieldVector fields = {arrow::field("feature", arrow::utf8())};
    for (const char* name : {"days", "count", "nulls"})
      fields.push_back(arrow::field(name, arrow::int64()));
    for (const char* name : {"null_rate", "min", "p50", "p95", "max", "mean", "stddev"})
      fields.push_back(arrow::field(name, arrow::float64()));
    fields.push_back(arrow::field("distinct", arrow::int64()));
    for (const char* name : {"age_mean", "age_max"})
      fields.push_back(arrow::field(name, arrow::float64()));
    fields.push_back(arrow::field("top", arrow::utf8()));
    builder_ = arrow::RecordBatchBuilder::Make(arrow::schema(fields), arrow::default_memory_pool())
                   .ValueOrDie();
  }

  void Add(const FeatureRange& of) {
    column_ = 0;
    const FeatureStatistics& statistics = of.statistics;
    AddText(fmt::format("{}.{}", of.view.ToString(), of.feature));
    for (int64_t count : {of.days, statistics.count(), statistics.nulls()}) AddCount(count);
    AddNumber(true, statistics.null_rate());
    const NumberMoments& numbers = statistics.numbers();
    const std::vector<double> quantiles = statistics.Quantiles();
    const bool any = numbers.count > 0;
    AddNumber(any, numbers.min);
    for (size_t which : {kMedian, kPercentile95})
      AddNumber(!quantiles.empty(), quantiles.empty() ? 0 : quantiles[which]);
    for (double number : {numbers.max, numbers.mean, numbers.Deviation()}) AddNumber(any, number);
    AddCount(statistics.Distinct());
    for (double age : {statistics.ages().mean, statistics.ages().max})
      AddNumber(statistics.ages().count > 0, age);
    const std::vector<TopValues::Entry> top = statistics.top().Entries();
    AddText(top.empty() ? "" : statistics.TextOf(top[0].value));
  }

  std::shared_ptr<arrow::RecordBatch> Finish() { return builder_->Flush().ValueOrDie(); }

 private:
  void AddText(const std::string& text) {
    (void)builder_->GetFieldAs<arrow::StringBuilder>(column_++)->Append(text);
  }
  void AddCount(std::optional<int64_t> count) {
    (void)builder_->GetFieldAs<arrow::Int64Builder>(column_++)->AppendOrNull(count);
  }
  void AddNumber(bool there, double number) {
    auto* column = builder_->GetFieldAs<arrow::DoubleBuilder>(column_++);
    (void)(there && std::isfinite(number) ? column->Append(rounds_ ? RoundedNumber(number) : number)
                                          : column->AppendNull());
  }

  bool rounds_;
  int column_ = 0;
  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
};

absl::StatusOr<std::vector<const v1::FeatureView*>> ViewsAsked(
    const v1::Project& project, const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const std::vector<TableId> tables, ChooseTables(project, names));
  std::vector<const v1::FeatureView*> views;
  for (const TableId& table : tables) {
    if (table.is_archive() && !names.empty()) {
      return absl::InvalidArgumentError(fmt::format(
          "{} has events, and no features: name views, or none for all", table.ToString()));
    }
    for (const v1::FeatureView& view : project.feature_views()) {
      if (TableId(view.name(), view.version()) == table) views.push_back(&view);
    }
  }
  return views;
}

void Print(const StatisticsSummary& summary, RowFormat format) {
  StatisticsBatch batch(format == RowFormat::kTable);
  for (const FeatureRange& feature : summary.features) batch.Add(feature);
  RowPrinter printer(format);
  printer.Print(*batch.Finish());
  printer.Finish();
}

absl::Status Statistics(const StatisticsArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  StatisticsRequest request{.warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3),
                            .now_us = absl::ToUnixMicros(absl::Now())};
  ASSIGN_OR_RETURN(request.views, ViewsAsked(*loaded.project, arguments.views));
  ASSIGN_OR_RETURN(request.days, ParseDays(arguments.days));
  ASSIGN_OR_RETURN(const StatisticsSummary summary, UpdateStatistics(request));
  for (const ViewId& view : summary.without_table)
    fmt::print(stderr, "{}: there is no offline table yet\n", view.ToString());
  Print(summary, arguments.format);
  fmt::print(stderr, "{} read, {} as before, {}, in the table {}\n",
             Counted(summary.days_read, "day of a view", "days of views"), summary.days_kept,
             Counted(summary.rows, "row", "rows"), request.warehouse->Describe(kStatisticsTable));
  return absl::OkStatus();
}

}  // namespace

void AddStatisticsCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<StatisticsArguments>();
  CLI::App* command = app->add_subcommand(
      "statistics", "Count how the values of features are distributed, by day, and keep it");
  command->add_option("view", arguments->views, "Only these, as VIEW or VIEW@VERSION");
  AddDayOptions(command, "the oldest", &arguments->days);
  AddFormatOption(command, {RowFormat::kTable, RowFormat::kJson, RowFormat::kCsv},
                  &arguments->format);
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([=] { *exit_code = Report(Statistics(*arguments)); });
}

}  // namespace forebay
