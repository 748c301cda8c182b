// Sentences on labels whose features may not be what their owner thinks. Each names a label as an
// example; empty where there is nothing to say.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABEL_WARNINGS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABEL_WARNINGS_H_

#include <string>
#include <vector>

#include "offline/training_set/labels.h"
#include "schemas/types/strong_int.h"

namespace forebay {

struct Snapshot;
struct TimeRange;

// Where there is something to say that was not said yet.
void AddSentence(std::string sentence, std::vector<std::string>* sentences);

std::string WarnOfLabelsAfter(KnownTime now, const Labels& labels);

// `first`: of the rows of the view's table, microseconds UTC.
std::string WarnOfLabelsBefore(int64_t first, const std::string& view, const Labels& labels);

// A label's time must be within the range that the view's table was computed for.
std::string WarnOfLabelsBeforeRange(const TimeRange& range, const std::string& view,
                                    const Labels& labels);
std::string WarnOfLabelsAfterRange(const TimeRange& range, const std::string& view,
                                   const Labels& labels);

// A label's time must be before that up to which `task` has read.
std::string WarnOfLabelsAfterState(KnownTime clock, const std::string& task,
                                   const std::string& view, const Labels& labels);

// A label's time must be before the latest event, `last`: microseconds UTC.
std::string WarnOfLabelsAfterEvents(int64_t last, const std::string& source, const Labels& labels);

// A label's time must be before that up to which every task's rows are in the table (S4, S6).
std::string WarnOfIncompleteTable(const Snapshot& table, const std::string& view,
                                  const Labels& labels);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABEL_WARNINGS_H_
