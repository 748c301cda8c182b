// What a project's views and archives left in the warehouse and the change logs, found and removed
// while no worker runs: the offline part of `forebay reset`.
#ifndef FOREBAY_OFFLINE_SINK_LEFTOVERS_H_
#define FOREBAY_OFFLINE_SINK_LEFTOVERS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/object_store/object_store.h"
#include "engine/batch/event_batch.h"
#include "schemas/types/parquet_encoding.h"
#include "schemas/types/table_id.h"

namespace forebay {

// Whether there is something at the place of the table that other projects, which may share
// the warehouse, have no rows in alone.
absl::StatusOr<bool> HasTable(const std::shared_ptr<ObjectStore>& warehouse,
                              const std::string& project, const TableId& id);

// The tables that the project has written rows into, declared or not.
absl::StatusOr<std::set<TableId>> ListTables(const std::shared_ptr<ObjectStore>& warehouse,
                                             const std::string& project);

// Removes the table: first what makes it one, so that no reader takes a part for the whole.
absl::Status RemoveTable(ObjectStore* warehouse, const TableId& id);

// The tables that the task's change log holds rows of, seen without taking the log up.
absl::StatusOr<std::set<TableId>> ListUnflushed(const std::string& state_folder,
                                                const TaskId& task);

struct ChangeLogsToFlush {
  std::shared_ptr<ObjectStore> warehouse;
  std::string project;
  std::string state_folder;
  ParquetEncoding parquet_encoding = ParquetEncoding::kCompatible;
  std::function<int64_t()> now_us;  // wall clock, microseconds UTC
};

// Empties the tasks' change logs: the rows of `dropped` are gone, all others are in their tables.
// After an error, repeat. Errors as OfflineSink::Open and FlushAll.
absl::Status FlushWithout(const std::set<TableId>& dropped, absl::Span<const TaskId> tasks,
                          const ChangeLogsToFlush& logs);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SINK_LEFTOVERS_H_
