// Whether a training set that is made again is the same, and what differs.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_REPEAT_CHECK_H_
#define FOREBAY_OFFLINE_TRAINING_SET_REPEAT_CHECK_H_

#include <vector>

#include "absl/status/status.h"
#include "offline/training_set/training_set.h"

namespace forebay {

// FAILED_PRECONDITION names the file that is not what it was.
absl::Status CheckSameInputs(const std::vector<InputFile>& before,
                             const std::vector<InputFile>& now);

// Of features as they are resolved now.
absl::Status CheckSameFeatures(const std::vector<TrainingSetSummary::Feature>& before,
                               const std::vector<TrainingSetSummary::Feature>& now);

// Of mode `event`: whether the events are read from the same files and archives.
absl::Status CheckSameEvents(const std::vector<EventsRead>& before,
                             const std::vector<EventsRead>& now);

absl::Status CheckSameOutputs(const std::vector<OutputFile>& before,
                              const std::vector<OutputFile>& now);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_REPEAT_CHECK_H_
