#include "offline/erasure/erased_key.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/key_column.h"

namespace forebay {
namespace {

constexpr char kPartition[] = "_source_partition";
constexpr char kOffset[] = "_source_offset";

// Where rows come from; of other programs' files, which may not tell, all rows count as old.
class Positions {
 public:
  Positions(const arrow::RecordBatch& batch, const ErasedKey& key)
      : key_(key),
        partitions_(batch.GetColumnByName(kPartition)),
        offsets_(batch.GetColumnByName(kOffset)) {}

  arrow::Status Check() const {
    for (const auto& column : {partitions_, offsets_}) {
      if (column != nullptr && !arrow::is_integer(column->type_id()))
        return arrow::Status::Invalid("the position of rows is ", column->type()->ToString());
    }
    return arrow::Status::OK();
  }

  bool IsErased(int64_t row) const {
    if (!key_.up_to || partitions_ == nullptr || offsets_ == nullptr || partitions_->IsNull(row) ||
        offsets_->IsNull(row)) {
      return true;
    }
    auto last = key_.up_to->find(PartitionId(static_cast<int32_t>(IntegerAt(*partitions_, row))));
    return last == key_.up_to->end() || IntegerAt(*offsets_, row) <= last->second.value();
  }

 private:
  const ErasedKey& key_;
  const std::shared_ptr<arrow::Array> partitions_;
  const std::shared_ptr<arrow::Array> offsets_;
};

}  // namespace

ErasedKey ErasedKey::Of(const v1::Entity& entity, const std::string& key) {
  return {.entity = &entity, .bytes = key, .hash = KeyHash(HashedKey(key))};
}

std::vector<std::string> ColumnsToSearch(const ErasedKey& key) {
  std::vector<std::string> names;
  for (const v1::Field& column : key.entity->keys()) names.push_back(column.name());
  names.insert(names.end(), {kPartition, kOffset});
  return names;
}

bool HasKeyColumns(const arrow::Schema& table, const v1::Entity& entity) {
  return std::all_of(entity.keys().begin(), entity.keys().end(), [&](const v1::Field& key) {
    auto column = table.GetFieldByName(key.name());
    return column != nullptr && CheckKeyType(key, *column->type()).ok();
  });
}

arrow::Result<std::vector<int64_t>> FindErased(const arrow::RecordBatch& batch,
                                               const ErasedKey& key) {
  arrow::ArrayVector parts;
  for (const v1::Field& column : key.entity->keys()) {
    parts.push_back(batch.GetColumnByName(column.name()));
    if (parts.back() == nullptr) return std::vector<int64_t>();
    if (absl::Status fits = CheckKeyType(column, *parts.back()->type()); !fits.ok())
      return arrow::Status::Invalid(std::string(fits.message()));
  }
  const Positions positions(batch, key);
  ARROW_RETURN_NOT_OK(positions.Check());
  KeyReader keys(std::move(parts));
  std::vector<int64_t> rows;
  std::string bytes;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    if (keys.Encode(row, &bytes) && bytes == key.bytes && positions.IsErased(row))
      rows.push_back(row);
  }
  return rows;
}

}  // namespace forebay
