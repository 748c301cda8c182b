#include "offline/compaction/row_order.h"

#include <arrow/api.h>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "offline/compaction/gather.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

bool Before(const RowRef& a, const RowRef& b) {
  return a.range != b.range ? a.range < b.range : a.place < b.place;
}

// Clears `same` of each row whose value differs from that of the row before.
void CompareWithPrevious(const arrow::Array& column, std::vector<bool>* same) {
  auto compare = [&](auto value) {
    for (int64_t i = 1; i < column.length(); ++i)
      if (value(i) != value(i - 1)) (*same)[i] = false;
  };
  switch (column.type_id()) {
    case arrow::Type::STRING: {
      const auto& texts = static_cast<const arrow::StringArray&>(column);
      return compare([&](int64_t i) { return texts.GetView(i); });
    }
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP: {
      const int64_t* numbers = column.data()->GetValues<int64_t>(1);
      return compare([&](int64_t i) { return numbers[i]; });
    }
    default:
      for (int64_t i = 1; i < column.length(); ++i)
        if (!column.RangeEquals(i - 1, i, i, column)) (*same)[i] = false;
  }
}

// Of one value of `keys`, a text that sorts and tells it from others.
std::string KeyText(const arrow::RecordBatch& keys, int64_t row) {
  std::string text;
  for (const auto& column : keys.columns()) {
    text += column->GetScalar(row).ValueOrDie()->ToString();
    text += '\0';
  }
  return text;
}

// Puts the rows from `begin` to `end` in the order of their keys.
void PartKeysOf(const arrow::RecordBatch& keys, size_t begin, size_t end,
                std::vector<RowRef>* refs) {
  std::vector<std::pair<std::string, RowRef>> rows;
  for (size_t i = begin; i < end; ++i) rows.emplace_back(KeyText(keys, i), (*refs)[i]);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = begin; i < end; ++i) (*refs)[i] = rows[i - begin].second;
}

// Where a hash has more than one key, their rows one key after the other.
absl::Status PartKeys(const RowOrder& order, const RowBatches& batches, std::vector<RowRef>* refs) {
  if (order.keys.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> keys, Gather(batches, *refs, order.keys));
  std::vector<bool> same(refs->size(), true);
  for (const auto& column : keys->columns()) CompareWithPrevious(*column, &same);
  for (size_t i = 1; i < refs->size(); ++i) {
    if (same[i] || (*refs)[i].range != (*refs)[i - 1].range) continue;
    size_t begin = i, end = i + 1;
    while (begin > 0 && (*refs)[begin - 1].range == (*refs)[i].range) --begin;
    while (end < refs->size() && (*refs)[end].range == (*refs)[i].range) ++end;
    PartKeysOf(*keys, begin, end, refs);
    i = end;
  }
  return absl::OkStatus();
}

}  // namespace

RowOrder RowOrder::Of(const arrow::Schema& schema, const arrow::Schema& table) {
  RowOrder order;
  order.range = schema.GetFieldIndex("_key_hash");
  order.place = schema.GetFieldIndex("_effective_time");
  if (order.place < 0) {
    order.range = schema.GetFieldIndex("_source_partition");
    order.place = schema.GetFieldIndex("_source_offset");
    return order;
  }
  for (int c = 0; c < schema.num_fields(); ++c) {
    auto column = table.GetFieldByName(schema.field(c)->name());
    if (column != nullptr && !column->nullable() && !column->name().starts_with('_'))
      order.keys.push_back(c);
  }
  return order;
}

void AppendRefs(const RowOrder& order, const arrow::RecordBatch& batch, uint32_t index,
                std::vector<RowRef>* refs) {
  const int64_t rows = batch.num_rows();
  const int64_t* places = batch.column_data(order.place)->GetValues<int64_t>(1);
  auto append = [&](const auto* ranges) {
    size_t next = refs->size();
    refs->resize(next + rows);
    for (int64_t i = 0; i < rows; ++i)
      (*refs)[next++] = {ranges[i], places[i], index, static_cast<uint32_t>(i)};
  };
  const arrow::ArrayData& ranges = *batch.column_data(order.range);
  if (ranges.type->id() == arrow::Type::INT32) {
    append(ranges.GetValues<int32_t>(1));
  } else {
    append(ranges.GetValues<int64_t>(1));
  }
}

// Spreads the rows over as many buckets of equal width as there are rows, nearly: hashes fill them
// evenly, and what is left to sort fits in a cache. A bucket of few values is in order as it is,
// mostly: rows of a file are in order of time.
void SortByRange(std::vector<RowRef>* refs) {
  if (std::is_sorted(refs->begin(), refs->end(), Before)) return;
  auto [least, greatest] = std::minmax_element(
      refs->begin(), refs->end(), [](const auto& a, const auto& b) { return a.range < b.range; });
  const auto base = static_cast<uint64_t>(least->range);
  const uint64_t width = static_cast<uint64_t>(greatest->range) - base;
  const int shift = std::clamp(
      static_cast<int>(std::bit_width(width)) - static_cast<int>(std::bit_width(refs->size() / 4)),
      0, 63);
  auto bucket = [&](const RowRef& ref) {
    return (static_cast<uint64_t>(ref.range) - base) >> shift;
  };
  std::vector<uint32_t> starts((width >> shift) + 2);
  for (const RowRef& ref : *refs) ++starts[bucket(ref) + 1];
  for (size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  std::vector<RowRef> sorted(refs->size());
  for (const RowRef& ref : *refs) sorted[starts[bucket(ref)]++] = ref;
  uint32_t begin = 0;
  for (uint32_t end : starts) {
    auto first = sorted.begin() + begin;
    auto last = sorted.begin() + end;
    if (!std::is_sorted(first, last, Before)) std::stable_sort(first, last, Before);
    begin = std::max(begin, end);
  }
  *refs = std::move(sorted);
}

absl::Status SortRefs(const RowOrder& order, const RowBatches& batches, std::vector<RowRef>* refs) {
  if (refs->size() < 2) return absl::OkStatus();
  SortByRange(refs);
  return PartKeys(order, batches, refs);
}

}  // namespace forebay
