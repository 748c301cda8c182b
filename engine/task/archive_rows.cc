#include "engine/task/archive_rows.h"

#include <arrow/api.h>

#include <vector>

#include "engine/state/key.h"

namespace forebay {
namespace {

using Buffer = std::shared_ptr<arrow::Buffer>;

// A value for each record.
template <typename T, typename ValueOf>
Buffer Values(absl::Span<const RawRecord> records, ValueOf value_of) {
  std::vector<T> values(records.size());
  for (size_t i = 0; i < records.size(); ++i) values[i] = value_of(i);
  return arrow::Buffer::FromVector(std::move(values));
}

std::shared_ptr<arrow::Array> Keys(absl::Span<const RawRecord> records) {
  std::vector<int32_t> ends(records.size() + 1);
  std::vector<uint8_t> valid((records.size() + 7) / 8);
  std::string bytes;
  int64_t nulls = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    if (records[i].key) {
      bytes.append(*records[i].key);
      valid[i / 8] |= static_cast<uint8_t>(1 << i % 8);
    } else {
      ++nulls;
    }
    ends[i + 1] = static_cast<int32_t>(bytes.size());
  }
  return std::make_shared<arrow::BinaryArray>(
      static_cast<int64_t>(records.size()), arrow::Buffer::FromVector(std::move(ends)),
      arrow::Buffer::FromString(std::move(bytes)),
      nulls == 0 ? nullptr : arrow::Buffer::FromVector(std::move(valid)), nulls);
}

int64_t HashOf(const RawRecord& record, const KeyColumn* keys, int64_t row) {
  if (keys != nullptr && keys->IsValid(row)) return KeyHash((*keys)[row]);
  return record.key ? KeyHash(HashedKey(*record.key)) : 0;
}

}  // namespace

std::shared_ptr<arrow::RecordBatch> MakeArchiveRows(const ArchivePlan& plan,
                                                    const EventBatch& batch, int64_t first,
                                                    PartitionId partition, const KeyColumn* keys) {
  auto records = absl::MakeConstSpan(batch.records).subspan(first);
  const auto rows = static_cast<int64_t>(records.size());
  arrow::ArrayVector columns;
  for (const auto& column : batch.columns->columns()) columns.push_back(column->Slice(first));
  auto add = [&](Buffer values) {
    const auto& type = plan.schema->field(static_cast<int>(columns.size()))->type();
    columns.push_back(
        arrow::MakeArray(arrow::ArrayData::Make(type, rows, {nullptr, std::move(values)}, 0)));
  };
  add(Values<int64_t>(records, [&](size_t i) { return batch.event_times[first + i].value(); }));
  add(Values<int64_t>(records, [&](size_t i) { return batch.known_times[first + i].value(); }));
  add(Values<int64_t>(records, [&](size_t i) { return records[i].timestamp; }));
  columns.push_back(Keys(records));
  add(Values<int64_t>(records, [&](size_t i) {
    return HashOf(records[i], keys, first + static_cast<int64_t>(i));
  }));
  add(Values<int32_t>(records, [&](size_t) { return partition.value(); }));
  add(Values<int64_t>(records, [&](size_t i) { return records[i].offset.value(); }));
  return arrow::RecordBatch::Make(plan.schema, rows, std::move(columns));
}

}  // namespace forebay
