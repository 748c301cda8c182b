#include "connectors/dead_letter/dead_letter_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forebay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class DeadLetterLogTest : public testing::Test {
 protected:
  // Commits letters of partition 3 of a topic, at the next offsets.
  void Commit(int count, RejectReason reason, const std::string& view = "",
              const std::optional<std::string>& key = "u7") {
    TaskOutput output{.task = {"clicks", PartitionId(3)}};
    for (int i = 0; i < count; ++i) {
      output.dead_letters.push_back({.task = output.task,
                                     .offset = Offset(offset_++),
                                     .key = key,
                                     .reason = reason,
                                     .view = view,
                                     .detail = "it is wrong"});
    }
    const TaskOutput none{.task = {"clicks", PartitionId(0)}};
    EXPECT_TRUE(log_.Commit({&none, &output}).ok());
  }

  std::vector<std::string> TakeSaid() { return std::exchange(said_, {}); }

  std::chrono::steady_clock::time_point now_;
  std::vector<std::string> said_;
  int64_t offset_ = 0;
  DeadLetterLog log_{[this](const std::string& line) { said_.push_back(line); },
                     [this] { return now_; }};
};

TEST_F(DeadLetterLogTest, TheFirstOfAKindIsSaidAtOnceWithAnExample) {
  Commit(2, RejectReason::kUndecodable);
  EXPECT_THAT(TakeSaid(), ElementsAre("topic clicks: 2 dead-lettered as undecodable (2 since the "
                                      "start), for example partition 3, offset 1, key 'u7': it is "
                                      "wrong"));
  Commit(1, RejectReason::kLate, "spend", std::nullopt);
  EXPECT_THAT(TakeSaid(),
              ElementsAre("topic clicks: 1 dead-lettered as late in view spend (1 since "
                          "the start), for example partition 3, offset 2, no key: it is "
                          "wrong"));
}

TEST_F(DeadLetterLogTest, MoreOfThemWaitForTheirTurnAndAreCountedTogether) {
  Commit(1, RejectReason::kFuture);
  EXPECT_THAT(TakeSaid(), SizeIs(1));
  now_ += DeadLetterLog::kInterval - std::chrono::seconds(1);
  Commit(3, RejectReason::kFuture);
  Commit(4, RejectReason::kFuture);
  log_.SayDue();
  EXPECT_THAT(TakeSaid(), IsEmpty());
  now_ += std::chrono::seconds(1);
  log_.SayDue();
  log_.SayDue();
  EXPECT_THAT(TakeSaid(),
              ElementsAre("topic clicks: 7 dead-lettered as future (8 since the start), "
                          "for example partition 3, offset 7, key 'u7': it is wrong"));
}

TEST_F(DeadLetterLogTest, EveryKindHasItsOwnTurn) {
  Commit(1, RejectReason::kLate, "spend");
  Commit(1, RejectReason::kLate, "visits");
  Commit(1, RejectReason::kNullKey, "spend");
  EXPECT_THAT(TakeSaid(), SizeIs(3));
  Commit(1, RejectReason::kLate, "spend");
  EXPECT_THAT(TakeSaid(), IsEmpty());
}

TEST_F(DeadLetterLogTest, TheRestIsSaidAtTheEnd) {
  Commit(1, RejectReason::kLate, "spend");
  Commit(5, RejectReason::kLate, "spend");
  TakeSaid();
  log_.SayRest();
  log_.SayRest();
  EXPECT_THAT(TakeSaid(),
              ElementsAre(testing::HasSubstr("5 dead-lettered as late in view spend (6")));
}

TEST_F(DeadLetterLogTest, CountsAreThoseSinceTheStart) {
  EXPECT_THAT(log_.Counts(), IsEmpty());
  Commit(2, RejectReason::kLate, "spend");
  Commit(3, RejectReason::kUndecodable);
  Commit(1, RejectReason::kLate, "spend");
  std::vector<std::pair<std::string, int64_t>> counts;
  for (const DeadLetterCount& count : log_.Counts())
    counts.emplace_back(DescribeKind(count.kind), count.count);
  EXPECT_THAT(counts, ElementsAre(std::pair("undecodable", 3), std::pair("late in view spend", 3)));
}

}  // namespace
}  // namespace forebay
