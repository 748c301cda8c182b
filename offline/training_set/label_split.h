// How labels are split: into training and test sets, by a hash of a key or by time.
//
//   SplitRule rule = ParseSplit("train=0.8,test=0.2").value();
//   SplitRule rule = ParseSplit("train,test=2026-01-01").value();   // test from that time on
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABEL_SPLIT_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABEL_SPLIT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "offline/training_set/labels.h"

namespace forebay {

struct SplitRule {
  struct Part {
    std::string name;
    double share = 0;     // of the keys, all shares being 1
    int64_t from_us = 0;  // or from when on its labels are, microseconds UTC
  };
  std::vector<Part> parts;  // empty: no split; by time: in its order
  bool by_time = false;
  int64_t seed = 0;
  // By key: all labels with the same values in these columns are in one split, whatever other
  // labels there are.
  std::vector<std::string> columns;

  std::vector<std::string> Names() const;
};

// INVALID_ARGUMENT says what was expected.
absl::StatusOr<SplitRule> ParseSplit(std::string_view text);

// Per label, its split as an index into rule.parts. A null in a column is a value like any other.
// INVALID_ARGUMENT: there is no such column, or its type is none of a key.
absl::StatusOr<std::vector<uint8_t>> SplitLabels(const SplitRule& rule, const Labels& labels);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABEL_SPLIT_H_
