#include "connectors/dead_letter/dead_letter_digest.h"

#include <algorithm>
#include <utility>

namespace forebay {

void DeadLetterDigest::Add(PartitionId partition, DeadLetter letter) {
  ++counts_[DeadLetterKind::Of(letter)];
  std::deque<DeadLetter>& last = last_[partition];
  last.push_front(std::move(letter));
  if (last.size() > newest_) last.pop_back();
}

std::vector<DeadLetter> DeadLetterDigest::Newest() const {
  std::vector<DeadLetter> newest;
  for (const auto& [partition, last] : last_) {
    newest.insert(newest.end(), last.begin(), last.end());
  }
  if (last_.size() > 1) {
    std::stable_sort(newest.begin(), newest.end(), [](const DeadLetter& a, const DeadLetter& b) {
      return a.timestamp > b.timestamp;
    });
  }
  if (newest.size() > newest_) newest.resize(newest_);
  return newest;
}

}  // namespace forebay
