// The labels by key and time, so that the row of a table finds those that it may answer.
//
// Labels are in slots: those of one key side by side, earliest first. They are parted by the hash
// of their key, and each partition is sorted by (hash, time) and has a hash table of its keys, so
// that several threads build the index, in the caches (the radix partitioning of main-memory joins:
// Manegold, Boncz, Kersten, "Optimizing main-memory join on modern hardware", TKDE 2002).
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABEL_INDEX_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABEL_INDEX_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "offline/training_set/labels.h"

namespace forebay {

class JoinThreads;

namespace v1 {
class Entity;
}

// The hashes of the labels' keys as column _key_hash has them, ascending; nullopt: the labels have
// more than `most` keys.
std::optional<std::vector<int64_t>> HashesOfKeys(const Labels& labels, const v1::Entity& entity,
                                                 size_t most);

// Whether one of `hashes`, ascending, is from `least` to `greatest`.
bool AnyWithin(const std::vector<int64_t>& hashes, int64_t least, int64_t greatest);

// The slots of a key.
struct SlotRange {
  uint32_t first = 0;
  uint32_t count = 0;  // 0: no label has the key
};

class LabelIndex {
 public:
  // Labels with a null part in their key have no slot: they match nothing. The table of `labels`
  // must outlive this.
  LabelIndex(const Labels& labels, const v1::Entity& entity, JoinThreads& threads);

  // Whether the key is one number: FindNumbers is asked then, else FindTexts.
  bool numeric() const { return numeric_; }

  // Sets ranges[i] to that of keys[i]. Any thread.
  void FindNumbers(absl::Span<const int64_t> keys, SlotRange* ranges) const;
  // Keys as KeyReader::Read gives them.
  void FindTexts(absl::Span<const std::string_view> keys, SlotRange* ranges) const;

  // Calls visit(first, end) for the slots of several keys at a time, on several threads.
  void ForSlots(JoinThreads& threads,
                absl::FunctionRef<void(uint32_t first, uint32_t end)> visit) const;
  // Whether the slot has the key of the one before it.
  bool continues(uint32_t slot) const { return continues_[slot] != 0; }

  size_t slots() const { return slot_times_.size(); }
  int64_t null_keys() const { return null_keys_; }
  int64_t labels() const { return labels_; }

  // By slot: the label's time, and its row in the table of labels.
  const std::vector<int64_t>& slot_times() const { return slot_times_; }
  const std::vector<uint32_t>& slot_labels() const { return slot_labels_; }

 private:
  static constexpr int kPartitionBits = 6;
  struct Entry {
    uint64_t hash = 0;
    SlotRange range;  // count 0: the entry is free
  };
  // A text, with its bytes in it where they are few, so that comparing it touches no other memory
  // (as in Umbra: Neumann, Freitag, "Umbra: a disk-based system with in-memory performance", CIDR
  // 2020).
  class StoredText {
   public:
    StoredText() = default;
    explicit StoredText(std::string_view text);  // kept by reference where it is long
    bool Is(std::string_view text) const;

   private:
    static constexpr size_t kInside = 12;
    uint32_t size_ = 0;
    char bytes_[kInside] = {};  // of a longer text its first four, and its address
  };
  // The keys whose hash begins with the partition's number.
  struct Partition {
    uint32_t first_slot = 0;
    uint64_t mask = 0;
    std::vector<Entry> entries;     // open addressing, by hash & mask
    std::vector<StoredText> texts;  // by entry; empty where keys are numbers
  };
  // A label that has a key.
  struct Keyed {
    uint64_t hash;
    int64_t time;
    uint32_t label;
  };

  void Build(size_t partition, const std::vector<Keyed>& labels,
             const std::vector<std::string_view>& text_of_label);
  template <typename Key>
  void Find(absl::Span<const Key> keys, SlotRange* ranges) const;
  static size_t PartitionOf(uint64_t hash) { return hash >> (64 - kPartitionBits); }
  const Partition& PartitionFor(uint64_t hash) const { return partitions_[PartitionOf(hash)]; }

  bool numeric_;
  int64_t labels_ = 0;
  int64_t null_keys_ = 0;
  std::vector<Partition> partitions_;
  std::vector<int64_t> slot_times_;
  std::vector<uint32_t> slot_labels_;
  std::vector<uint8_t> continues_;
  std::vector<std::vector<std::unique_ptr<char[]>>> text_bytes_;  // of composite keys
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABEL_INDEX_H_
