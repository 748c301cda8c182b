#include "offline/training_set/label_keys.h"

#include <arrow/api.h>

#include <algorithm>

#include "forebay/v1/definition.pb.h"
#include "offline/training_set/key_column.h"

namespace forebay {
namespace {

constexpr uint32_t kNoKey = UINT32_MAX;

}  // namespace

LabelKeys::LabelKeys(const Labels& labels, const v1::Entity& entity) {
  std::vector<std::string> names;
  for (const v1::Field& key : entity.keys()) names.push_back(key.name());
  std::vector<uint32_t> number_of_row;
  number_of_row.reserve(labels.times.size());
  arrow::TableBatchReader batches(*labels.table);
  std::shared_ptr<arrow::RecordBatch> batch;
  while (batches.ReadNext(&batch).ok() && batch != nullptr) {
    std::vector<std::shared_ptr<arrow::Array>> parts;
    for (const std::string& name : names) parts.push_back(batch->GetColumnByName(name));
    KeyReader reader(std::move(parts));
    std::string_view key;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      if (!reader.Read(row, &key)) {
        number_of_row.push_back(kNoKey);
        ++null_keys_;
        continue;
      }
      number_of_row.push_back(numbers_.try_emplace(key, numbers_.size()).first->second);
    }
  }

  // A counting sort by number, then the few labels of each key by time.
  starts_.assign(numbers_.size() + 1, 0);
  for (uint32_t number : number_of_row) {
    if (number != kNoKey) ++starts_[number + 1];
  }
  for (size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  rows_.resize(starts_.back());
  std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
  for (uint32_t row = 0; row < number_of_row.size(); ++row) {
    if (number_of_row[row] != kNoKey) rows_[next[number_of_row[row]]++] = row;
  }
  auto earlier = [&](uint32_t a, uint32_t b) { return labels.times[a] < labels.times[b]; };
  for (size_t number = 0; number < numbers_.size(); ++number) {
    auto begin = rows_.begin() + starts_[number];
    auto end = rows_.begin() + starts_[number + 1];
    if (!std::is_sorted(begin, end, earlier)) std::stable_sort(begin, end, earlier);
  }
}

}  // namespace forebay
