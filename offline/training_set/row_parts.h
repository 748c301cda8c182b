// Which part of an output each row goes to: its split, and its value of the column by which the
// output is partitioned.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_ROW_PARTS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_ROW_PARTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace arrow {
class DataType;
class Table;
}  // namespace arrow

namespace forebay {

struct PartKey {
  int split = 0;
  std::optional<std::string> value;  // of the column, as Delta and Hive write it; nullopt: null

  auto operator<=>(const PartKey&) const = default;
};

// OK: text, integers, booleans and dates. INVALID_ARGUMENT else.
absl::Status CheckPartitionType(const std::string& column, const arrow::DataType& type);

// "country=CZ", "country=__HIVE_DEFAULT_PARTITION__" for null.
std::string PartitionFolder(const std::string& column, const std::optional<std::string>& value);

// The rows of each part, in their order. `splits`: one per row, or null where there is one split.
// `partition_column`: "" where there is none; it is left out of the parts.
// INVALID_ARGUMENT: an empty text, which no folder can be named after.
absl::StatusOr<std::map<PartKey, std::shared_ptr<arrow::Table>>> TakeParts(
    const std::shared_ptr<arrow::Table>& rows, const uint8_t* splits,
    const std::string& partition_column);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_ROW_PARTS_H_
