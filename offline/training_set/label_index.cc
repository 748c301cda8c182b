#include "offline/training_set/label_index.h"

#include <arrow/api.h>

#include <algorithm>
#include <bit>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "offline/training_set/key_column.h"
#include "schemas/types/prefetch.h"

namespace forebay {
namespace {

constexpr uint32_t kNoKey = UINT32_MAX;
constexpr size_t kLookedUpAtOnce = 256;
constexpr size_t kTextBlock = size_t{1} << 20;

// One to one (the finalizer of MurmurHash3), so that equal hashes are equal numbers.
uint64_t HashOf(int64_t number) {
  auto x = static_cast<uint64_t>(number);
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

uint64_t HashOf(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

int64_t NumberIn(std::string_view key) {
  int64_t number = 0;
  std::memcpy(&number, key.data(), sizeof number);
  return number;
}

}  // namespace

// Keys to numbers from 0 on, in the order in which they come.
class LabelIndex::Numbering {
 public:
  explicit Numbering(bool numeric) : numeric_(numeric), table_(1024, kNoKey) {}

  uint32_t NumberOf(std::string_view key) {
    const uint64_t hash = numeric_ ? HashOf(NumberIn(key)) : HashOf(key);
    size_t place = hash & (table_.size() - 1);
    for (; table_[place] != kNoKey; place = (place + 1) & (table_.size() - 1)) {
      const uint32_t number = table_[place];
      if (hashes_[number] == hash && (numeric_ || texts_[number] == key)) return number;
    }
    const auto number = static_cast<uint32_t>(hashes_.size());
    table_[place] = number;
    hashes_.push_back(hash);
    if (!numeric_) texts_.push_back(Copy(key));
    if (hashes_.size() * 2 > table_.size()) Grow();
    return number;
  }

  const std::vector<uint64_t>& hashes() const { return hashes_; }
  const std::vector<std::string_view>& texts() const { return texts_; }
  std::vector<std::unique_ptr<char[]>> TakeBytes() { return std::move(blocks_); }

 private:
  std::string_view Copy(std::string_view key) {
    if (key.size() > left_) {
      left_ = std::max(key.size(), kTextBlock);
      blocks_.push_back(std::make_unique<char[]>(left_));
      next_ = blocks_.back().get();
    }
    if (!key.empty()) std::memcpy(next_, key.data(), key.size());
    std::string_view copy(next_, key.size());
    next_ += key.size();
    left_ -= key.size();
    return copy;
  }

  void Grow() {
    table_.assign(table_.size() * 2, kNoKey);
    for (uint32_t number = 0; number < hashes_.size(); ++number) {
      size_t place = hashes_[number] & (table_.size() - 1);
      while (table_[place] != kNoKey) place = (place + 1) & (table_.size() - 1);
      table_[place] = number;
    }
  }

  const bool numeric_;
  std::vector<uint32_t> table_;  // numbers
  std::vector<uint64_t> hashes_;
  std::vector<std::string_view> texts_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

LabelIndex::~LabelIndex() = default;
LabelIndex::LabelIndex(LabelIndex&&) noexcept = default;

LabelIndex::LabelIndex(const Labels& labels, const v1::Entity& entity)
    : numeric_(IsLoneIntKey(entity)), labels_(labels.times.size()) {
  Numbering numbering(numeric_);
  std::vector<uint32_t> key_of_label;
  key_of_label.reserve(labels.times.size());
  arrow::TableBatchReader batches(*labels.table);
  std::shared_ptr<arrow::RecordBatch> batch;
  while (batches.ReadNext(&batch).ok() && batch != nullptr) {
    std::vector<std::shared_ptr<arrow::Array>> parts;
    for (const v1::Field& key : entity.keys()) parts.push_back(batch->GetColumnByName(key.name()));
    KeyReader reader(std::move(parts));
    std::string_view key;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      const bool whole = reader.Read(row, &key);
      key_of_label.push_back(whole ? numbering.NumberOf(key) : kNoKey);
      if (!whole) ++null_keys_;
    }
  }
  keys_ = numbering.hashes().size();
  PlaceLabels(labels, key_of_label, numbering);
  text_bytes_ = numbering.TakeBytes();
}

// A counting sort by key, then the few labels of each key by time.
void LabelIndex::PlaceLabels(const Labels& labels, const std::vector<uint32_t>& key_of_label,
                             const Numbering& numbering) {
  std::vector<uint32_t> starts(keys_ + 1, 0);
  for (uint32_t key : key_of_label) {
    if (key != kNoKey) ++starts[key + 1];
  }
  for (size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  slot_times_.resize(starts.back());
  slot_labels_.resize(starts.back());
  std::vector<uint32_t> next(starts.begin(), starts.end() - 1);
  for (uint32_t label = 0; label < key_of_label.size(); ++label) {
    if (key_of_label[label] != kNoKey) slot_labels_[next[key_of_label[label]]++] = label;
  }
  auto earlier = [&](uint32_t a, uint32_t b) {
    return labels.times[a] != labels.times[b] ? labels.times[a] < labels.times[b] : a < b;
  };

  entries_.resize(std::bit_ceil(keys_ * 2 + 1));
  mask_ = entries_.size() - 1;
  if (!numeric_) texts_.resize(entries_.size());
  for (size_t key = 0; key < keys_; ++key) {
    auto begin = slot_labels_.begin() + starts[key];
    auto end = slot_labels_.begin() + starts[key + 1];
    if (!std::is_sorted(begin, end, earlier)) std::sort(begin, end, earlier);
    const uint64_t hash = numbering.hashes()[key];
    size_t place = hash & mask_;
    while (entries_[place].range.count > 0) place = (place + 1) & mask_;
    entries_[place] = {hash, {starts[key], starts[key + 1] - starts[key]}};
    if (!numeric_) texts_[place] = numbering.texts()[key];
  }
  for (size_t slot = 0; slot < slot_labels_.size(); ++slot)
    slot_times_[slot] = labels.times[slot_labels_[slot]].value();
  key_starts_ = std::move(starts);
}

void LabelIndex::FindNumbers(absl::Span<const int64_t> keys, SlotRange* ranges) const {
  uint64_t hashes[kLookedUpAtOnce];
  for (size_t first = 0; first < keys.size(); first += kLookedUpAtOnce) {
    const size_t count = std::min(kLookedUpAtOnce, keys.size() - first);
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = HashOf(keys[first + i]);
      Prefetch(&entries_[hashes[i] & mask_]);
    }
    for (size_t i = 0; i < count; ++i) {
      size_t place = hashes[i] & mask_;
      while (entries_[place].hash != hashes[i] && entries_[place].range.count > 0)
        place = (place + 1) & mask_;
      ranges[first + i] = entries_[place].range;
    }
  }
}

void LabelIndex::FindTexts(absl::Span<const std::string_view> keys, SlotRange* ranges) const {
  uint64_t hashes[kLookedUpAtOnce];
  for (size_t first = 0; first < keys.size(); first += kLookedUpAtOnce) {
    const size_t count = std::min(kLookedUpAtOnce, keys.size() - first);
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = HashOf(keys[first + i]);
      Prefetch(&entries_[hashes[i] & mask_]);
      Prefetch(&texts_[hashes[i] & mask_]);
    }
    for (size_t i = 0; i < count; ++i) {
      size_t place = hashes[i] & mask_;
      while (entries_[place].range.count > 0 &&
             (entries_[place].hash != hashes[i] || texts_[place] != keys[first + i]))
        place = (place + 1) & mask_;
      ranges[first + i] = entries_[place].range;
    }
  }
}

}  // namespace forebay
