#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/batch/arrow_type.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/statistics.pb.h"
#include "offline/statistics/drift.h"
#include "offline/statistics/drift_alerts.h"
#include "offline/statistics/feature_statistics.h"
#include "offline/statistics/quantile_sketch.h"
#include "offline/statistics/top_values.h"

namespace forebay {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename Builder, typename T>
std::shared_ptr<arrow::Array> ArrayOf(const std::vector<std::optional<T>>& values,
                                      Builder builder) {
  for (const std::optional<T>& value : values) {
    EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  }
  return builder.Finish().ValueOrDie();
}

FeatureStatistics OfDoubles(const std::vector<std::optional<double>>& values) {
  FeatureStatistics statistics(DataType::kDouble);
  statistics.Add(*ArrayOf(values, arrow::DoubleBuilder()), std::vector<int64_t>(values.size(), 0));
  return statistics;
}

FeatureStatistics OfTexts(const std::vector<std::optional<std::string>>& values) {
  FeatureStatistics statistics(DataType::kString);
  statistics.Add(*ArrayOf(values, arrow::StringBuilder()), std::vector<int64_t>(values.size(), 0));
  return statistics;
}

double Exact(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

std::vector<double> RandomNumbers(std::mt19937* rng, size_t count) {
  std::vector<double> numbers;
  std::lognormal_distribution<double> magnitudes(0, 6);
  while (numbers.size() < count) {
    const unsigned kind = (*rng)() % 10;
    numbers.push_back(kind == 0 ? 0 : kind < 4 ? -magnitudes(*rng) : magnitudes(*rng));
  }
  return numbers;
}

QuantileSketch SketchOf(const std::vector<double>& values) {
  QuantileSketch sketch;
  for (double value : values) sketch.Add(value);
  return sketch;
}

std::vector<std::pair<int64_t, int64_t>> KeysAndCounts(const QuantileSketch& sketch) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (const QuantileSketch::Bucket& bucket : sketch.Buckets())
    pairs.emplace_back(bucket.key, bucket.count);
  return pairs;
}

TEST(QuantileSketchTest, QuantilesAreWithinOnePercentOfTheExactOnes) {
  std::mt19937 rng(1);
  for (size_t count : {1, 2, 10, 1000, 20'000}) {
    const std::vector<double> values = RandomNumbers(&rng, count);
    const QuantileSketch sketch = SketchOf(values);
    for (double q : {0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0}) {
      const double exact = Exact(values, q);
      EXPECT_NEAR(sketch.Quantile(q), exact, std::abs(exact) * (0.01 + 1e-9)) << count << " " << q;
    }
  }
}

TEST(QuantileSketchTest, ValuesAtTheEdgesOfDoubles) {
  for (double value : {5e-324, 1e-300, 1.0, 1.7976931348623157e308}) {
    for (double signed_value : {value, -value}) {
      const QuantileSketch sketch = SketchOf({signed_value});
      EXPECT_NEAR(sketch.Quantile(0.5) / signed_value, 1, value < 1e-320 ? 0.5 : 0.011) << value;
    }
  }
  const QuantileSketch sketch = SketchOf({-kInfinity, -1, 0, -0.0, 1, kInfinity});
  EXPECT_EQ(sketch.Quantile(0), -kInfinity);
  EXPECT_EQ(sketch.Quantile(0.4), 0);
  EXPECT_EQ(sketch.Quantile(1), kInfinity);
}

TEST(QuantileSketchTest, SmallMagnitudesAreOneWhereThereAreTooManyBuckets) {
  std::vector<double> values;
  for (int exponent = -300; exponent <= 300; ++exponent) values.push_back(std::pow(10, exponent));
  const QuantileSketch up = SketchOf(values);
  std::ranges::reverse(values);
  EXPECT_EQ(KeysAndCounts(up), KeysAndCounts(SketchOf(values)));
  EXPECT_EQ(up.count(), 601);
  EXPECT_NEAR(up.Quantile(1) / 1e300, 1, 0.01);
  EXPECT_NEAR(up.Quantile(570.0 / 600) / 1e270, 1, 0.01);
  EXPECT_GT(up.Quantile(0), 1e260);
}

TEST(QuantileSketchTest, MergedIsWhatAllValuesGive) {
  std::mt19937 rng(2);
  QuantileSketch merged;
  std::vector<double> all;
  for (int i = 0; i < 20; ++i) {
    std::vector<double> values = RandomNumbers(&rng, rng() % 300);
    for (double& value : values) value *= std::pow(10, static_cast<int>(rng() % 80) - 40);
    merged.Merge(SketchOf(values));
    all.insert(all.end(), values.begin(), values.end());
  }
  EXPECT_EQ(KeysAndCounts(merged), KeysAndCounts(SketchOf(all)));
  EXPECT_EQ(merged.count(), std::ssize(all));
}

TEST(TopValuesTest, FewValuesAreCountedExactly) {
  TopValues top;
  for (const char* value : {"b", "a", "c", "a", "c", "a"}) top.Add(value);
  std::vector<std::pair<std::string, int64_t>> found;
  for (const TopValues::Entry& entry : top.Entries()) found.emplace_back(entry.value, entry.count);
  EXPECT_EQ(found, (std::vector<std::pair<std::string, int64_t>>{{"a", 3}, {"c", 2}, {"b", 1}}));
  EXPECT_EQ(top.error(), 0);
}

TEST(TopValuesTest, CountsAreBelowTheTrueOnesByNoMoreThanTheError) {
  std::mt19937 rng(3);
  std::map<std::string, int64_t> exact;
  TopValues merged;
  int64_t count = 0;
  for (int part = 0; part < 5; ++part) {
    TopValues top;
    for (int i = 0; i < 10'000; ++i, ++count) {
      const double skewed = std::pow(static_cast<double>(rng() % 1000) / 1000, 4);
      const std::string value = std::to_string(static_cast<int>(skewed * 5000));
      ++exact[value];
      top.Add(value);
    }
    merged.Merge(top);
  }
  EXPECT_LE(merged.error(), count / (static_cast<int64_t>(TopValues::kMost) + 1));
  std::map<std::string, int64_t> found;
  for (const TopValues::Entry& entry : merged.Entries()) found[entry.value] = entry.count;
  EXPECT_LE(found.size(), TopValues::kMost);
  EXPECT_EQ(found.begin()->first, "0");
  for (const auto& [value, times] : exact) {
    const int64_t got = found.contains(value) ? found[value] : 0;
    EXPECT_LE(got, times);
    EXPECT_GE(got, times - merged.error());
  }
}

TEST(FeatureStatisticsTest, OfDoublesByHand) {
  const FeatureStatistics statistics =
      OfDoubles({1.0, std::nullopt, 3.0, -0.0, std::nan(""), kInfinity, 0.0, 4.0});
  EXPECT_EQ(statistics.count(), 8);
  EXPECT_EQ(statistics.nulls(), 1);
  EXPECT_EQ(statistics.nans(), 1);
  EXPECT_EQ(statistics.values(), 6);
  EXPECT_EQ(statistics.null_rate(), 0.25);
  EXPECT_EQ(statistics.numbers().count, 5);
  EXPECT_EQ(statistics.numbers().min, 0);
  EXPECT_EQ(statistics.numbers().max, 4);
  EXPECT_DOUBLE_EQ(statistics.numbers().mean, 1.6);
  EXPECT_DOUBLE_EQ(statistics.numbers().Deviation(), std::sqrt(13.2 / 4));
  EXPECT_EQ(statistics.Distinct(), 5);
  const std::vector<TopValues::Entry> top = statistics.top().Entries();
  EXPECT_EQ(statistics.TextOf(top[0].value), "0");
  EXPECT_EQ(top[0].count, 2);
  const Histogram histogram = statistics.MakeHistogram();
  ASSERT_EQ(histogram.edges.size(), 21u);
  EXPECT_EQ(histogram.edges.front(), 0);
  EXPECT_EQ(histogram.edges.back(), 4);
  EXPECT_EQ(histogram.counts[0], 2);
  EXPECT_EQ(histogram.counts[19], 1);
}

TEST(FeatureStatisticsTest, OfOtherTypesByHand) {
  const std::vector<int64_t> times = {10'000'000, 10'000'000, 10'000'000};
  FeatureStatistics bools(DataType::kBool);
  bools.Add(*ArrayOf<arrow::BooleanBuilder, bool>({true, false, true}, arrow::BooleanBuilder()),
            times);
  EXPECT_DOUBLE_EQ(bools.numbers().mean, 2.0 / 3);
  EXPECT_EQ(bools.TextOf(bools.top().Entries()[0].value), "true");
  EXPECT_EQ(bools.Distinct(), 2);

  FeatureStatistics ints(DataType::kInt64);
  ints.Add(*ArrayOf<arrow::Int64Builder, int64_t>({INT64_MIN, 7, 7}, arrow::Int64Builder()), times);
  EXPECT_EQ(ints.TextOf(ints.top().Entries()[0].value), "7");
  EXPECT_EQ(ints.numbers().min, -9223372036854775808.0);

  FeatureStatistics timestamps(DataType::kTimestamp);
  timestamps.Add(
      *ArrayOf<arrow::TimestampBuilder, int64_t>(
          {4'000'000, std::nullopt, 9'500'000},
          arrow::TimestampBuilder(ArrowType(DataType::kTimestamp), arrow::default_memory_pool())),
      times);
  EXPECT_EQ(timestamps.numbers().min, 0.5);
  EXPECT_EQ(timestamps.numbers().max, 6);
  EXPECT_EQ(timestamps.Distinct(), 2);

  auto elements = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), elements);
  ASSERT_TRUE(lists.Append().ok() && elements->Append("a").ok() && elements->Append("b").ok());
  ASSERT_TRUE(lists.AppendNull().ok() && lists.Append().ok());
  FeatureStatistics of_lists(ListOf(DataType::kString));
  of_lists.Add(*lists.Finish().ValueOrDie(), times);
  EXPECT_EQ(of_lists.nulls(), 1);
  EXPECT_EQ(of_lists.numbers().max, 2);
  EXPECT_EQ(of_lists.numbers().mean, 1);
  EXPECT_EQ(of_lists.Distinct(), std::nullopt);

  const std::string clipped = std::string(255, 'x') + "č";  // two bytes, one beyond the end
  const FeatureStatistics texts = OfTexts({clipped, "a", clipped});
  EXPECT_EQ(texts.top().Entries()[0].value, std::string(255, 'x'));
  EXPECT_EQ(texts.Distinct(), 2);
  EXPECT_TRUE(texts.Quantiles().empty());
}

TEST(FeatureStatisticsTest, OfSomeRowsAlone) {
  FeatureStatistics statistics(DataType::kTimestamp, StatisticsScope::kDrift);
  const auto values = ArrayOf<arrow::TimestampBuilder, int64_t>(
      {0, 1'000'000, std::nullopt, 3'000'000, 4'000'000},
      arrow::TimestampBuilder(ArrowType(DataType::kTimestamp), arrow::default_memory_pool()));
  statistics.AddSome(*values, {1, 2, 4}, {6'000'000, 7'000'000, 8'000'000});
  statistics.AddSome(*values, {}, {});
  EXPECT_EQ(statistics.count(), 3);
  EXPECT_EQ(statistics.nulls(), 1);
  EXPECT_EQ(statistics.numbers().min, 4);
  EXPECT_EQ(statistics.numbers().max, 5);
  EXPECT_EQ(statistics.Distinct(), std::nullopt);
}

TEST(FeatureStatisticsTest, AgesAreSecondsFromTheEventTime) {
  FeatureStatistics statistics(DataType::kInt64);
  statistics.AddAges({0, 1'000'000}, {500'000, 3'000'000});
  EXPECT_EQ(statistics.ages().mean, 1.25);
  EXPECT_EQ(statistics.ages().max, 2);
}

TEST(FeatureStatisticsTest, VarianceHoldsFarFromZero) {
  std::vector<std::optional<double>> values;
  for (int i = 0; i < 1000; ++i) values.emplace_back(1e9 + i % 2);
  EXPECT_NEAR(OfDoubles(values).numbers().Deviation(), std::sqrt(250.0 / 999), 1e-9);
}

TEST(FeatureStatisticsTest, DaysMergeToWhatAllRowsGiveAndBytesReadBack) {
  std::mt19937 rng(4);
  std::vector<std::optional<double>> all;
  FeatureStatistics merged(DataType::kDouble);
  for (int day = 0; day < 8; ++day) {
    std::vector<std::optional<double>> values;
    for (double number : RandomNumbers(&rng, 500))
      values.push_back(rng() % 9 == 0 ? std::nullopt : std::optional(number));
    all.insert(all.end(), values.begin(), values.end());
    merged.Merge(FeatureStatistics::Decode(OfDoubles(values).Encode()).value());
  }
  const FeatureStatistics whole = OfDoubles(all);
  EXPECT_EQ(merged.count(), whole.count());
  EXPECT_EQ(merged.nulls(), whole.nulls());
  EXPECT_EQ(merged.numbers().min, whole.numbers().min);
  EXPECT_EQ(merged.numbers().max, whole.numbers().max);
  EXPECT_NEAR(merged.numbers().mean / whole.numbers().mean, 1, 1e-9);
  EXPECT_NEAR(merged.numbers().Deviation() / whole.numbers().Deviation(), 1, 1e-9);
  EXPECT_EQ(merged.Quantiles(), whole.Quantiles());
  EXPECT_EQ(merged.Distinct(), whole.Distinct());
  EXPECT_EQ(merged.MakeHistogram().counts, whole.MakeHistogram().counts);
  EXPECT_EQ(FeatureStatistics::Decode(merged.Encode()).value().Encode(), merged.Encode());
}

TEST(FeatureStatisticsTest, WhatIsNoStatisticsIsRefused) {
  EXPECT_EQ(FeatureStatistics::Decode("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(FeatureStatistics::Decode("\xff\xff").status().code(), absl::StatusCode::kDataLoss);
}

TEST(FeatureStatisticsTest, ADamagedSketchOfDistinctValuesIsRefused) {
  std::vector<std::optional<double>> few, many;
  for (int i = 0; i < 5000; ++i) (i < 9 ? few : many).push_back(i);
  for (const auto& values : {few, many}) {
    v1::FeatureStatistics message;
    ASSERT_TRUE(message.ParseFromString(OfDoubles(values).Encode()));
    const std::string whole = message.distinct();
    const bool sparse = whole[0] == 1;
    std::vector<std::string> wrong = {whole + "x", whole.substr(0, whole.size() - 1),
                                      '\3' + whole.substr(1)};
    wrong.push_back(whole);
    wrong.back().back() = '\xff';                          // no index, or rank, of a hash
    if (sparse) wrong.push_back(whole + whole.substr(1));  // not sorted
    for (const std::string& bytes : wrong) {
      message.set_distinct(bytes);
      EXPECT_EQ(FeatureStatistics::Decode(message.SerializeAsString()).status().code(),
                absl::StatusCode::kDataLoss);
    }
    message.set_distinct(whole);
    EXPECT_TRUE(FeatureStatistics::Decode(message.SerializeAsString()).ok());
  }
}

TEST(DriftTest, MeasuresByHand) {
  // Shares with 0.5 added to each count: 0.5 and 0.5; 80.5 / 101 and 20.5 / 101.
  EXPECT_NEAR(StabilityIndex({50, 50}, {80, 20}), 0.406287, 1e-6);
  EXPECT_EQ(StabilityIndex({3, 4, 5}, {3, 4, 5}), 0);
  EXPECT_NEAR(JensenShannonDistance({1, 1}, {1, 0}), 0.557923, 1e-6);
  EXPECT_EQ(JensenShannonDistance({7, 0}, {0, 2}), 1);
  EXPECT_EQ(JensenShannonDistance({1, 2}, {2, 4}), 0);
}

std::vector<std::optional<double>> Normal(std::mt19937* rng, double mean) {
  std::normal_distribution<double> normal(mean, 1);
  std::vector<std::optional<double>> values;
  for (int i = 0; i < 20'000; ++i) values.emplace_back(normal(*rng));
  return values;
}

TEST(DriftTest, NumbersThatMoveDriftAndOthersDoNot) {
  std::mt19937 rng(5);
  const FeatureStatistics baseline = OfDoubles(Normal(&rng, 10));
  const Drift still = MeasureDrift(baseline, OfDoubles(Normal(&rng, 10)));
  EXPECT_LT(*still.psi, 0.01);
  EXPECT_LT(*still.jensen_shannon, 0.05);
  const Drift moved = MeasureDrift(baseline, OfDoubles(Normal(&rng, 11)));
  // Of two normal distributions a standard deviation apart, in the limit of many bins: 1.
  EXPECT_GT(*moved.psi, 0.7);
  EXPECT_LT(*moved.psi, 1.1);
  EXPECT_NEAR(*moved.mean_shift, 1, 0.05);
}

TEST(DriftTest, AValueThatWasAloneIsMissed) {
  const FeatureStatistics zeros = OfDoubles(std::vector<std::optional<double>>(100, 0.0));
  for (double other : {-5.0, 5.0}) {
    const Drift drift =
        MeasureDrift(zeros, OfDoubles(std::vector<std::optional<double>>(100, other)));
    EXPECT_EQ(drift.jensen_shannon, 1) << other;
    EXPECT_GT(*drift.psi, 1);
    EXPECT_EQ(drift.mean_shift, std::nullopt);
  }
  EXPECT_EQ(*MeasureDrift(zeros, zeros).psi, 0);
}

TEST(DriftTest, TextsAreComparedByTheFrequentOnes) {
  const FeatureStatistics baseline = OfTexts({"a", "a", "b", std::nullopt});
  EXPECT_EQ(*MeasureDrift(baseline, OfTexts({"b", "a", "a"})).psi, 0);
  const Drift drift = MeasureDrift(baseline, OfTexts({"c", "d", "e"}));
  EXPECT_NEAR(*drift.jensen_shannon, 1, 1e-12);
  EXPECT_EQ(drift.baseline_null_rate, 0.25);
  EXPECT_EQ(drift.null_rate, 0);
}

TEST(DriftTest, ValuesOnOneSideAloneHaveNoMeasure) {
  const FeatureStatistics nulls = OfDoubles({std::nullopt, std::nullopt});
  const Drift drift = MeasureDrift(OfDoubles({1.0}), nulls);
  EXPECT_EQ(drift.psi, std::nullopt);
  EXPECT_TRUE(drift.one_sided);
  EXPECT_EQ(drift.null_rate, 1);
  EXPECT_FALSE(MeasureDrift(nulls, nulls).one_sided);
}

TEST(DriftAlerts, AreWhatIsAboveALimitOfTheDefinition) {
  v1::FeatureAlerts alerts;
  Drift drift{.psi = 0.3, .jensen_shannon = 0.1, .null_rate = 0.5};
  EXPECT_TRUE(CheckAlerts(alerts, drift).empty());
  alerts.set_null_rate(0.5);
  alerts.set_psi(0.25);
  std::vector<DriftAlert> checked = CheckAlerts(alerts, drift);
  ASSERT_EQ(checked.size(), 2u);
  EXPECT_EQ(checked[0].measure, "null_rate");
  EXPECT_FALSE(checked[0].is_beyond) << "not above it";
  EXPECT_TRUE(checked[1].is_beyond);
  EXPECT_EQ(checked[1].ToString(), "psi 0.3 above 0.25");
}

TEST(DriftAlerts, ValuesOnOneSideAloneAreBeyondAnyLimit) {
  v1::FeatureAlerts alerts;
  alerts.set_jensen_shannon(1);
  EXPECT_FALSE(CheckAlerts(alerts, {}).at(0).is_beyond) << "there are none at all";
  const DriftAlert alert = CheckAlerts(alerts, {.one_sided = true}).at(0);
  EXPECT_TRUE(alert.is_beyond);
  EXPECT_EQ(alert.ToString(), "jensen_shannon: values on one side alone");
}

}  // namespace
}  // namespace forebay
