// The keys that a producer would have written with the rows of a file, and where Kafka's
// partitioner would have put them: a lone string or integer as its text, several columns as a JSON
// object of them.
//
//   KeyPartition keys(plan);
//   std::vector<int32_t> partitions = keys.PartitionsOf(rows, 12);
//
// Not thread-safe, but TextOf is.
#ifndef FOREBAY_CONNECTORS_FILE_KEY_PARTITION_H_
#define FOREBAY_CONNECTORS_FILE_KEY_PARTITION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/task/event_columns.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

class KeyPartition {
 public:
  // By the key of the plan's source; where its views have another one, by that of their entity.
  explicit KeyPartition(const TaskPlan& plan);

  // Of each row, from 0. Rows without a key (a part is null) are in partition 0. `rows` are of the
  // plan's event schema.
  std::vector<int32_t> PartitionsOf(const arrow::RecordBatch& rows, int partitions);

  // nullopt: the row has none.
  std::optional<std::string> TextOf(const arrow::RecordBatch& rows, int64_t row) const;

 private:
  v1::Entity key_;  // its columns; none: the source has none
  std::vector<int> columns_;
  std::optional<KeyColumn> encoded_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_FILE_KEY_PARTITION_H_
