#include "offline/training_set/leakage.h"

#include <arrow/api.h>
#include <arrow/compare.h>

#include <algorithm>

#include "offline/row_text.h"

namespace forebay {
namespace {

// Labels that are compared at once; where they are equal, none is looked at by itself.
constexpr int64_t kBlock = 256;

std::string ValueText(const arrow::Array& values, int64_t row) {
  std::string text;
  AppendJsonCell(values, row, &text);
  return text;
}

void CountDifference(int64_t label, const arrow::Array& served, const arrow::Array& event,
                     int64_t row, FeatureLeakage* feature) {
  ++feature->differ;
  if (served.IsNull(row)) ++feature->served_null;
  if (event.IsNull(row)) ++feature->event_null;
  if (!feature->first) feature->first = {label, ValueText(served, row), ValueText(event, row)};
}

void Compare(int64_t first, absl::Span<const KnownTime> times, const arrow::Array& served,
             const arrow::Array& event, FeatureLeakage* feature) {
  const auto bitwise = arrow::EqualOptions::Defaults().nans_equal(true).signed_zeros_equal(false);
  auto is_compared = [&](KnownTime time) { return time < feature->before; };
  feature->compared += std::ranges::count_if(times, is_compared);
  for (int64_t begin = 0; begin < std::ssize(times); begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, std::ssize(times));
    if (served.RangeEquals(event, begin, end, begin, bitwise)) continue;
    for (int64_t row = begin; row < end; ++row) {
      if (is_compared(times[row]) && !served.RangeEquals(event, row, row + 1, row, bitwise))
        CountDifference(first + row, served, event, row, feature);
    }
  }
}

}  // namespace

absl::Status LeakageCount::Add(absl::Span<const KnownTime> times, const arrow::ArrayVector& served,
                               const arrow::ArrayVector& event) {
  for (size_t i = 0; i < features_.size(); ++i) {
    const bool alike = served[i]->type()->Equals(*event[i]->type()) &&
                       served[i]->length() == std::ssize(times) &&
                       event[i]->length() == std::ssize(times);
    if (!alike)
      return absl::InternalError("the values of the two modes are not alike: " + features_[i].name);
    Compare(labels_, times, *served[i], *event[i], &features_[i]);
  }
  labels_ += std::ssize(times);
  return absl::OkStatus();
}

}  // namespace forebay
