#include "offline/upkeep/table_upkeep.h"

#include <utility>

#include "absl/time/clock.h"
#include "offline/upkeep/vacuum.h"
#include "schemas/types/status_macros.h"

namespace forebay {

TableUpkeep::TableUpkeep(std::shared_ptr<ObjectStore> warehouse, TableUpkeepOptions options)
    : warehouse_(std::move(warehouse)), options_(std::move(options)), pace_(options_.pace) {
  options_.compaction.pace = [this](int64_t bytes) { return pace_.Wait(bytes); };
  if (!options_.compaction.now_us)
    options_.compaction.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
}

void TableUpkeep::Stop() {
  pace_.Stop();
  if (thread_.joinable()) thread_.join();
}

void TableUpkeep::Start(std::function<std::vector<std::string>()> tables) {
  tables_ = std::move(tables);
  thread_ = std::thread([this] { Run(); });
}

absl::Status TableUpkeep::last_error() const {
  absl::MutexLock lock(&mutex_);
  return last_error_;
}

UpkeepCounters TableUpkeep::counters() const {
  absl::MutexLock lock(&mutex_);
  return counters_;
}

void TableUpkeep::Run() {
  RunAtLowPriority();
  while (pace_.Sleep(options_.interval)) {
    absl::Status error;
    for (const std::string& table : tables_()) {
      absl::Status status = Look(table);
      if (!status.ok()) open_.erase(table);
      if (pace_.stopped()) return;
      error.Update(status);
    }
    absl::MutexLock lock(&mutex_);
    last_error_ = error;
    if (!error.ok()) ++counters_.errors;
  }
}

absl::Status TableUpkeep::Look(const std::string& path) {
  std::unique_ptr<DeltaTable>& table = open_[path];
  if (table == nullptr) {
    absl::StatusOr<std::unique_ptr<DeltaTable>> opened = DeltaTable::Open(warehouse_, path);
    if (absl::IsNotFound(opened.status())) return absl::OkStatus();
    ASSIGN_OR_RETURN(table, std::move(opened));
  }
  pace_.Begin();
  ASSIGN_OR_RETURN(CompactionResult compacted,
                   CompactTable(warehouse_, table.get(), options_.compaction));
  Count(compacted);
  if (options_.cold) {
    const absl::Time before = absl::Now() - options_.cold_after;
    ASSIGN_OR_RETURN(CompactionResult tiered, TierTable(warehouse_, table.get(),
                                                        {.cold = *options_.cold,
                                                         .s3 = options_.s3,
                                                         .dates_before = absl::ToUnixMicros(before),
                                                         .compaction = options_.compaction}));
    Count(tiered);
  }
  absl::Time& vacuumed = vacuumed_.try_emplace(path, absl::InfinitePast()).first->second;
  if (absl::Now() - vacuumed < options_.vacuum_interval) return absl::OkStatus();
  RETURN_IF_ERROR(
      table->SetProperties(RetentionProperties(options_.retention), options_.compaction.now_us()));
  ASSIGN_OR_RETURN(VacuumResult removed,
                   VacuumTable(warehouse_, table.get(),
                               {.retention = options_.retention, .cold = options_.cold}));
  vacuumed = absl::Now();
  absl::MutexLock lock(&mutex_);
  counters_.files_removed += removed.data_files + removed.log_files;
  return absl::OkStatus();
}

void TableUpkeep::Count(const CompactionResult& result) {
  absl::MutexLock lock(&mutex_);
  counters_.compactions += result.commits;
  counters_.rows_compacted += result.rows;
  counters_.bytes_compacted += result.bytes_after;
}

}  // namespace forebay
