#include "connectors/dead_letter/return_rules.h"

#include <algorithm>

#include "forebay/v1/definition.pb.h"

namespace forebay {

ReturnRules::ReturnRules(const v1::Project& project, DeadLetterFilter filter,
                         std::vector<Offset> done)
    : filter_(std::move(filter)), done_(std::move(done)) {
  for (const v1::Source& source : project.sources()) {
    std::set<std::string>& views = views_[source.topic()];
    for (const v1::FeatureView& view : project.feature_views()) {
      if (view.source() == source.name()) views.insert(view.name());
    }
  }
}

void ReturnRules::Note(const DeadLetter& letter) {
  bool rejected = letter.reason != RejectReason::kUpdateTooLarge;
  if (rejected && !letter.view.empty())
    rejecting_[{letter.task, letter.offset}].insert(letter.view);
}

Fate ReturnRules::Judge(PartitionId partition, Offset offset, const DeadLetter& letter) {
  if (!filter_.Takes(letter)) return Fate::kNotAsked;
  if (!views_.contains(letter.task.topic)) return Fate::kNotSource;
  if (offset < done_[partition.value()]) return Fate::kDone;
  if (letter.reason == RejectReason::kUpdateTooLarge) return Fate::kApplied;
  if (MayBeTaken(letter)) return Fate::kTaken;
  if (!letter.omitted.empty()) return Fate::kOmitted;
  bool first = returned_.insert({letter.task, letter.offset}).second;
  return first ? Fate::kReturns : Fate::kRepeated;
}

// Without a view the gate rejected it, before all of them.
bool ReturnRules::MayBeTaken(const DeadLetter& letter) const {
  if (letter.view.empty()) return false;
  const std::set<std::string>& all = views_.at(letter.task.topic);
  const std::set<std::string>& rejecting = rejecting_.at({letter.task, letter.offset});
  return !std::includes(rejecting.begin(), rejecting.end(), all.begin(), all.end());
}

}  // namespace forebay
