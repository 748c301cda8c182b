// What is kept of the values of one feature: enough to say how they are distributed, to merge days,
// and to measure drift, without the values.
//
//   FeatureStatistics day(DataType::kDouble);
//   day.Add(*batch->GetColumnByName("total_1h"), effective_times);
//   day.AddAges(event_times, effective_times);
//   week.Merge(day);
//   std::string bytes = week.Encode();     // forebay.v1.FeatureStatistics
//
// Numbers are counted as they are, booleans as 0 and 1, timestamps as seconds that they lie before
// the time of their row, lists as their lengths; of strings and bytes there are no numbers. Takes
// at most about 110 KB, however many values there are. Not thread-safe.
#ifndef FOREBAY_OFFLINE_STATISTICS_FEATURE_STATISTICS_H_
#define FOREBAY_OFFLINE_STATISTICS_FEATURE_STATISTICS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "offline/statistics/number_moments.h"
#include "offline/statistics/quantile_sketch.h"
#include "offline/statistics/top_values.h"
#include "schemas/types/data_type.h"

namespace arrow {
class Array;
}

namespace forebay {

enum class StatisticsScope : uint8_t {
  kAll,
  kDrift,  // what drift is measured by: no distinct counts, top values of strings and bytes alone
};

// Bins of equal width between the least and the greatest finite number.
struct Histogram {
  std::vector<double> edges;    // one more than bins; empty: there is no number
  std::vector<int64_t> counts;  // by bin
};

class FeatureStatistics {
 public:
  static constexpr std::array<double, 9> kQuantiles = {0.01, 0.05, 0.1,  0.25, 0.5,
                                                       0.75, 0.9,  0.95, 0.99};
  static constexpr size_t kHistogramBins = 20;
  // Of a string or bytes among the top values; longer ones are cut there.
  static constexpr size_t kMostTopBytes = 256;

  explicit FeatureStatistics(DataType type, StatisticsScope scope = StatisticsScope::kAll);

  // Adds the values of all rows; `times`: of each row, microseconds UTC. REQUIRES: the Arrow type
  // is that of the feature (arrow_type.h).
  void Add(const arrow::Array& values, absl::Span<const int64_t> times);
  // Adds the values of these rows; `times`: of each of them.
  void AddSome(const arrow::Array& values, absl::Span<const int64_t> rows,
               absl::Span<const int64_t> times);

  // Adds the ages of as many rows: from event_times to effective_times, microseconds UTC.
  void AddAges(absl::Span<const int64_t> event_times, absl::Span<const int64_t> effective_times);

  // REQUIRES: of the same type and scope.
  void Merge(const FeatureStatistics& other);

  DataType type() const { return type_; }
  // Whether there are numbers, by the type.
  bool has_numbers() const;
  int64_t count() const { return count_; }  // of rows
  int64_t nulls() const { return nulls_; }
  int64_t nans() const { return nans_; }
  // Of rows with a value, NaN aside.
  int64_t values() const { return count_ - nulls_ - nans_; }
  double null_rate() const;  // 0 where there are no rows

  // Of finite numbers.
  const NumberMoments& numbers() const { return numbers_; }
  const QuantileSketch& sketch() const { return sketch_; }
  // At kQuantiles; between min and max. Empty: there is no number.
  std::vector<double> Quantiles() const;
  Histogram MakeHistogram() const;
  // nullopt: not counted, as of lists.
  std::optional<int64_t> Distinct() const;
  const TopValues& top() const { return top_; }
  // An entry of top() as people read it.
  std::string TextOf(std::string_view top_value) const;
  const NumberMoments& ages() const { return ages_; }  // seconds

  std::string Encode() const;
  // DATA_LOSS: these are not the bytes of statistics. UNIMPLEMENTED: of a later program's.
  static absl::StatusOr<FeatureStatistics> Decode(std::string_view bytes);

 private:
  // Rows of an array: the first `count`, or those of `numbers`, with their times.
  struct Rows {
    int64_t count = 0;
    const int64_t* numbers = nullptr;  // null: all
    const int64_t* times = nullptr;

    int64_t operator[](int64_t i) const { return numbers == nullptr ? i : numbers[i]; }
  };

  void AddRows(const arrow::Array& values, const Rows& rows);
  // Calls add(array, row, i) for each that is not null.
  template <typename ArrayType, typename AddValue>
  void AddEach(const arrow::Array& values, const Rows& rows, AddValue add);
  void AddNumber(double value);
  // `value`: a number or a boolean, as the type says.
  template <typename T>
  void AddScalar(T value);
  void AddText(std::string_view text);
  bool counts_distinct() const { return scope_ == StatisticsScope::kAll && !IsList(type_); }

  DataType type_;
  StatisticsScope scope_;
  int64_t count_ = 0;
  int64_t nulls_ = 0;
  int64_t nans_ = 0;
  NumberMoments numbers_;
  QuantileSketch sketch_;
  std::string distinct_;  // of approx_count_distinct
  TopValues top_;
  NumberMoments ages_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_STATISTICS_FEATURE_STATISTICS_H_
