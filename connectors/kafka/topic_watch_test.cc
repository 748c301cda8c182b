#include "connectors/kafka/topic_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forebay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Topics = std::map<std::string, TopicIdentity>;

// A source, the topic by shop that it feeds, and an update topic; all of 4 partitions.
class CheckTopicsTest : public testing::Test {
 protected:
  CheckTopicsTest() {
    roles_ = {{"visits", {TopicUse::kKeyedSource, "visits"}},
              {"p.by.shop", {TopicUse::kRepartition, "visits"}},
              {"p.view.v1", {TopicUse::kUpdates, "view@1"}}};
    notes_ = present_ = {{"visits", {"a", 4}}, {"p.by.shop", {"b", 4}}, {"p.view.v1", {"c", 4}}};
  }

  std::string Said() {
    std::vector<TopicSpec> specs;
    for (const char* topic : {"p.by.shop", "p.view.v1"}) {
      specs.push_back(
          {.name = topic, .partitions = present_["visits"].partitions, .fed_by = "visits"});
    }
    specs.push_back({.name = "p.positions", .partitions = 1});
    absl::Status status = CheckTopics(roles_, specs, notes_, present_, "topic p.positions");
    EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << status;
    return std::string(status.message());
  }

  std::map<std::string, TopicRole> roles_;
  Topics notes_, present_;
};

TEST_F(CheckTopicsTest, TheTopicsThatWereNotedAreRight) { EXPECT_EQ(Said(), ""); }

TEST_F(CheckTopicsTest, AtTheFirstStartNothingIsNotedAndForebaysTopicsAreYetToBeMade) {
  notes_.clear();
  present_.erase("p.by.shop");
  present_.erase("p.view.v1");
  EXPECT_EQ(Said(), "");
}

TEST_F(CheckTopicsTest, AnotherTopicIsNamedWithItsWayOut) {
  present_["p.view.v1"].id = "z";
  EXPECT_THAT(Said(), AllOf(StartsWith("update topic p.view.v1 was deleted and created again"),
                            HasSubstr("topic p.positions knows one with id c"),
                            HasSubstr("`forebay reset view@1`")));
}

TEST_F(CheckTopicsTest, ATopicThatIsGoneIsNotMadeAnewInSilence) {
  present_.erase("p.by.shop");
  EXPECT_THAT(Said(), AllOf(StartsWith("repartition topic p.by.shop was deleted"),
                            HasSubstr("`forebay reset --all`")));
}

TEST_F(CheckTopicsTest, ThatTheSourceHasGrownIsSaidBeforeWhatFollowsFromIt) {
  present_["visits"].partitions = 6;
  EXPECT_THAT(Said(), AllOf(StartsWith("topic visits has 6 partitions"), HasSubstr("key: none")));
}

TEST_F(CheckTopicsTest, TheTopicsThatASourceFeedsProveThatItHasGrown) {
  notes_.clear();
  present_["visits"].partitions = 6;
  EXPECT_THAT(Said(), AllOf(StartsWith("topic p.by.shop has 4 partitions, and topic visits, which "
                                       "feeds it, has 6: partitions were added to that one"),
                            HasSubstr("key: none")));
}

TEST_F(CheckTopicsTest, ASourceThatNoViewIsComputedByMayHaveGrownBeforeAReset) {
  roles_["visits"].use = TopicUse::kSource;
  present_["visits"].partitions = 6;
  EXPECT_THAT(Said(), AllOf(StartsWith("topic p.by.shop has 4"), Not(HasSubstr("key: none"))));
  notes_ = {{"visits", {"a", 4}}};
  present_.erase("p.by.shop");
  present_.erase("p.view.v1");
  EXPECT_EQ(Said(), "");
}

TEST_F(CheckTopicsTest, PartitionsAddedToForebaysOwnTopicAreSaid) {
  notes_.clear();
  present_["p.view.v1"].partitions = 5;
  EXPECT_THAT(Said(), AllOf(StartsWith("update topic p.view.v1 has 5 partitions"),
                            HasSubstr("`forebay reset view@1`")));
}

}  // namespace
}  // namespace forebay
