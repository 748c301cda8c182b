#include "offline/statistics/feature_statistics.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <type_traits>

#include "absl/strings/escaping.h"
#include "engine/aggregate/aggregate.h"
#include "engine/expression/vector.h"
#include "forebay/v1/statistics.pb.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr uint32_t kFormatVersion = 1;

const AggregateFunctions& DistinctOf(DataType type) {
  return *FindAggregate("approx_count_distinct", type);
}

bool IsText(DataType type) { return type == DataType::kString || type == DataType::kBytes; }

double SecondsBetween(int64_t from, int64_t to) {
  return (static_cast<double>(to) - static_cast<double>(from)) / kMicrosPerSecond;
}

// At most `most` bytes, and no part of a character.
std::string_view CutText(std::string_view text, size_t most, bool is_utf8) {
  if (text.size() <= most) return text;
  size_t end = most;
  while (is_utf8 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

template <typename T>
std::string_view BytesOf(const T& number) {
  static_assert(sizeof(T) == 8);
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

template <typename T>
T NumberOf(std::string_view bytes) {
  T number{};
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  return number;
}

void WriteMoments(const NumberMoments& from, v1::NumberMoments* to) {
  if (from.count == 0) return;
  to->set_count(from.count);
  to->set_min(from.min);
  to->set_max(from.max);
  to->set_mean(from.mean);
  to->set_squares(from.squares);
}

NumberMoments ReadMoments(const v1::NumberMoments& from) {
  if (from.count() == 0) return {};
  return {.count = from.count(),
          .min = from.min(),
          .max = from.max(),
          .mean = from.mean(),
          .squares = from.squares()};
}

}  // namespace

FeatureStatistics::FeatureStatistics(DataType type, StatisticsScope scope)
    : type_(type), scope_(scope) {}

bool FeatureStatistics::has_numbers() const { return !IsText(type_); }

double FeatureStatistics::null_rate() const {
  return count_ == 0 ? 0 : static_cast<double>(nulls_ + nans_) / static_cast<double>(count_);
}

void FeatureStatistics::AddNumber(double value) {
  sketch_.Add(value);
  if (std::isfinite(value)) numbers_.Add(value);
}

template <typename T>
void FeatureStatistics::AddScalar(T value) {
  if constexpr (std::is_same_v<T, double>) {
    if (std::isnan(value)) {
      ++nans_;
      return;
    }
    if (value == 0) value = 0;  // not -0.0, which is the same value
  }
  AddNumber(static_cast<double>(value));
  if (scope_ == StatisticsScope::kDrift) return;
  top_.Add(BytesOf(value));
}

void FeatureStatistics::AddText(std::string_view text) {
  top_.Add(CutText(text, kMostTopBytes, type_ == DataType::kString));
}

template <typename ArrayType, typename AddValue>
void FeatureStatistics::AddEach(const arrow::Array& values, const Rows& rows, AddValue add) {
  const auto& typed = static_cast<const ArrayType&>(values);
  for (int64_t i = 0; i < rows.count; ++i) {
    ++count_;
    if (typed.IsNull(rows[i])) {
      ++nulls_;
    } else {
      add(typed, rows[i], i);
    }
  }
}

void FeatureStatistics::Add(const arrow::Array& values, absl::Span<const int64_t> times) {
  AddRows(values, {.count = values.length(), .times = times.data()});
}

void FeatureStatistics::AddSome(const arrow::Array& values, absl::Span<const int64_t> rows,
                                absl::Span<const int64_t> times) {
  AddRows(values, {.count = std::ssize(rows), .numbers = rows.data(), .times = times.data()});
}

void FeatureStatistics::AddRows(const arrow::Array& values, const Rows& rows) {
  if (IsList(type_)) {
    AddEach<arrow::ListArray>(values, rows, [&](const auto& lists, int64_t row, int64_t) {
      AddNumber(static_cast<double>(lists.value_length(row)));
    });
    return;
  }
  const AggregateFunctions& distinct = DistinctOf(type_);
  Vector one{.type = type_, .length = 1};
  auto count_distinct = [&] {
    if (counts_distinct()) distinct.update(nullptr, &distinct_, AggregateInput{&one, 0, 0, 0});
  };
  auto add_text = [&](const auto& texts, int64_t row, int64_t) {
    const std::string_view text = texts.GetView(row);
    AddText(text);
    one.strings = &text;
    count_distinct();
  };
  switch (type_) {
    case DataType::kBool:
      AddEach<arrow::BooleanArray>(values, rows, [&](const auto& bools, int64_t row, int64_t) {
        const auto value = static_cast<uint8_t>(bools.Value(row));
        AddScalar(int64_t{value});
        one.bools = &value;
        count_distinct();
      });
      break;
    case DataType::kInt64:
      AddEach<arrow::Int64Array>(values, rows, [&](const auto& ints, int64_t row, int64_t) {
        AddScalar(ints.Value(row));
        one.ints = ints.raw_values() + row;
        count_distinct();
      });
      break;
    case DataType::kDouble:
      AddEach<arrow::DoubleArray>(values, rows, [&](const auto& doubles, int64_t row, int64_t) {
        AddScalar(doubles.Value(row));
        one.doubles = doubles.raw_values() + row;
        if (!std::isnan(doubles.Value(row))) count_distinct();
      });
      break;
    case DataType::kTimestamp:
      AddEach<arrow::TimestampArray>(
          values, rows, [&](const auto& instants, int64_t row, int64_t i) {
            AddNumber(SecondsBetween(instants.Value(row), rows.times[i]));
            one.ints = instants.raw_values() + row;
            count_distinct();
          });
      break;
    case DataType::kString:
      AddEach<arrow::StringArray>(values, rows, add_text);
      break;
    case DataType::kBytes:
      AddEach<arrow::BinaryArray>(values, rows, add_text);
      break;
  }
}

void FeatureStatistics::AddAges(absl::Span<const int64_t> event_times,
                                absl::Span<const int64_t> effective_times) {
  for (size_t i = 0; i < event_times.size(); ++i)
    ages_.Add(SecondsBetween(event_times[i], effective_times[i]));
}

void FeatureStatistics::Merge(const FeatureStatistics& other) {
  count_ += other.count_;
  nulls_ += other.nulls_;
  nans_ += other.nans_;
  numbers_.Merge(other.numbers_);
  sketch_.Merge(other.sketch_);
  top_.Merge(other.top_);
  ages_.Merge(other.ages_);
  if (!counts_distinct()) return;
  const auto blob = reinterpret_cast<Word>(&other.distinct_);
  DistinctOf(type_).merge(
      nullptr, &distinct_,
      PartialRun{.words = nullptr, .stride = 0, .count = 1, .tile_blobs = &blob});
}

std::vector<double> FeatureStatistics::Quantiles() const {
  std::vector<double> quantiles;
  if (sketch_.count() == 0) return quantiles;
  for (double level : kQuantiles) {
    const double quantile = sketch_.Quantile(level);
    quantiles.push_back(std::isinf(quantile) ? quantile
                                             : std::clamp(quantile, numbers_.min, numbers_.max));
  }
  return quantiles;
}

Histogram FeatureStatistics::MakeHistogram() const {
  Histogram histogram;
  if (numbers_.count == 0) return histogram;
  const auto bins = numbers_.min == numbers_.max ? size_t{1} : kHistogramBins;
  const double width =
      numbers_.max / static_cast<double>(bins) - numbers_.min / static_cast<double>(bins);
  for (size_t i = 0; i < bins; ++i)
    histogram.edges.push_back(numbers_.min + static_cast<double>(i) * width);
  histogram.edges.push_back(numbers_.max);
  histogram.counts.resize(bins);
  for (const QuantileSketch::Bucket& bucket : sketch_.Buckets()) {
    if (std::isinf(bucket.value)) continue;
    const double place = width > 0 ? (bucket.value - numbers_.min) / width : 0;
    const double last = static_cast<double>(bins - 1);
    histogram.counts[static_cast<size_t>(std::clamp(place, 0.0, last))] += bucket.count;
  }
  return histogram;
}

std::optional<int64_t> FeatureStatistics::Distinct() const {
  if (!counts_distinct()) return std::nullopt;
  return DistinctOf(type_).finalize(nullptr, &distinct_).int64_value;
}

std::string FeatureStatistics::TextOf(std::string_view top_value) const {
  switch (type_) {
    case DataType::kBool:
      return NumberOf<int64_t>(top_value) == 0 ? "false" : "true";
    case DataType::kInt64:
      return fmt::format("{}", NumberOf<int64_t>(top_value));
    case DataType::kDouble:
      return fmt::format("{}", NumberOf<double>(top_value));
    case DataType::kBytes:
      return absl::Base64Escape({top_value.data(), top_value.size()});
    default:
      return std::string(top_value);
  }
}

std::string FeatureStatistics::Encode() const {
  v1::FeatureStatistics message;
  message.set_format_version(kFormatVersion);
  message.set_type(static_cast<uint32_t>(type_));
  message.set_count(count_);
  message.set_nulls(nulls_);
  message.set_nans(nans_);
  WriteMoments(numbers_, message.mutable_numbers());
  sketch_.Write(message.mutable_sketch());
  message.set_distinct(distinct_);
  top_.Write(message.mutable_top());
  WriteMoments(ages_, message.mutable_ages());
  message.set_drift_only(scope_ == StatisticsScope::kDrift);
  return message.SerializeAsString();
}

absl::StatusOr<FeatureStatistics> FeatureStatistics::Decode(std::string_view bytes) {
  v1::FeatureStatistics message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      message.format_version() == 0)
    return absl::DataLossError("these are no bytes of statistics");
  if (message.format_version() > kFormatVersion) {
    return absl::UnimplementedError(
        fmt::format("the statistics have format version {}, and this forebay knows {}: use a later "
                    "one",
                    message.format_version(), kFormatVersion));
  }
  FeatureStatistics statistics(static_cast<DataType>(message.type()), message.drift_only()
                                                                          ? StatisticsScope::kDrift
                                                                          : StatisticsScope::kAll);
  const uint32_t scalar = message.type() & ~uint32_t{kListBit};
  bool intact = scalar >= 1 && scalar <= static_cast<uint32_t>(DataType::kTimestamp);
  statistics.count_ = message.count();
  statistics.nulls_ = message.nulls();
  statistics.nans_ = message.nans();
  statistics.numbers_ = ReadMoments(message.numbers());
  intact = intact && statistics.sketch_.Read(message.sketch());
  statistics.distinct_ = message.distinct();
  intact =
      intact && (statistics.counts_distinct()
                     ? DistinctOf(statistics.type_).is_intact(nullptr, &statistics.distinct_, 0)
                     : statistics.distinct_.empty());
  intact = intact && statistics.top_.Read(message.top());
  statistics.ages_ = ReadMoments(message.ages());
  if (!intact) return absl::DataLossError("these bytes of statistics are damaged");
  return statistics;
}

}  // namespace forebay
