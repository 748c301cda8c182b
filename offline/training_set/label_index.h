// The labels by key and time, so that the row of a table finds those that it may answer.
//
// Labels are in slots: those of one key side by side, earliest first.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABEL_INDEX_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABEL_INDEX_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "offline/training_set/labels.h"

namespace forebay {

namespace v1 {
class Entity;
}

// The slots of a key.
struct SlotRange {
  uint32_t first = 0;
  uint32_t count = 0;  // 0: no label has the key
};

class LabelIndex {
 public:
  // Labels with a null part in their key have no slot: they match nothing.
  LabelIndex(const Labels& labels, const v1::Entity& entity);
  ~LabelIndex();
  LabelIndex(LabelIndex&&) noexcept;

  // Whether the key is one number: FindNumbers is asked then, else FindTexts.
  bool numeric() const { return numeric_; }

  // Sets ranges[i] to that of keys[i]. Any thread.
  void FindNumbers(absl::Span<const int64_t> keys, SlotRange* ranges) const;
  // Keys as KeyReader::Read gives them.
  void FindTexts(absl::Span<const std::string_view> keys, SlotRange* ranges) const;

  // Calls visit(SlotRange) for each key.
  template <typename Visit>
  void ForKeys(const Visit& visit) const {
    for (size_t key = 0; key + 1 < key_starts_.size(); ++key)
      visit(SlotRange{key_starts_[key], key_starts_[key + 1] - key_starts_[key]});
  }

  size_t keys() const { return keys_; }
  size_t slots() const { return slot_times_.size(); }
  int64_t null_keys() const { return null_keys_; }
  int64_t labels() const { return labels_; }

  // By slot: the label's time, and its row in the table of labels.
  const std::vector<int64_t>& slot_times() const { return slot_times_; }
  const std::vector<uint32_t>& slot_labels() const { return slot_labels_; }

 private:
  class Numbering;
  struct Entry {
    uint64_t hash = 0;
    SlotRange range;  // count 0: the entry is free
  };

  void PlaceLabels(const Labels& labels, const std::vector<uint32_t>& key_of_label,
                   const Numbering& numbering);

  bool numeric_;
  size_t keys_ = 0;
  int64_t labels_ = 0;
  int64_t null_keys_ = 0;
  std::vector<uint32_t> key_starts_;  // slots, in the order of the keys' numbers, and the end
  std::vector<int64_t> slot_times_;
  std::vector<uint32_t> slot_labels_;

  std::vector<Entry> entries_;  // open addressing, by hash
  uint64_t mask_ = 0;
  std::vector<std::string_view> texts_;  // by entry; empty where keys are numbers
  std::vector<std::unique_ptr<char[]>> text_bytes_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABEL_INDEX_H_
