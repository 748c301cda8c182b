#include "offline/training_set/horizon_label.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/key_column.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// Calls `take` with each row's number and key; null: a part of it is null.
template <typename Take>
void ForKeys(const arrow::Table& table, const std::vector<const v1::Field*>& keys, Take take) {
  arrow::TableBatchReader batches(table);
  std::shared_ptr<arrow::RecordBatch> batch;
  int64_t number = 0;
  while (batches.ReadNext(&batch).ok() && batch != nullptr) {
    arrow::ArrayVector parts;
    for (const v1::Field* key : keys) parts.push_back(batch->GetColumnByName(key->name()));
    KeyReader reader(std::move(parts));
    std::string_view key;
    for (int64_t row = 0; row < batch->num_rows(); ++row, ++number)
      take(number, reader.Read(row, &key) ? &key : nullptr);
  }
}

// When things happened to each key, in order.
class Happenings {
 public:
  Happenings(const Labels& table, const std::vector<const v1::Field*>& keys) {
    ForKeys(*table.table, keys, [&](int64_t row, const std::string_view* key) {
      if (key != nullptr) times_[std::string(*key)].push_back(table.times[row]);
    });
    for (auto& [key, times] : times_) std::sort(times.begin(), times.end());
  }

  // After `from`, up to `to`.
  bool Any(std::string_view key, KnownTime from, KnownTime to) const {
    auto found = times_.find(absl::string_view(key.data(), key.size()));
    if (found == times_.end()) return false;
    auto next = std::upper_bound(found->second.begin(), found->second.end(), from);
    return next != found->second.end() && *next <= to;
  }

 private:
  absl::flat_hash_map<std::string, std::vector<KnownTime>> times_;
};

// Whether a time column has whole numbers, as text or not.
bool HoldsNumbers(const arrow::ChunkedArray* column) {
  if (column == nullptr) return false;
  if (!IsText(column->type()->id())) return IsInteger(column->type()->id());
  for (const auto& chunk : column->chunks()) {
    if (chunk->length() == 0 || chunk->IsNull(0)) continue;
    return ParseWholeNumber(TextAt(*chunk, 0)).has_value();
  }
  return false;
}

absl::StatusOr<std::vector<const v1::Field*>> SharedKeys(
    const HorizonLabel& label, const arrow::Table& table,
    const std::vector<const v1::Field*>& keys) {
  std::vector<const v1::Field*> shared;
  std::string names;
  for (const v1::Field* key : keys) {
    names += (names.empty() ? "" : ", ") + key->name();
    if (table.schema()->GetFieldIndex(key->name()) >= 0) shared.push_back(key);
  }
  if (!shared.empty()) return shared;
  return absl::InvalidArgumentError(
      fmt::format("--label {}: {} has none of the keys of these features: {}; there must be one to "
                  "match its rows by",
                  label.name, label.source.path, names));
}

}  // namespace

absl::StatusOr<HorizonLabelCounts> AddHorizonLabel(const HorizonLabel& label,
                                                   const std::vector<const v1::Field*>& keys,
                                                   v1::TimeEncoding unit, Labels* labels) {
  if (labels->table->schema()->GetFieldIndex(label.name) >= 0) {
    return absl::InvalidArgumentError(
        fmt::format("--label {}: the labels have a column of that name already", label.name));
  }
  ASSIGN_OR_RETURN(LabelsInput input, ReadLabelsFile(label.source, label.time_column, keys));
  ASSIGN_OR_RETURN(std::vector<const v1::Field*> shared, SharedKeys(label, *input.table, keys));
  if (!HoldsNumbers(input.table->GetColumnByName(label.time_column).get()))
    unit = v1::TIME_ENCODING_UNSPECIFIED;
  ASSIGN_OR_RETURN(Labels table, LabelsOf(std::move(input), label.time_column, unit, shared));
  HorizonLabelCounts counts{.until_us = INT64_MIN};
  for (KnownTime time : table.times) counts.until_us = std::max(counts.until_us, time.value());
  if (label.until_us) counts.until_us = *label.until_us;

  const Happenings happenings(table, shared);
  arrow::BooleanBuilder values;
  arrow::Status status = values.Reserve(labels->table->num_rows());
  if (!status.ok()) return absl::ResourceExhaustedError(status.message());
  ForKeys(*labels->table, shared, [&](int64_t row, const std::string_view* key) {
    const KnownTime from = labels->times[row];
    const KnownTime to(from.value() + label.within_us);
    if (key == nullptr || to.value() > counts.until_us) {
      ++counts.unknown;
      values.UnsafeAppendNull();
      return;
    }
    const bool yes = happenings.Any(*key, from, to);
    ++(yes ? counts.yes : counts.no);
    values.UnsafeAppend(yes);
  });
  auto column = values.Finish();
  if (!column.ok()) return absl::InternalError(column.status().ToString());
  auto added = labels->table->AddColumn(labels->table->num_columns(),
                                        arrow::field(label.name, arrow::boolean()),
                                        std::make_shared<arrow::ChunkedArray>(*column));
  if (!added.ok()) return absl::InternalError(added.status().ToString());
  labels->table = *std::move(added);
  for (InputFile& file : table.files) labels->files.push_back(std::move(file));
  return counts;
}

}  // namespace forebay
