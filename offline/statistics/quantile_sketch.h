// Quantiles of numbers within a relative error, in bounded memory: DDSketch (Masson, Rim, Lee:
// "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", VLDB
// 2019).
//
//   QuantileSketch sketch;
//   for (double value : values) sketch.Add(value);
//   double median = sketch.Quantile(0.5);   // within 1 % of the value of that rank
//
// The bound holds for magnitudes within 35 powers of ten below the largest; smaller ones count as
// if they were at that end. Merging gives what adding all values to one sketch gives, exactly.
#ifndef FOREBAY_OFFLINE_STATISTICS_QUANTILE_SKETCH_H_
#define FOREBAY_OFFLINE_STATISTICS_QUANTILE_SKETCH_H_

#include <cstdint>
#include <vector>

namespace forebay {

namespace v1 {
class BucketCounts;
class QuantileSketch;
}  // namespace v1

class QuantileSketch {
 public:
  static constexpr double kRelativeError = 0.01;
  static constexpr size_t kMostBuckets = 4096;  // of each sign

  // Values that count as one. Sketches have buckets with equal keys for equal values, and keys
  // are in the order of values.
  struct Bucket {
    int64_t key = 0;
    double value = 0;  // in its middle
    int64_t count = 0;
  };

  // REQUIRES: not NaN. Infinities have buckets of their own.
  void Add(double value);
  void Merge(const QuantileSketch& other);

  int64_t count() const { return count_; }

  // The value of rank floor(q * (count - 1)), from 0, of the values in order. REQUIRES: count() >
  // 0, 0 <= q <= 1.
  double Quantile(double q) const;

  // Those with values, in ascending order.
  std::vector<Bucket> Buckets() const;

  void Write(v1::QuantileSketch* to) const;
  // False: these are not the buckets of a sketch.
  bool Read(const v1::QuantileSketch& from);

 private:
  // Counts of magnitudes by index; where there are too many, the smallest magnitudes are one.
  class Counts {
   public:
    void Add(int index, int64_t count);
    void Merge(const Counts& other);
    int first() const { return first_; }
    const std::vector<int64_t>& counts() const { return counts_; }
    void Write(v1::BucketCounts* to) const;
    bool Read(const v1::BucketCounts& from);

   private:
    int first_ = 0;
    std::vector<int64_t> counts_;
  };

  Counts positive_;
  Counts negative_;
  int64_t zeros_ = 0;
  int64_t positive_infinite_ = 0;
  int64_t negative_infinite_ = 0;
  int64_t count_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_STATISTICS_QUANTILE_SKETCH_H_
