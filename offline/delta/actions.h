// The actions of a Delta log, as far as forebay reads and writes them, and their JSON lines.
#ifndef FOREBAY_OFFLINE_DELTA_ACTIONS_H_
#define FOREBAY_OFFLINE_DELTA_ACTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace forebay {

using StringMap = std::map<std::string, std::string>;

struct ProtocolAction {
  int32_t min_reader_version = 1;
  int32_t min_writer_version = 2;
  std::vector<std::string> reader_features;  // named from reader version 3 on
  std::vector<std::string> writer_features;  // named from writer version 7 on
};

struct MetadataAction {
  std::string id;
  std::string schema;  // Delta's schema JSON
  std::vector<std::string> partition_columns;
  StringMap configuration;
  int64_t created_ms = 0;
};

struct AddAction {
  std::string path;  // relative to the table, decoded
  StringMap partition_values;
  int64_t size = 0;         // bytes
  int64_t modified_ms = 0;  // milliseconds UTC
  bool data_change = true;
  std::string stats;                 // JSON; empty: none
  StringMap tags;                    // docs/formats/offline_table.md says which are ours
  bool has_deletion_vector = false;  // some rows of the file are deleted; forebay writes none
};

struct RemoveAction {
  std::string path;
  int64_t deleted_ms = 0;
  bool data_change = true;
  StringMap partition_values;
  int64_t size = 0;
};

struct TransactionAction {
  std::string app_id;
  int64_t version = 0;
  int64_t updated_ms = 0;
};

// Up to when the table has the rows of a task; microseconds UTC.
struct TaskClock {
  // The partition clock: all rows with a _known_time before it are in the table, expiry steps that
  // are due but unwritten aside (S4).
  int64_t clock = 0;
  // All rows with an _effective_time before this are in the table: the clock, or the least boundary
  // of such a step (S6).
  int64_t complete_before = 0;

  bool operator==(const TaskClock&) const = default;
};
using TaskClocks = std::map<std::string, TaskClock>;  // by task: "transactions-3"

// The operation of a commit that takes out a key's rows: files that older versions read are gone
// after it, too.
inline constexpr char kEraseOperation[] = "ERASE";

struct CommitInfoAction {
  int64_t timestamp_ms = 0;
  std::string operation;  // WRITE, CREATE TABLE, ADD COLUMNS, OPTIMIZE ...
  TaskClocks clocks;
  int64_t actions = 0;  // of the commit, this one included; 0: it does not say
};

using Action = std::variant<CommitInfoAction, ProtocolAction, MetadataAction, TransactionAction,
                            AddAction, RemoveAction>;

// One line, without its end. The form that the strictest reader takes.
std::string ToJsonLine(const Action& action);

// The actions of a commit file; kinds that the protocol says may be ignored are left out.
// DATA_LOSS for text that is no Delta commit, or is cut short.
absl::StatusOr<std::vector<Action>> ParseCommit(std::string_view text);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_ACTIONS_H_
