// What dead letters are counted by, and how people are told of them.
#ifndef FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_KIND_H_
#define FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_KIND_H_

#include <compare>
#include <string>

#include "engine/batch/change_batch.h"

namespace forebay {

struct DeadLetterKind {
  std::string topic;  // that the record is in
  RejectReason reason;
  std::string view;  // empty: rejected before any view

  static DeadLetterKind Of(const DeadLetter& letter) {
    return {letter.task.topic, letter.reason, letter.view};
  }

  auto operator<=>(const DeadLetterKind&) const = default;
};

// "undecodable"; "late in view user_spend"
std::string DescribeKind(const DeadLetterKind& kind);

// "partition 3, offset 17, key 'u7': no window of the view still takes ..."; "no key" where the
// record has none.
std::string DescribeLetter(const DeadLetter& letter);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_KIND_H_
