#include "offline/training_set/label_warnings.h"

#include <fmt/format.h>

#include <algorithm>

#include "offline/delta/file_pruning.h"
#include "offline/delta/snapshot.h"
#include "offline/training_set/labels_file.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// "2 of 9 labels (row 4, for example, at 2024-01-01T10:00:00.000000Z)"; empty if there are none.
template <typename Condition>
std::string Those(const Labels& labels, const Condition& condition) {
  auto first = std::find_if(labels.times.begin(), labels.times.end(), condition);
  if (first == labels.times.end()) return "";
  return fmt::format("{} of {} labels ({}, for example, at {})",
                     std::count_if(first, labels.times.end(), condition), labels.times.size(),
                     LabelPlace(labels.path, first - labels.times.begin()),
                     FormatTime(first->value()));
}

}  // namespace

void AddSentence(std::string sentence, std::vector<std::string>* sentences) {
  const bool said = std::ranges::find(*sentences, sentence) != sentences->end();
  if (!sentence.empty() && !said) sentences->push_back(std::move(sentence));
}

std::string WarnOfLabelsAfter(KnownTime now, const Labels& labels) {
  std::string those = Those(labels, [&](KnownTime time) { return time > now; });
  if (those.empty()) return "";
  return fmt::format(
      "{} are in the future: it is {}. Their features are the newest there are; is the unit of the "
      "times right?",
      those, FormatTime(now.value()));
}

std::string WarnOfLabelsBefore(int64_t first, const std::string& view, const Labels& labels) {
  std::string those = Those(labels, [&](KnownTime time) { return time.value() < first; });
  if (those.empty()) return "";
  return fmt::format("{} are before the first row of {}, {}: their features have their defaults",
                     those, view, FormatTime(first));
}

std::string WarnOfLabelsBeforeRange(const TimeRange& range, const std::string& view,
                                    const Labels& labels) {
  std::string those = Those(labels, [&](KnownTime time) { return time.value() < range.from; });
  if (those.empty()) return "";
  return fmt::format(
      "{} are before {}, from when on the table of {} was computed: where it does not have what "
      "held "
      "then, their features have their defaults",
      those, FormatTime(range.from), view);
}

std::string WarnOfLabelsAfterRange(const TimeRange& range, const std::string& view,
                                   const Labels& labels) {
  std::string those = Those(labels, [&](KnownTime time) { return time.value() >= range.to; });
  if (those.empty()) return "";
  return fmt::format(
      "{} are at or after {}, up to when the table of {} was computed: their features are the last "
      "before that, whatever came later",
      those, FormatTime(range.to), view);
}

std::string WarnOfLabelsAfterState(KnownTime clock, const std::string& task,
                                   const std::string& view, const Labels& labels) {
  std::string those = Those(labels, [&](KnownTime time) { return time >= clock; });
  if (those.empty()) return "";
  return fmt::format(
      "{} are at or after {}, the clock of task {} in the state of {}: records may still come that "
      "change their features",
      those, FormatTime(clock.value()), task, view);
}

std::string WarnOfLabelsAfterEvents(int64_t last, const std::string& source, const Labels& labels) {
  std::string those = Those(labels, [&](KnownTime time) { return time.value() >= last; });
  if (those.empty()) return "";
  return fmt::format(
      "{} are at or after {}, the latest event of {}: events may still come that change their "
      "features",
      those, FormatTime(last), source);
}

std::string WarnOfIncompleteTable(const Snapshot& table, const std::string& view,
                                  const Labels& labels) {
  if (table.clocks.empty()) {
    if (table.files.empty()) return "";
    return fmt::format(
        "the newest commit of the table of {} does not say up to when it is complete: rows may "
        "still come that change the features of late labels",
        view);
  }
  const auto& [task, clock] = *LeastComplete(table);
  int64_t until = clock.complete_before;
  std::string those = Those(labels, [&](KnownTime time) { return time.value() >= until; });
  if (those.empty()) return "";
  std::string why = until == clock.clock
                        ? fmt::format("the clock of task {}", task)
                        : fmt::format(
                              "task {} has expiry steps that are due and not yet written; "
                              "each further record of its partition brings some, and --exact "
                              "takes them from the state",
                              task);
  return fmt::format(
      "{} are at or after {}, up to where the table of {} is complete ({}): rows may still come "
      "that change their features",
      those, FormatTime(until), view, why);
}

}  // namespace forebay
