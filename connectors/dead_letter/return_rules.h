// Which dead letters may go back to the topic that their record came from.
//
//   ReturnRules rules(project, filter, done);
//   for (each letter) rules.Note(letter);
//   for (each letter) if (rules.Judge(partition, offset, letter) == Fate::kReturns) ...
//
// A record must not be applied twice by anybody, so those do not go back that another view of their
// source may have taken, and each goes back once, however many letters tell of it.
#ifndef FOREBAY_CONNECTORS_DEAD_LETTER_RETURN_RULES_H_
#define FOREBAY_CONNECTORS_DEAD_LETTER_RETURN_RULES_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connectors/dead_letter/dead_letter_digest.h"

namespace forebay {

namespace v1 {
class Project;
}

enum class Fate {
  kReturns,
  kNotAsked,   // the filter does not take it
  kDone,       // it was looked at before: it is ahead of what is to be done
  kRepeated,   // another letter of the same record goes back
  kNotSource,  // its topic is that of no source: a repartition topic, or a source that is gone
  kTaken,      // views of its source beside those that rejected it may have taken the record
  kApplied,    // the view itself has taken the record; only its update was too large
  kOmitted,    // the dead letter does not hold all of the record
};

class ReturnRules {
 public:
  // `done`: by partition of the dead-letter topic, the first offset that is to be looked at.
  ReturnRules(const v1::Project& project, DeadLetterFilter filter, std::vector<Offset> done);

  // To be told of all letters first, whatever the filter is.
  void Note(const DeadLetter& letter);

  // `partition`, `offset`: of the letter in the dead-letter topic. To be asked once per letter.
  Fate Judge(PartitionId partition, Offset offset, const DeadLetter& letter);

 private:
  using Record = std::pair<TaskId, Offset>;

  bool MayBeTaken(const DeadLetter& letter) const;

  const DeadLetterFilter filter_;
  const std::vector<Offset> done_;
  std::map<std::string, std::set<std::string>> views_;  // of the sources' topics
  std::map<Record, std::set<std::string>> rejecting_;   // views
  std::set<Record> returned_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DEAD_LETTER_RETURN_RULES_H_
