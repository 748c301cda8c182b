// Count, extremes, mean and variance of finite numbers: the mean and the squares of differences
// from it are updated by Welford's method and merged by that of Chan, Golub and LeVeque, so that
// nothing cancels where the mean is far from zero.
#ifndef FOREBAY_OFFLINE_STATISTICS_NUMBER_MOMENTS_H_
#define FOREBAY_OFFLINE_STATISTICS_NUMBER_MOMENTS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace forebay {

struct NumberMoments {
  int64_t count = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double mean = 0;
  double squares = 0;  // the sum of the squares of differences from the mean

  void Add(double value) {
    ++count;
    min = std::min(min, value);
    max = std::max(max, value);
    const double difference = value - mean;
    mean += difference / static_cast<double>(count);
    squares += difference * (value - mean);
  }

  void Merge(const NumberMoments& other) {
    if (other.count == 0) return;
    const auto mine = static_cast<double>(count), theirs = static_cast<double>(other.count);
    const double difference = other.mean - mean;
    count += other.count;
    min = std::min(min, other.min);
    max = std::max(max, other.max);
    mean += difference * (theirs / (mine + theirs));
    squares += other.squares + difference * difference * (mine * theirs / (mine + theirs));
  }

  // Of a sample; 0 below two numbers.
  double Deviation() const {
    return count < 2 ? 0 : std::sqrt(squares / static_cast<double>(count - 1));
  }
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_STATISTICS_NUMBER_MOMENTS_H_
