#include "connectors/dead_letter/dead_letter_digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forebay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

DeadLetter Letter(int64_t timestamp, RejectReason reason = RejectReason::kFuture,
                  const std::string& topic = "clicks", const std::string& view = "") {
  return {.task = {topic, PartitionId(0)}, .timestamp = timestamp, .reason = reason, .view = view};
}

std::vector<int64_t> Timestamps(const std::vector<DeadLetter>& letters) {
  std::vector<int64_t> timestamps;
  timestamps.reserve(letters.size());
  for (const DeadLetter& letter : letters) timestamps.push_back(letter.timestamp);
  return timestamps;
}

TEST(DeadLetterDigest, CountsByTopicReasonAndView) {
  DeadLetterDigest digest(1);
  for (int i = 0; i < 3; ++i) digest.Add(PartitionId(0), Letter(i));
  digest.Add(PartitionId(0), Letter(4, RejectReason::kLate, "clicks", "visits"));
  digest.Add(PartitionId(1), Letter(5, RejectReason::kFuture, "payments"));
  digest.Add(PartitionId(1), Letter(6));
  std::map<DeadLetterKind, int64_t> expected = {{{"clicks", RejectReason::kFuture, ""}, 4},
                                                {{"clicks", RejectReason::kLate, "visits"}, 1},
                                                {{"payments", RejectReason::kFuture, ""}, 1}};
  EXPECT_EQ(digest.counts(), expected);
}

TEST(DeadLetterDigest, TheNewestOfOnePartitionAreThoseWrittenLast) {
  DeadLetterDigest digest(2);
  for (int64_t timestamp : {9, 8, 1, 7}) digest.Add(PartitionId(0), Letter(timestamp));
  EXPECT_THAT(Timestamps(digest.Newest()), ElementsAre(7, 1));
}

TEST(DeadLetterDigest, TheNewestOfSeveralPartitionsHaveTheNewestTimestamps) {
  DeadLetterDigest digest(3);
  for (int64_t timestamp : {1, 5, 6}) digest.Add(PartitionId(0), Letter(timestamp));
  for (int64_t timestamp : {2, 3, 9}) digest.Add(PartitionId(1), Letter(timestamp));
  EXPECT_THAT(Timestamps(digest.Newest()), ElementsAre(9, 6, 5));
  EXPECT_THAT(DeadLetterDigest(3).Newest(), IsEmpty());
}

TEST(DeadLetterFilter, TakesWhatAllOfItsPartsTake) {
  DeadLetter letter = Letter(100, RejectReason::kLate, "clicks", "visits");
  EXPECT_TRUE(DeadLetterFilter().Takes(letter));
  DeadLetterFilter filter{.reason = RejectReason::kLate, .topic = "clicks", .since = 100};
  EXPECT_TRUE(filter.Takes(letter));
  EXPECT_FALSE(filter.Takes(Letter(99, RejectReason::kLate)));
  EXPECT_FALSE(filter.Takes(Letter(100, RejectReason::kFuture)));
  EXPECT_FALSE(filter.Takes(Letter(100, RejectReason::kLate, "payments")));
}

}  // namespace
}  // namespace forebay
