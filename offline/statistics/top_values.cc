#include "offline/statistics/top_values.h"

#include <algorithm>
#include <functional>

#include "forebay/v1/statistics.pb.h"

namespace forebay {

// Takes the count of the first value that has no room from all counts.
void TopValues::Cut() {
  if (counts_.size() <= kMost) return;
  std::vector<int64_t> counts;
  for (const auto& [value, count] : counts_) counts.push_back(count);
  std::ranges::nth_element(counts, counts.begin() + kMost, std::greater());
  const int64_t taken = counts[kMost];
  absl::erase_if(counts_, [&](auto& entry) { return (entry.second -= taken) <= 0; });
  error_ += taken;
}

void TopValues::Add(std::string_view value) {
  ++counts_.try_emplace(value, 0).first->second;
  if (counts_.size() > 2 * kMost) Cut();
}

void TopValues::Merge(const TopValues& other) {
  error_ += other.error_;
  for (const auto& [value, count] : other.counts_) counts_[value] += count;
  if (counts_.size() > 2 * kMost) Cut();
}

std::vector<TopValues::Entry> TopValues::Entries() const {
  TopValues cut = *this;
  cut.Cut();
  std::vector<Entry> entries;
  for (const auto& [value, count] : cut.counts_) entries.push_back({value, count});
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  });
  return entries;
}

int64_t TopValues::error() const {
  TopValues cut = *this;
  cut.Cut();
  return cut.error_;
}

void TopValues::Write(v1::TopValues* to) const {
  for (const Entry& entry : Entries()) {
    to->add_values(entry.value);
    to->add_counts(entry.count);
  }
  to->set_error(error());
}

bool TopValues::Read(const v1::TopValues& from) {
  if (from.values_size() != from.counts_size()) return false;
  for (int i = 0; i < from.values_size(); ++i) counts_[from.values(i)] = from.counts(i);
  error_ = from.error();
  return true;
}

}  // namespace forebay
