// What is in the tables of a warehouse: sizes, times, versions.
//
//   for (const std::string& path : *FindTables(*store)) {      // "offline/user_spend/v1"
//     TableFacts facts = ReadTableFacts(*store, path, {}, 32 << 20).value();
//   }
#ifndef FOREBAY_OFFLINE_INSPECT_TABLE_FACTS_H_
#define FOREBAY_OFFLINE_INSPECT_TABLE_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/table_version.h"

namespace forebay {

struct TableFacts {
  int64_t version = 0;  // that these are of
  int64_t written_ms = 0;
  int64_t oldest_version = 0;  // that can be read, its data files included
  int64_t newest_version = 0;
  int64_t rows = 0;
  int64_t files = 0;
  int64_t bytes = 0;
  int64_t small_files = 0;
  int64_t stage_2_bytes = 0;  // compacted; cold ones are not counted here
  int64_t cold_bytes = 0;     // elsewhere than in the table's folder
  // Of `_effective_time`; of an event archive, of `_event_time`. Microseconds UTC; nullopt: no
  // rows.
  std::optional<int64_t> first_time;
  std::optional<int64_t> last_time;
  // The rows of all tasks before this are there; nullopt: the table does not tell.
  std::optional<int64_t> complete_before;
};

// The folders of all tables, of views ("offline/<view>/v<version>") and of archives
// ("events/<source>"), by name.
absl::StatusOr<std::vector<std::string>> FindTables(const ObjectStore& store);

// How people call the table in that folder: "user_spend@1", "events/transactions".
std::string TableName(const std::string& path);

// `small`: a file of fewer bytes is a small one. Errors as LoadSnapshotAt; DATA_LOSS: a data file
// whose footer is needed cannot be read.
absl::StatusOr<TableFacts> ReadTableFacts(const ObjectStore& store, const std::string& path,
                                          const TableVersion& version, int64_t small);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_INSPECT_TABLE_FACTS_H_
