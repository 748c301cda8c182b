#include "offline/statistics/drift.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

namespace forebay {
namespace {

constexpr int64_t kBins = 10;
// Added to each count, so that no share is zero, whose logarithm there is not.
constexpr double kSmoothing = 0.5;

using Buckets = std::vector<QuantileSketch::Bucket>;

// Counts by bin, of both sides.
struct BinnedCounts {
  std::vector<int64_t> baseline;
  std::vector<int64_t> now;
};

// The greatest key of each bin but the last, which has no end: about as many values of the
// baseline in each. A value that fills a bin at either end is alone there, so that others beyond it
// are seen.
std::vector<int64_t> BinEdges(const Buckets& baseline, int64_t values) {
  std::vector<int64_t> edges;
  int64_t below = 0, closed = 0;
  size_t buckets = 0;  // of the bin at hand
  for (const QuantileSketch::Bucket& bucket : baseline) {
    below += bucket.count;
    ++buckets;
    if (below * kBins < (closed + 1) * values) continue;
    if (closed == 0 && buckets == 1) edges.push_back(bucket.key - 1);
    closed = below * kBins / values;
    if (bucket.key != baseline.back().key || buckets == 1) edges.push_back(bucket.key);
    buckets = 0;
  }
  return edges;
}

std::vector<int64_t> CountByBin(const Buckets& buckets, const std::vector<int64_t>& edges) {
  std::vector<int64_t> counts(edges.size() + 1);
  for (const QuantileSketch::Bucket& bucket : buckets)
    counts[std::ranges::lower_bound(edges, bucket.key) - edges.begin()] += bucket.count;
  return counts;
}

BinnedCounts BinNumbers(const FeatureStatistics& baseline, const FeatureStatistics& now) {
  const Buckets of_baseline = baseline.sketch().Buckets();
  const std::vector<int64_t> edges = BinEdges(of_baseline, baseline.sketch().count());
  return {CountByBin(of_baseline, edges), CountByBin(now.sketch().Buckets(), edges)};
}

BinnedCounts BinTexts(const FeatureStatistics& baseline, const FeatureStatistics& now) {
  BinnedCounts counts{{baseline.values()}, {now.values()}};  // first all others
  std::map<std::string, int64_t> found;
  for (TopValues::Entry& entry : now.top().Entries()) found[std::move(entry.value)] = entry.count;
  for (const TopValues::Entry& entry : baseline.top().Entries()) {
    if (std::ssize(counts.baseline) > kBins) break;
    counts.baseline.push_back(entry.count);
    counts.now.push_back(found[entry.value]);
    counts.baseline[0] -= counts.baseline.back();
    counts.now[0] -= counts.now.back();
  }
  return counts;
}

double Total(const std::vector<int64_t>& counts) {
  return static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
}

}  // namespace

double StabilityIndex(const std::vector<int64_t>& baseline, const std::vector<int64_t>& now) {
  const double smoothed = kSmoothing * static_cast<double>(baseline.size());
  const double of_baseline = Total(baseline) + smoothed, of_now = Total(now) + smoothed;
  double index = 0;
  for (size_t i = 0; i < baseline.size(); ++i) {
    const double p = (static_cast<double>(baseline[i]) + kSmoothing) / of_baseline;
    const double q = (static_cast<double>(now[i]) + kSmoothing) / of_now;
    index += (q - p) * std::log(q / p);
  }
  return index;
}

double JensenShannonDistance(const std::vector<int64_t>& baseline,
                             const std::vector<int64_t>& now) {
  const double of_baseline = Total(baseline), of_now = Total(now);
  double divergence = 0;
  for (size_t i = 0; i < baseline.size(); ++i) {
    const double p = static_cast<double>(baseline[i]) / of_baseline;
    const double q = static_cast<double>(now[i]) / of_now;
    const double middle = (p + q) / 2;
    for (double share : {p, q}) {
      if (share > 0) divergence += share * std::log2(share / middle) / 2;
    }
  }
  return std::sqrt(std::clamp(divergence, 0.0, 1.0));
}

Drift MeasureDrift(const FeatureStatistics& baseline, const FeatureStatistics& now) {
  Drift drift{.baseline_null_rate = baseline.null_rate(),
              .null_rate = now.null_rate(),
              .baseline_rows = baseline.count(),
              .rows = now.count(),
              .one_sided = (baseline.values() == 0) != (now.values() == 0)};
  if (baseline.values() == 0 || now.values() == 0) return drift;
  const BinnedCounts counts =
      baseline.has_numbers() ? BinNumbers(baseline, now) : BinTexts(baseline, now);
  drift.psi = StabilityIndex(counts.baseline, counts.now);
  drift.jensen_shannon = JensenShannonDistance(counts.baseline, counts.now);
  const double deviation = baseline.numbers().Deviation();
  if (deviation > 0 && now.numbers().count > 0)
    drift.mean_shift = (now.numbers().mean - baseline.numbers().mean) / deviation;
  return drift;
}

}  // namespace forebay
