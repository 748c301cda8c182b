#include "offline/training_set/label_index.h"

#include <arrow/api.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "absl/container/flat_hash_set.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "offline/training_set/join_threads.h"
#include "offline/training_set/key_column.h"
#include "schemas/types/prefetch.h"

namespace forebay {
namespace {

constexpr size_t kLookedUpAtOnce = 256;
constexpr size_t kTextBlock = size_t{1} << 18;
constexpr int64_t kChunkLabels = 64 * 1024;

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

// Texts that stay where they are.
class TextBlocks {
 public:
  std::string_view Copy(std::string_view text) {
    if (text.size() > left_) {
      left_ = std::max(text.size(), kTextBlock);
      blocks_.push_back(std::make_unique<char[]>(left_));
      next_ = blocks_.back().get();
    }
    if (text.empty()) return "";
    std::memcpy(next_, text.data(), text.size());
    std::string_view copy(next_, text.size());
    next_ += text.size();
    left_ -= text.size();
    return copy;
  }
  std::vector<std::unique_ptr<char[]>> Take() { return std::move(blocks_); }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace

std::optional<std::vector<int64_t>> HashesOfKeys(const Labels& labels, const v1::Entity& entity,
                                                 size_t most) {
  absl::flat_hash_set<int64_t> hashes;
  arrow::TableBatchReader batches(*labels.table);
  std::shared_ptr<arrow::RecordBatch> batch;
  while (batches.ReadNext(&batch).ok() && batch != nullptr) {
    std::vector<std::shared_ptr<arrow::Array>> parts;
    for (const v1::Field& key : entity.keys()) parts.push_back(batch->GetColumnByName(key.name()));
    KeyReader reader(std::move(parts));
    std::string key;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      if (!reader.Encode(row, &key)) continue;
      hashes.insert(KeyHash(HashedKey(key)));
      if (hashes.size() > most) return std::nullopt;
    }
  }
  std::vector<int64_t> sorted(hashes.begin(), hashes.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

bool AnyWithin(const std::vector<int64_t>& hashes, int64_t least, int64_t greatest) {
  auto next = std::lower_bound(hashes.begin(), hashes.end(), least);
  return next != hashes.end() && *next <= greatest;
}

LabelIndex::LabelIndex(const Labels& labels, const v1::Entity& entity, JoinThreads& threads)
    : numeric_(IsLoneIntKey(entity)), labels_(labels.times.size()) {
  struct Chunk {
    int64_t first = 0;
    std::shared_ptr<arrow::RecordBatch> rows;
    int64_t null_keys = 0;
    std::array<std::vector<Keyed>, size_t{1} << kPartitionBits> keyed;
  };
  std::vector<Chunk> chunks;
  arrow::TableBatchReader batches(*labels.table);
  batches.set_chunksize(kChunkLabels);
  std::shared_ptr<arrow::RecordBatch> batch;
  for (int64_t first = 0; batches.ReadNext(&batch).ok() && batch != nullptr;) {
    chunks.push_back({.first = first, .rows = batch, .keyed = {}});
    first += batch->num_rows();
  }
  std::vector<std::string_view> texts(numeric_ ? 0 : labels_);
  text_bytes_.resize(chunks.size());
  threads.For(chunks.size(), [&](size_t c) {
    Chunk& chunk = chunks[c];
    std::vector<std::shared_ptr<arrow::Array>> parts;
    for (const v1::Field& key : entity.keys())
      parts.push_back(chunk.rows->GetColumnByName(key.name()));
    KeyReader reader(std::move(parts));
    TextBlocks copies;
    std::string_view key;
    for (int64_t row = 0; row < chunk.rows->num_rows(); ++row) {
      if (!reader.Read(row, &key)) {
        ++chunk.null_keys;
        continue;
      }
      const auto label = static_cast<uint32_t>(chunk.first + row);
      const uint64_t hash = numeric_ ? HashOf(NumberIn(key)) : HashOf(key);
      if (!numeric_) texts[label] = IsRawTextKey(entity) ? key : copies.Copy(key);
      chunk.keyed[PartitionOf(hash)].push_back({hash, labels.times[label].value(), label});
    }
    text_bytes_[c] = copies.Take();
  });

  partitions_.resize(size_t{1} << kPartitionBits);
  uint32_t slots = 0;
  for (const Chunk& chunk : chunks) null_keys_ += chunk.null_keys;
  for (size_t p = 0; p < partitions_.size(); ++p) {
    partitions_[p].first_slot = slots;
    for (const Chunk& chunk : chunks) slots += chunk.keyed[p].size();
  }
  slot_times_.resize(slots);
  slot_labels_.resize(slots);
  continues_.resize(slots);
  threads.For(partitions_.size(), [&](size_t p) {
    std::vector<Keyed> keyed;
    for (Chunk& chunk : chunks) {
      keyed.insert(keyed.end(), chunk.keyed[p].begin(), chunk.keyed[p].end());
      chunk.keyed[p] = {};
    }
    Build(p, keyed, texts);
  });
}

LabelIndex::StoredText::StoredText(std::string_view text)
    : size_(static_cast<uint32_t>(text.size())) {
  if (text.size() <= kInside) {
    if (!text.empty()) std::memcpy(bytes_, text.data(), text.size());
    return;
  }
  const char* address = text.data();
  std::memcpy(bytes_, address, 4);
  std::memcpy(bytes_ + 4, &address, sizeof address);
}

bool LabelIndex::StoredText::Is(std::string_view text) const {
  if (size_ != text.size()) return false;
  if (size_ > kInside) {
    if (std::memcmp(bytes_, text.data(), 4) != 0) return false;
    const char* address = nullptr;
    std::memcpy(&address, bytes_ + 4, sizeof address);
    return std::memcmp(address, text.data(), size_) == 0;
  }
  // Two words that overlap, or the few bytes.
  auto same = [&]<typename Word>(Word) {
    auto at = [](const char* bytes) {
      Word word;
      std::memcpy(&word, bytes, sizeof word);
      return word;
    };
    const size_t last = size_ - sizeof(Word);
    return at(bytes_) == at(text.data()) && at(bytes_ + last) == at(text.data() + last);
  };
  if (size_ >= 8) return same(uint64_t{});
  if (size_ >= 4) return same(uint32_t{});
  for (size_t i = 0; i < size_; ++i) {
    if (bytes_[i] != text[i]) return false;
  }
  return true;
}

// The partition's slots and its table of keys: keys are numbered as they come, labels go to their
// key by a counting sort, and the few of each key are sorted by time.
void LabelIndex::Build(size_t number, const std::vector<Keyed>& labels,
                       const std::vector<std::string_view>& text_of_label) {
  struct Key {
    uint64_t hash;
    StoredText text;
    SlotRange range;
  };
  Partition& partition = partitions_[number];
  std::vector<Key> keys;
  std::vector<uint32_t> table(256, UINT32_MAX);  // numbers of keys, by hash
  auto place_of = [&](uint64_t hash, const auto& is_it) {
    size_t place = hash & (table.size() - 1);
    while (table[place] != UINT32_MAX && !is_it(keys[table[place]]))
      place = (place + 1) & (table.size() - 1);
    return place;
  };
  std::vector<uint32_t> key_of(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    const Keyed& label = labels[i];
    const size_t place = place_of(label.hash, [&](const Key& key) {
      return key.hash == label.hash && (numeric_ || key.text.Is(text_of_label[label.label]));
    });
    if (table[place] == UINT32_MAX) {
      table[place] = keys.size();
      keys.push_back(
          {label.hash, numeric_ ? StoredText() : StoredText(text_of_label[label.label]), {}});
    }
    key_of[i] = table[place];
    ++keys[key_of[i]].range.count;
    if (keys.size() * 2 <= table.size()) continue;
    table.assign(table.size() * 2, UINT32_MAX);
    for (uint32_t k = 0; k < keys.size(); ++k)
      table[place_of(keys[k].hash, [](const Key&) { return false; })] = k;
  }

  uint32_t next = partition.first_slot;
  for (Key& key : keys) {
    key.range.first = next;
    next += key.range.count;
    key.range.count = 0;
  }
  std::vector<std::pair<int64_t, uint32_t>> slots(labels.size());  // time, label
  for (size_t i = 0; i < labels.size(); ++i) {
    SlotRange& range = keys[key_of[i]].range;
    slots[range.first + range.count++ - partition.first_slot] = {labels[i].time, labels[i].label};
  }
  for (const Key& key : keys) {
    auto begin = slots.begin() + (key.range.first - partition.first_slot);
    std::sort(begin, begin + key.range.count);
    for (uint32_t i = 0; i < key.range.count; ++i) {
      slot_times_[key.range.first + i] = begin[i].first;
      slot_labels_[key.range.first + i] = begin[i].second;
      continues_[key.range.first + i] = i > 0 ? 1 : 0;
    }
  }

  partition.entries.resize(std::bit_ceil(keys.size() * 2 + 1));
  partition.mask = partition.entries.size() - 1;
  if (!numeric_) partition.texts.resize(partition.entries.size());
  for (const Key& key : keys) {
    size_t place = key.hash & partition.mask;
    while (partition.entries[place].range.count > 0) place = (place + 1) & partition.mask;
    partition.entries[place] = {key.hash, key.range};
    if (!numeric_) partition.texts[place] = key.text;
  }
}

template <typename Key>
void LabelIndex::Find(absl::Span<const Key> keys, SlotRange* ranges) const {
  constexpr bool kTexts = std::is_same_v<Key, std::string_view>;
  uint64_t hashes[kLookedUpAtOnce];
  for (size_t first = 0; first < keys.size(); first += kLookedUpAtOnce) {
    const size_t count = std::min(kLookedUpAtOnce, keys.size() - first);
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = HashOf(keys[first + i]);
      const Partition& partition = PartitionFor(hashes[i]);
      Prefetch(&partition.entries[hashes[i] & partition.mask]);
      if constexpr (kTexts) Prefetch(&partition.texts[hashes[i] & partition.mask]);
    }
    for (size_t i = 0; i < count; ++i) {
      const Partition& partition = PartitionFor(hashes[i]);
      const std::vector<Entry>& entries = partition.entries;
      auto is_other = [&](size_t place) {
        if (entries[place].hash != hashes[i]) return true;
        if constexpr (kTexts) return !partition.texts[place].Is(keys[first + i]);
        return false;
      };
      size_t place = hashes[i] & partition.mask;
      while (entries[place].range.count > 0 && is_other(place))
        place = (place + 1) & partition.mask;
      ranges[first + i] = entries[place].range;
    }
  }
}

void LabelIndex::FindNumbers(absl::Span<const int64_t> keys, SlotRange* ranges) const {
  Find(keys, ranges);
}

void LabelIndex::FindTexts(absl::Span<const std::string_view> keys, SlotRange* ranges) const {
  Find(keys, ranges);
}

void LabelIndex::ForSlots(JoinThreads& threads,
                          absl::FunctionRef<void(uint32_t first, uint32_t end)> visit) const {
  threads.For(partitions_.size(), [&](size_t p) {
    visit(partitions_[p].first_slot,
          p + 1 < partitions_.size() ? partitions_[p + 1].first_slot : slots());
  });
}

}  // namespace forebay
