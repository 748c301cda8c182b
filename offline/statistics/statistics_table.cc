#include "offline/statistics/statistics_table.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "offline/compaction/row_reader.h"
#include "offline/delta/data_file.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int64_t kRowsAtOnce = 1024;

}  // namespace

StatisticsTable::StatisticsTable(std::shared_ptr<ObjectStore> store,
                                 std::unique_ptr<DeltaTable> table)
    : store_(std::move(store)), table_(std::move(table)) {}

StatisticsTable::~StatisticsTable() {
  for (const FileReplacement& replacement : written_) {
    for (const AddAction& file : replacement.added)
      (void)store_->Delete(fmt::format("{}/{}", kStatisticsTable, file.path));
  }
}

absl::StatusOr<std::unique_ptr<StatisticsTable>> StatisticsTable::Open(
    std::shared_ptr<ObjectStore> store) {
  ASSIGN_OR_RETURN(std::unique_ptr<DeltaTable> table, DeltaTable::Open(store, kStatisticsTable));
  return std::unique_ptr<StatisticsTable>(new StatisticsTable(std::move(store), std::move(table)));
}

absl::StatusOr<std::unique_ptr<StatisticsTable>> StatisticsTable::OpenOrCreate(
    std::shared_ptr<ObjectStore> store, int64_t now_us) {
  ASSIGN_OR_RETURN(std::unique_ptr<DeltaTable> table,
                   DeltaTable::OpenOrCreate(store, kStatisticsTable, *FeatureDaySchema(), now_us));
  return std::unique_ptr<StatisticsTable>(new StatisticsTable(std::move(store), std::move(table)));
}

std::vector<int64_t> StatisticsTable::Dates() const {
  std::set<int64_t> dates;
  for (const auto& [path, file] : table_->snapshot().files) {
    if (std::optional<int64_t> date = StartOfDate(file)) dates.insert(*date);
  }
  return {dates.begin(), dates.end()};
}

std::vector<std::string> StatisticsTable::FilesOf(int64_t date) const {
  std::vector<std::string> files;
  for (const auto& [path, file] : table_->snapshot().files) {
    if (StartOfDate(file) == date) files.push_back(path);
  }
  return files;
}

absl::StatusOr<std::vector<FeatureDay>> StatisticsTable::Read(int64_t date) const {
  std::vector<FeatureDay> days;
  for (const std::string& file : FilesOf(date)) {
    ASSIGN_OR_RETURN(
        std::unique_ptr<RowReader> reader,
        RowReader::Open(*store_, kStatisticsTable, file, FeatureDaySchema(), kRowsAtOnce));
    while (true) {
      ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> rows, reader->Next());
      if (rows == nullptr) break;
      absl::StatusOr<std::vector<FeatureDay>> read = FromRows(*rows);
      if (!read.ok()) {
        return absl::Status(
            read.status().code(),
            fmt::format("{}/{}: {}; remove the folder {}, and compute them again",
                        store_->Describe(kStatisticsTable), file,
                        std::string(read.status().message()), store_->Describe(kStatisticsTable)));
      }
      std::ranges::move(*read, std::back_inserter(days));
    }
  }
  return days;
}

absl::Status StatisticsTable::Replace(int64_t date, const std::vector<FeatureDay>& days,
                                      int64_t now_us) {
  if (days.empty()) {
    written_.push_back({.removed = FilesOf(date)});
    return absl::OkStatus();
  }
  const std::shared_ptr<arrow::RecordBatch> rows = ToRows(days);
  ASSIGN_OR_RETURN(std::unique_ptr<DataFileWriter> file,
                   DataFileWriter::Create(store_.get(), kStatisticsTable, FormatDate(date),
                                          *rows->schema(), *table_->snapshot().schema, {}));
  RETURN_IF_ERROR(file->Write({rows}));
  ASSIGN_OR_RETURN(AddAction added, file->Finish(now_us));
  written_.push_back({.removed = FilesOf(date), .added = {std::move(added)}});
  return absl::OkStatus();
}

absl::Status StatisticsTable::Commit(int64_t now_us) {
  if (written_.empty()) return absl::OkStatus();
  // After an error the commit may have happened: the files stay.
  std::vector<FileReplacement> written = std::exchange(written_, {});
  RewriteRequest request{.operation = "WRITE", .data_change = true, .replacements = written};
  ASSIGN_OR_RETURN(const std::vector<bool> committed, table_->Rewrite(request, now_us));
  for (size_t i = 0; i < committed.size(); ++i) {
    if (!committed[i]) written_.push_back(std::move(written[i]));  // to be removed
  }
  if (written_.empty()) return absl::OkStatus();
  return absl::AbortedError(
      fmt::format("another program wrote statistics to {} at the same time: run the command again",
                  store_->Describe(kStatisticsTable)));
}

}  // namespace forebay
