// What training sets are made of, as the command line says it: shared by `forebay training-set` and
// `forebay export`.
#ifndef FOREBAY_CLI_TRAINING_SET_OPTIONS_H_
#define FOREBAY_CLI_TRAINING_SET_OPTIONS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "offline/training_set/training_set.h"

namespace CLI {
class App;
}

namespace forebay {

// The times of keys.
struct KeyTimesArguments {
  std::string at;
  std::string from;
  std::string to;
  std::string every;

  bool IsEmpty() const { return at.empty() && from.empty() && to.empty() && every.empty(); }
};

// Ascending, microseconds UTC. INVALID_ARGUMENT: there is neither `at` nor all of the others.
absl::StatusOr<std::vector<int64_t>> TimesOfKeys(const KeyTimesArguments& arguments);

// Of labels, as far as they are not in a request yet.
struct LabelArguments {
  std::string keys;  // "all", or where they are
  KeyTimesArguments times;
  std::vector<std::string> labels;  // NAME=SOURCE
  std::vector<std::string> within;  // one for all of these, or one for each
  std::vector<std::string> label_times;
  std::string labels_until;
};

// Fills in what `request` has of labels. INVALID_ARGUMENT: something is missing, or does not fit.
absl::Status TakeLabelArguments(const LabelArguments& arguments, TrainingSetRequest* request);

// What they point to must outlive the command.
void AddKeyTimesOptions(CLI::App* command, KeyTimesArguments* times);
void AddLabelOptions(CLI::App* command, LabelArguments* arguments, TrainingSetRequest* request);
void AddOutputOptions(CLI::App* command, OutputOptions* output);
void AddSplitOptions(CLI::App* command, SplitRule* split);

}  // namespace forebay

#endif  // FOREBAY_CLI_TRAINING_SET_OPTIONS_H_
