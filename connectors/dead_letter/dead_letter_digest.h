// What is in a dead-letter topic, in short.
//
//   DeadLetterDigest digest(/*newest=*/5);
//   RETURN_IF_ERROR(scan->Read([&](PartitionId partition, const RawRecord& record) {
//     absl::StatusOr<DeadLetter> letter = ReadDeadLetter(record);
//     if (letter.ok() && filter.Takes(*letter)) digest.Add(partition, *std::move(letter));
//     return absl::OkStatus();
//   }));
#ifndef FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_DIGEST_H_
#define FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_DIGEST_H_

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connectors/dead_letter/dead_letter_kind.h"

namespace forebay {

// Which dead letters are wanted.
struct DeadLetterFilter {
  std::optional<RejectReason> reason;                   // none: any
  std::string topic;                                    // that the record is in; empty: any
  int64_t since = std::numeric_limits<int64_t>::min();  // the record's timestamp, microseconds UTC

  bool Takes(const DeadLetter& letter) const {
    return (!reason || letter.reason == *reason) && (topic.empty() || letter.task.topic == topic) &&
           letter.timestamp >= since;
  }
};

class DeadLetterDigest {
 public:
  // `newest`: how many letters are kept.
  explicit DeadLetterDigest(size_t newest) : newest_(newest) {}

  // The next one of a partition of the dead-letter topic.
  void Add(PartitionId partition, DeadLetter letter);

  const std::map<DeadLetterKind, int64_t>& counts() const { return counts_; }

  // Those written last, the last one first. Of several partitions, between which nothing says which
  // was first, the records with the newest timestamps.
  std::vector<DeadLetter> Newest() const;

 private:
  const size_t newest_;
  std::map<DeadLetterKind, int64_t> counts_;
  std::map<PartitionId, std::deque<DeadLetter>> last_;  // of each partition, newest_ at most
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_DIGEST_H_
