// How the values of the two modes of a training set differ: what lookups answered (`served`), and
// what they would have answered if no event had been late (`event`).
//
//   LeakageCount count({{.name = "spend.total_1h", .before = complete_before}});
//   RETURN_IF_ERROR(count.Add(times, served, event));   // slice by slice of the labels
//   for (const FeatureLeakage& feature : count.features()) ...
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LEAKAGE_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LEAKAGE_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "schemas/types/strong_int.h"

namespace forebay {

struct FeatureLeakage {
  // Values as JSON.
  struct Example {
    int64_t label = 0;  // from 0
    std::string served;
    std::string event;
  };

  std::string name;  // as the column is called
  // Labels from then on are not compared: the table that `served` reads is not complete there.
  KnownTime before = KnownTime::Max();
  int64_t compared = 0;     // labels
  int64_t differ = 0;       // of these, those whose values differ in some bit
  int64_t served_null = 0;  // of these, those without a value in mode `served` alone
  int64_t event_null = 0;   // likewise
  std::optional<Example> first;
};

class LeakageCount {
 public:
  // Their names, and before when they are compared.
  explicit LeakageCount(std::vector<FeatureLeakage> features) : features_(std::move(features)) {}

  // The next labels' times, and their values in both modes by feature. INTERNAL: these are not of
  // one type and length.
  absl::Status Add(absl::Span<const KnownTime> times, const arrow::ArrayVector& served,
                   const arrow::ArrayVector& event);

  const std::vector<FeatureLeakage>& features() const { return features_; }

 private:
  std::vector<FeatureLeakage> features_;
  int64_t labels_ = 0;  // so far
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LEAKAGE_H_
