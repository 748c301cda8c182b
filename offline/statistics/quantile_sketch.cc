#include "offline/statistics/quantile_sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "forebay/v1/statistics.pb.h"

namespace forebay {
namespace {

constexpr double kGamma =
    (1 + QuantileSketch::kRelativeError) / (1 - QuantileSketch::kRelativeError);
const double kLogGamma = std::log(kGamma);
const double kPerLog = 1 / kLogGamma;
// Of the indexes of all magnitudes that a double has: those of the least and the greatest are about
// -37,224 and 35,488.
constexpr int kMostIndex = 40'000;
constexpr int64_t kInfiniteKey = 2 * kMostIndex + 1;

int IndexOf(double magnitude) { return static_cast<int>(std::ceil(std::log(magnitude) * kPerLog)); }

// At the same relative distance from both ends.
double ValueOf(int index) {
  return std::min(std::exp(index * kLogGamma + std::log(2 / (1 + kGamma))),
                  std::numeric_limits<double>::max());
}

int64_t KeyOf(int index) { return int64_t{index} + kMostIndex; }

}  // namespace

void QuantileSketch::Counts::Add(int index, int64_t count) {
  if (index >= first_ && index - first_ < std::ssize(counts_)) {
    counts_[index - first_] += count;
    return;
  }
  if (counts_.empty()) first_ = index;
  const int end = std::max(first_ + static_cast<int>(counts_.size()), index + 1);
  const int begin = std::max(std::min(first_, index), end - static_cast<int>(kMostBuckets));
  if (begin > first_) {
    const auto gone = counts_.begin() + std::min<int64_t>(begin - first_, std::ssize(counts_));
    const int64_t below = std::accumulate(counts_.begin(), gone, int64_t{0});
    counts_.erase(counts_.begin(), gone);
    counts_.resize(end - begin);
    counts_[0] += below;
  } else {
    counts_.insert(counts_.begin(), first_ - begin, 0);
    counts_.resize(end - begin);
  }
  first_ = begin;
  counts_[std::max(index, begin) - begin] += count;
}

void QuantileSketch::Counts::Merge(const Counts& other) {
  for (size_t i = other.counts_.size(); i-- > 0;) {  // the largest first, which settle the end
    if (other.counts_[i] > 0) Add(other.first_ + static_cast<int>(i), other.counts_[i]);
  }
}

void QuantileSketch::Counts::Write(v1::BucketCounts* to) const {
  to->set_first(first_);
  to->mutable_counts()->Add(counts_.begin(), counts_.end());
}

bool QuantileSketch::Counts::Read(const v1::BucketCounts& from) {
  first_ = from.first();
  counts_.assign(from.counts().begin(), from.counts().end());
  return counts_.size() <= kMostBuckets && std::abs(int64_t{first_}) <= kMostIndex &&
         std::ranges::all_of(counts_, [](int64_t count) { return count >= 0; });
}

void QuantileSketch::Add(double value) {
  ++count_;
  if (value == 0) {
    ++zeros_;
  } else if (std::isinf(value)) {
    ++(value > 0 ? positive_infinite_ : negative_infinite_);
  } else if (value > 0) {
    positive_.Add(IndexOf(value), 1);
  } else {
    negative_.Add(IndexOf(-value), 1);
  }
}

void QuantileSketch::Merge(const QuantileSketch& other) {
  positive_.Merge(other.positive_);
  negative_.Merge(other.negative_);
  zeros_ += other.zeros_;
  positive_infinite_ += other.positive_infinite_;
  negative_infinite_ += other.negative_infinite_;
  count_ += other.count_;
}

std::vector<QuantileSketch::Bucket> QuantileSketch::Buckets() const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<Bucket> buckets;
  auto add = [&](int64_t key, double value, int64_t count) {
    if (count > 0) buckets.push_back({key, value, count});
  };
  add(-kInfiniteKey, -kInfinity, negative_infinite_);
  for (size_t i = negative_.counts().size(); i-- > 0;) {
    const int index = negative_.first() + static_cast<int>(i);
    add(-KeyOf(index), -ValueOf(index), negative_.counts()[i]);
  }
  add(0, 0, zeros_);
  for (size_t i = 0; i < positive_.counts().size(); ++i) {
    const int index = positive_.first() + static_cast<int>(i);
    add(KeyOf(index), ValueOf(index), positive_.counts()[i]);
  }
  add(kInfiniteKey, kInfinity, positive_infinite_);
  return buckets;
}

double QuantileSketch::Quantile(double q) const {
  const auto rank = static_cast<int64_t>(q * static_cast<double>(count_ - 1));
  int64_t below = 0;
  const std::vector<Bucket> buckets = Buckets();
  for (const Bucket& bucket : buckets) {
    below += bucket.count;
    if (below > rank) return bucket.value;
  }
  return buckets.back().value;
}

void QuantileSketch::Write(v1::QuantileSketch* to) const {
  positive_.Write(to->mutable_positive());
  negative_.Write(to->mutable_negative());
  to->set_zeros(zeros_);
  to->set_positive_infinite(positive_infinite_);
  to->set_negative_infinite(negative_infinite_);
}

bool QuantileSketch::Read(const v1::QuantileSketch& from) {
  const bool intact = positive_.Read(from.positive()) && negative_.Read(from.negative());
  zeros_ = from.zeros();
  positive_infinite_ = from.positive_infinite();
  negative_infinite_ = from.negative_infinite();
  count_ = zeros_ + positive_infinite_ + negative_infinite_;
  for (const Counts* counts : {&positive_, &negative_})
    count_ = std::accumulate(counts->counts().begin(), counts->counts().end(), count_);
  return intact && zeros_ >= 0 && positive_infinite_ >= 0 && negative_infinite_ >= 0;
}

}  // namespace forebay
