// Making a training set, and saying what came of it.
#ifndef FOREBAY_CLI_TRAINING_SET_RUN_H_
#define FOREBAY_CLI_TRAINING_SET_RUN_H_

#include <string_view>

#include "absl/status/status.h"
#include "offline/training_set/training_set.h"
#include "schemas/definition/project.h"

namespace forebay {

struct TrainingSetRun {
  bool exact = false;  // with the states of the state folder
  bool explain = false;
  std::string_view things = "labels";  // what the rows are called
};

// Makes the set with its manifest, shows how far it is, and prints what was made; warehouse, states
// and settings of the store are put into `request`.
absl::Status RunTrainingSet(const LoadedProject& loaded, TrainingSetRequest request,
                            const TrainingSetRun& run);

}  // namespace forebay

#endif  // FOREBAY_CLI_TRAINING_SET_RUN_H_
