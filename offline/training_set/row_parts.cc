#include "offline/training_set/row_parts.h"

#include <arrow/api.h>
#include <arrow/compute/api_vector.h>
#include <fmt/format.h>

#include "connectors/object_store/s3/signature.h"
#include "offline/training_set/cell_value.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr char kNullFolder[] = "__HIVE_DEFAULT_PARTITION__";

std::optional<std::string> TextOf(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return std::nullopt;
  switch (array.type_id()) {
    case arrow::Type::DICTIONARY: {
      const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array);
      return TextOf(*dictionary.dictionary(), dictionary.GetValueIndex(row));
    }
    case arrow::Type::DATE32:
      return FormatDate(int64_t{static_cast<const arrow::Date32Array&>(array).Value(row)} *
                        kMicrosPerDay);
    case arrow::Type::BOOL:
      return IntegerAt(array, row) != 0 ? "true" : "false";
    default:
      break;
  }
  if (IsText(array.type_id())) return std::string(TextAt(array, row));
  return std::to_string(IntegerAt(array, row));
}

arrow::Result<std::shared_ptr<arrow::Table>> Take(const std::shared_ptr<arrow::Table>& rows,
                                                  const std::vector<int64_t>& indices) {
  if (static_cast<int64_t>(indices.size()) == rows->num_rows()) return rows;
  auto array =
      std::make_shared<arrow::Int64Array>(std::ssize(indices), arrow::Buffer::Wrap(indices));
  ARROW_ASSIGN_OR_RAISE(auto taken,
                        arrow::compute::Take(rows, array, arrow::compute::TakeOptions(false)));
  return taken.table();
}

}  // namespace

absl::Status CheckPartitionType(const std::string& column, const arrow::DataType& type) {
  arrow::Type::type id = type.id();
  if (id == arrow::Type::DICTIONARY)
    id = static_cast<const arrow::DictionaryType&>(type).value_type()->id();
  if (IsText(id) || IsInteger(id) || id == arrow::Type::BOOL || id == arrow::Type::DATE32)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("--partition-by {}: the column is {}; expected text, integers, booleans or dates",
                  column, type.ToString()));
}

std::string PartitionFolder(const std::string& column, const std::optional<std::string>& value) {
  return fmt::format("{}={}", EncodeUri(column), value ? EncodeUri(*value) : kNullFolder);
}

absl::StatusOr<std::map<PartKey, std::shared_ptr<arrow::Table>>> TakeParts(
    const std::shared_ptr<arrow::Table>& rows, const uint8_t* splits,
    const std::string& partition_column) {
  std::map<PartKey, std::vector<int64_t>> places;
  if (partition_column.empty()) {
    for (int64_t row = 0; row < rows->num_rows(); ++row)
      places[{splits == nullptr ? 0 : splits[row], std::nullopt}].push_back(row);
  } else {
    int64_t row = 0;
    for (const auto& chunk : rows->GetColumnByName(partition_column)->chunks()) {
      for (int64_t i = 0; i < chunk->length(); ++i, ++row) {
        PartKey part{splits == nullptr ? 0 : splits[row], TextOf(*chunk, i)};
        if (part.value && part.value->empty()) {
          return absl::InvalidArgumentError(fmt::format(
              "--partition-by {}: it is the empty text in some row, and no folder can be named "
              "after that: give it another value, or null",
              partition_column));
        }
        places[std::move(part)].push_back(row);
      }
    }
  }
  std::map<PartKey, std::shared_ptr<arrow::Table>> parts;
  for (const auto& [part, indices] : places) {
    auto taken = Take(rows, indices);
    if (taken.ok() && !partition_column.empty()) {
      taken = (*taken)->RemoveColumn((*taken)->schema()->GetFieldIndex(partition_column));
    }
    if (!taken.ok()) return absl::InternalError(taken.status().ToString());
    parts[part] = *std::move(taken);
  }
  return parts;
}

}  // namespace forebay
