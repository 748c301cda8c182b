#include "offline/statistics/table_statistics.h"

#include <arrow/api.h>
#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "engine/batch/arrow_type.h"
#include "engine/batch/take_rows.h"
#include "forebay/v1/definition.pb.h"
#include "offline/compaction/row_reader.h"
#include "offline/delta/data_file.h"
#include "offline/sink/table_flush.h"
#include "offline/statistics/statistics_table.h"
#include "offline/upkeep/lease.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int64_t kBatchRows = 64 * 1024;
// A commit of the first run over a long table has so many days.
constexpr int kDaysPerCommit = 100;
constexpr int64_t kDefaultDays = 7;
constexpr std::string_view kEvent = "event";

using FilesByDate = std::map<int64_t, std::vector<std::string>>;

// An offline table while its days are read: its files are not removed meanwhile.
struct OpenTable {
  const v1::FeatureView* view = nullptr;
  ViewId id;
  std::unique_ptr<DeltaTable> table;
  std::optional<Lease> lease;
  FilesByDate files;
};

std::string HashOf(const std::vector<std::string>& files) {
  std::string names;
  for (const std::string& file : files) names += file + "\n";
  const XXH128_hash_t hash = XXH3_128bits(names.data(), names.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

DataType TypeOf(const v1::Feature& feature) { return static_cast<DataType>(feature.type()); }

absl::StatusOr<OpenTable> OpenOffline(const StatisticsRequest& request,
                                      const v1::FeatureView& view) {
  OpenTable open{.view = &view, .id = {view.name(), view.version()}};
  const std::string path = OfflineTablePath(open.id);
  ASSIGN_OR_RETURN(open.table, DeltaTable::Open(request.warehouse, path));
  ASSIGN_OR_RETURN(open.lease, Lease::Take(request.warehouse, path,
                                           open.table->snapshot().timestamp_ms, request.now_us));
  RETURN_IF_ERROR(open.table->Refresh());
  for (const auto& [name, file] : open.table->snapshot().files) {
    const std::optional<int64_t> date = StartOfDate(file);
    if (date && request.days.Holds(*date)) open.files[*date].push_back(name);
  }
  return open;
}

// The features, then what says which rows count, and how old they are.
std::shared_ptr<arrow::Schema> ColumnsRead(const v1::FeatureView& view) {
  arrow::FieldVector fields;
  for (const v1::Feature& feature : view.features())
    fields.push_back(arrow::field(feature.name(), ArrowType(TypeOf(feature))));
  for (const char* time : {"_effective_time", "_event_time"})
    fields.push_back(arrow::field(time, ArrowType(DataType::kTimestamp), /*nullable=*/false));
  fields.push_back(arrow::field("_op", arrow::utf8(), /*nullable=*/false));
  return arrow::schema(std::move(fields));
}

std::shared_ptr<arrow::RecordBatch> EventsOf(const std::shared_ptr<arrow::RecordBatch>& rows) {
  const auto& ops = static_cast<const arrow::StringArray&>(*rows->GetColumnByName("_op"));
  std::vector<RowOfBatch> events;
  for (int64_t i = 0; i < rows->num_rows(); ++i) {
    if (ops.GetView(i) == kEvent) events.push_back({rows.get(), i});
  }
  return TakeRows(rows, events);
}

absl::Span<const int64_t> TimesOf(const arrow::RecordBatch& rows, const char* name) {
  const auto& times = static_cast<const arrow::TimestampArray&>(*rows.GetColumnByName(name));
  return {times.raw_values(), static_cast<size_t>(times.length())};
}

// The statistics of the view's features on one day, of their files.
absl::StatusOr<std::vector<FeatureDay>> ReadDay(const StatisticsRequest& request,
                                                const OpenTable& open,
                                                const std::vector<std::string>& files,
                                                int64_t* rows_read) {
  std::vector<FeatureDay> days;
  for (const v1::Feature& feature : open.view->features()) {
    days.push_back({.view = open.id,
                    .feature = feature.name(),
                    .statistics = FeatureStatistics(TypeOf(feature)),
                    .table_version = open.table->snapshot().version,
                    .table_files = HashOf(files),
                    .computed_at = request.now_us});
  }
  const std::shared_ptr<arrow::Schema> columns = ColumnsRead(*open.view);
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(
        std::unique_ptr<RowReader> reader,
        RowReader::Open(*request.warehouse, open.table->path(), file, columns, kBatchRows));
    while (true) {
      ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> rows, reader->Next());
      if (rows == nullptr) break;
      *rows_read += rows->num_rows();
      rows = EventsOf(rows);
      const absl::Span<const int64_t> effective = TimesOf(*rows, "_effective_time");
      for (size_t i = 0; i < days.size(); ++i) {
        days[i].statistics.Add(*rows->column(static_cast<int>(i)), effective);
        days[i].statistics.AddAges(TimesOf(*rows, "_event_time"), effective);
      }
    }
  }
  return days;
}

// Whether `days`, those of a view on one day, are of these files, and of its features as they are.
bool IsCurrent(const v1::FeatureView& view, const std::vector<FeatureDay>& days,
               const std::vector<std::string>& files) {
  const std::string hash = HashOf(files);
  std::map<std::string, DataType> types;
  for (const FeatureDay& day : days) {
    if (day.table_files != hash) return false;
    types[day.feature] = day.statistics.type();
  }
  return std::ranges::all_of(view.features(), [&](const v1::Feature& feature) {
    auto found = types.find(feature.name());
    return found != types.end() && found->second == TypeOf(feature);
  });
}

void AddDay(const FeatureDay& day, std::map<FeatureName, FeatureRange>* sums) {
  FeatureRange empty{.view = day.view,
                     .feature = day.feature,
                     .statistics = FeatureStatistics(day.statistics.type())};
  FeatureRange& sum = sums->try_emplace({day.view, day.feature}, std::move(empty)).first->second;
  if (sum.statistics.type() != day.statistics.type()) return;  // of the view before a reset
  sum.statistics.Merge(day.statistics);
  ++sum.days;
}

// Goes through the days, and sums them up.
class Updater {
 public:
  Updater(const StatisticsRequest& request, std::unique_ptr<StatisticsTable> table)
      : request_(request), table_(std::move(table)) {}

  absl::Status Open() {
    for (const v1::FeatureView* view : request_.views) {
      absl::StatusOr<OpenTable> open = OpenOffline(request_, *view);
      if (absl::IsNotFound(open.status())) {
        summary_.without_table.push_back({view->name(), view->version()});
        continue;
      }
      RETURN_IF_ERROR(open.status());
      for (const auto& [date, files] : open->files) dates_.insert(date);
      tables_.push_back(*std::move(open));
    }
    for (int64_t date : table_->Dates()) {
      if (request_.days.Holds(date)) dates_.insert(date);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<StatisticsSummary> Run() {
    int days = 0;
    for (int64_t date : dates_) {
      ASSIGN_OR_RETURN(const bool replaced, UpdateDate(date));
      if (replaced && ++days % kDaysPerCommit == 0)
        RETURN_IF_ERROR(table_->Commit(request_.now_us));
    }
    RETURN_IF_ERROR(table_->Commit(request_.now_us));
    for (const OpenTable& open : tables_) {
      for (const v1::Feature& feature : open.view->features()) {
        auto found = sums_.find({open.id, feature.name()});
        if (found != sums_.end()) summary_.features.push_back(std::move(found->second));
      }
    }
    return std::move(summary_);
  }

 private:
  // False: its rows are as they were.
  absl::StatusOr<bool> UpdateDate(int64_t date) {
    ASSIGN_OR_RETURN(std::vector<FeatureDay> there, table_->Read(date));
    std::map<ViewId, std::vector<FeatureDay>> by_view;
    for (FeatureDay& day : there) by_view[day.view].push_back(std::move(day));
    bool replaced = false;
    for (OpenTable& open : tables_) {
      const auto files = open.files.find(date);
      if (files == open.files.end()) {  // they are there no more
        replaced |= by_view.erase(open.id) > 0;
        continue;
      }
      std::vector<FeatureDay>& days = by_view[open.id];
      if (!IsCurrent(*open.view, days, files->second)) {
        RETURN_IF_ERROR(open.lease->Renew(request_.now_us));
        ASSIGN_OR_RETURN(days, ReadDay(request_, open, files->second, &summary_.rows));
        replaced = true;
        ++summary_.days_read;
      } else {
        ++summary_.days_kept;
      }
      for (const FeatureDay& day : days) AddDay(day, &sums_);
    }
    if (!replaced) return false;
    std::vector<FeatureDay> all;
    for (auto& [view, days] : by_view) std::ranges::move(days, std::back_inserter(all));
    RETURN_IF_ERROR(table_->Replace(date, all, request_.now_us));
    return true;
  }

  const StatisticsRequest& request_;
  std::unique_ptr<StatisticsTable> table_;
  std::vector<OpenTable> tables_;
  std::set<int64_t> dates_;
  std::map<FeatureName, FeatureRange> sums_;
  StatisticsSummary summary_;
};

// The rows of the features on a day, by feature.
absl::StatusOr<std::vector<FeatureDay>> DaysOf(const StatisticsTable& table, int64_t date,
                                               const std::set<FeatureName>& features) {
  ASSIGN_OR_RETURN(std::vector<FeatureDay> days, table.Read(date));
  std::erase_if(days, [&](const FeatureDay& day) {
    return !features.contains({day.view, day.feature});
  });
  return days;
}

}  // namespace

absl::StatusOr<StatisticsSummary> UpdateStatistics(const StatisticsRequest& request) {
  ASSIGN_OR_RETURN(std::unique_ptr<StatisticsTable> table,
                   StatisticsTable::OpenOrCreate(request.warehouse, request.now_us));
  Updater updater(request, std::move(table));
  RETURN_IF_ERROR(updater.Open());
  return updater.Run();
}

absl::StatusOr<StatisticsOfDays> ReadStatistics(const std::shared_ptr<ObjectStore>& warehouse,
                                                const std::vector<FeatureName>& features,
                                                TimeRange days) {
  ASSIGN_OR_RETURN(std::unique_ptr<StatisticsTable> table, StatisticsTable::Open(warehouse));
  std::vector<int64_t> dates = table->Dates();
  const std::set<FeatureName> wanted(features.begin(), features.end());
  StatisticsOfDays found;
  for (auto date = dates.rbegin(); date != dates.rend(); ++date) {  // the newest first
    if (!days.Holds(*date)) continue;
    ASSIGN_OR_RETURN(const std::vector<FeatureDay> rows, DaysOf(*table, *date, wanted));
    if (rows.empty()) continue;
    if (found.features.empty()) {
      found.last_day = *date;
      if (days.from == INT64_MIN) days.from = *date - (kDefaultDays - 1) * kMicrosPerDay;
    }
    found.first_day = *date;
    for (const FeatureDay& row : rows) AddDay(row, &found.features);
  }
  return found;
}

}  // namespace forebay
