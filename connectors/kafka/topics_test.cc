#include "connectors/kafka/topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/dead_letter_record.h"
#include "connectors/kafka/testing/test_project.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(PlanTopicsTest, OneUpdateTopicPerViewAndOneDeadLetterTopic) {
  auto specs =
      PlanTopics(TestProject(),
                 {{"transactions", "transactions", "merchant", "shop.transactions.by.merchant"}},
                 {{"transactions", 6}});
  ASSERT_TRUE(specs.ok()) << specs.status();
  ASSERT_EQ(specs->size(), 4u);
  EXPECT_EQ((*specs)[0].name, "shop.transactions.by.merchant");
  EXPECT_EQ((*specs)[0].partitions, 6);
  EXPECT_EQ((*specs)[0].config.at("message.timestamp.type"), "CreateTime");
  EXPECT_EQ((*specs)[1].name, "shop.user_spend.v1");
  EXPECT_EQ((*specs)[1].partitions, 6);
  EXPECT_THAT((*specs)[1].config, ElementsAre(Pair("cleanup.policy", "compact")));
  EXPECT_EQ((*specs)[2].name, "shop.positions");
  EXPECT_EQ((*specs)[2].partitions, 1);
  EXPECT_EQ((*specs)[2].config.at("cleanup.policy"), "compact");
  EXPECT_EQ((*specs)[3].name, "shop.dead-letter");
  EXPECT_TRUE((*specs)[3].any_partition_count);
}

TEST(PlanTopicsTest, AViewWithUpdatesOffHasNoTopic) {
  v1::Project project = TestProject();
  *project.add_feature_views() = project.feature_views(0);
  project.mutable_feature_views(0)->set_updates(v1::FeatureView::OFF);
  project.mutable_feature_views(1)->set_name("user_visits");
  auto specs = PlanTopics(project, {}, {{"transactions", 6}});
  ASSERT_TRUE(specs.ok()) << specs.status();
  ASSERT_EQ(specs->size(), 3u);
  EXPECT_EQ((*specs)[0].name, "shop.user_visits.v1");
  EXPECT_EQ((*specs)[1].name, "shop.positions");
  EXPECT_EQ((*specs)[2].name, "shop.dead-letter");
}

TEST(PlanTopicsTest, ASourceOfUnknownSizeIsAnError) {
  EXPECT_TRUE(absl::IsNotFound(PlanTopics(TestProject(), {}, {}).status()));
}

TEST(DeadLetterHeadersTest, OwnHeadersFirstThenConnectsThenForebays) {
  DeadLetter letter{.task = {"transactions", PartitionId(3)},
                    .offset = Offset(42),
                    .headers = {{"trace", "abc"}},
                    .reason = RejectReason::kLate,
                    .view = "user_spend",
                    .view_version = 2,
                    .detail = "too late"};
  EXPECT_THAT(
      DeadLetterHeaders(letter),
      ElementsAre(Pair("trace", "abc"), Pair("__connect.errors.topic", "transactions"),
                  Pair("__connect.errors.partition", "3"), Pair("__connect.errors.offset", "42"),
                  Pair("__connect.errors.stage", "TRANSFORMATION"),
                  Pair("__connect.errors.class.name", "forebay"),
                  Pair("__connect.errors.exception.message", "too late"),
                  Pair("forebay-reason", "late"), Pair("forebay-view", "user_spend"),
                  Pair("forebay-view-version", "2")));
}

}  // namespace
}  // namespace forebay
