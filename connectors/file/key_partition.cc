#include "connectors/file/key_partition.h"

#include <arrow/api.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "connectors/kafka/repartition_record.h"
#include "engine/state/key.h"

namespace forebay {

namespace {

bool IsKeyOfSource(const v1::Source& source, const v1::Entity& entity) {
  std::set<std::string> of_source(source.key().begin(), source.key().end()), of_entity;
  for (const v1::Field& key : entity.keys()) of_entity.insert(key.name());
  return of_source == of_entity;
}

}  // namespace

KeyPartition::KeyPartition(const TaskPlan& plan) {
  auto add = [&](const v1::Field& field) {
    *key_.add_keys() = field;
    columns_.push_back(plan.event_schema->GetFieldIndex(field.name()));
  };
  const v1::Entity* entity = plan.views.empty() ? nullptr : plan.views.front().entity;
  if (entity != nullptr && !IsKeyOfSource(*plan.source, *entity)) {
    for (const v1::Field& field : entity->keys()) add(field);
  } else {
    for (const std::string& name : plan.source->key()) {
      for (const v1::Field& field : plan.source->schema()) {
        if (field.name() == name) add(field);
      }
    }
  }
  if (!columns_.empty()) encoded_.emplace(*plan.event_schema, columns_);
}

std::vector<int32_t> KeyPartition::PartitionsOf(const arrow::RecordBatch& rows, int partitions) {
  std::vector<int32_t> result(rows.num_rows());
  if (!encoded_ || partitions == 1) return result;
  encoded_->Encode(rows);
  const bool text = IsRawTextKey(key_);
  const bool number = IsLoneIntKey(key_) && key_.keys(0).type() == v1::INT64;
  char digits[20];
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    if (!encoded_->IsValid(row)) continue;
    const std::string_view encoded = (*encoded_)[row].bytes;
    if (text) {
      result[row] = PartitionOf(encoded, partitions).value();
    } else if (number) {
      char* end = std::to_chars(digits, digits + sizeof digits, LoneIntKey(encoded)).ptr;
      result[row] = PartitionOf({digits, static_cast<size_t>(end - digits)}, partitions).value();
    } else {
      result[row] = PartitionOf(KeyText(key_, encoded_->Parts(rows, row)), partitions).value();
    }
  }
  return result;
}

std::optional<std::string> KeyPartition::TextOf(const arrow::RecordBatch& rows, int64_t row) const {
  auto is_null = [&](int column) { return rows.column(column)->IsNull(row); };
  if (!encoded_ || std::any_of(columns_.begin(), columns_.end(), is_null)) return std::nullopt;
  return KeyText(key_, encoded_->Parts(rows, row));
}

}  // namespace forebay
