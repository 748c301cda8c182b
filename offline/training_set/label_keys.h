// The distinct keys of the labels, numbered, with the labels of each key in order of time.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABEL_KEYS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABEL_KEYS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "offline/training_set/labels.h"

namespace forebay {

namespace v1 {
class Entity;
}

class LabelKeys {
 public:
  // Labels with a null part in their key have no number: they match nothing.
  LabelKeys(const Labels& labels, const v1::Entity& entity);

  std::optional<uint32_t> Find(std::string_view key) const {
    auto it = numbers_.find(key);
    if (it == numbers_.end()) return std::nullopt;
    return it->second;
  }

  size_t size() const { return numbers_.size(); }
  int64_t null_keys() const { return null_keys_; }

  // Label rows with key `number`, earliest first.
  absl::Span<const uint32_t> LabelsOf(uint32_t number) const {
    return absl::MakeConstSpan(rows_).subspan(starts_[number],
                                              starts_[number + 1] - starts_[number]);
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return absl::Hash<std::string_view>{}(key); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  };

  absl::flat_hash_map<std::string, uint32_t, Hash, Equal> numbers_;
  std::vector<uint32_t> starts_;  // by number, and the end
  std::vector<uint32_t> rows_;    // by number, then time
  int64_t null_keys_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABEL_KEYS_H_
