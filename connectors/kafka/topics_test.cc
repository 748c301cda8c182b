#include "connectors/kafka/topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/dead_letter_record.h"
#include "connectors/kafka/record_limits.h"
#include "connectors/kafka/testing/test_project.h"
#include "connectors/kafka/update_writer.h"

namespace forebay {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Pair;

TEST(PlanTopicsTest, OneUpdateTopicPerViewAndOneDeadLetterTopic) {
  auto specs =
      PlanTopics(TestProject(),
                 {{"transactions", "transactions", "merchant", "shop.transactions.by.merchant"}},
                 {{"transactions", 6}}, 5'000'000);
  ASSERT_TRUE(specs.ok()) << specs.status();
  ASSERT_EQ(specs->size(), 4u);
  for (const TopicSpec& spec : *specs) EXPECT_EQ(spec.config.at("max.message.bytes"), "5000000");
  EXPECT_EQ((*specs)[0].name, "shop.transactions.by.merchant");
  EXPECT_EQ((*specs)[0].partitions, 6);
  EXPECT_EQ((*specs)[0].config.at("message.timestamp.type"), "CreateTime");
  EXPECT_EQ((*specs)[1].name, "shop.user_spend.v1");
  EXPECT_EQ((*specs)[1].partitions, 6);
  EXPECT_EQ((*specs)[1].config.at("cleanup.policy"), "compact");
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
  auto specs = PlanTopics(project, {}, {{"transactions", 6}}, 5'000'000);
  ASSERT_TRUE(specs.ok()) << specs.status();
  ASSERT_EQ(specs->size(), 3u);
  EXPECT_EQ((*specs)[0].name, "shop.user_visits.v1");
  EXPECT_EQ((*specs)[1].name, "shop.positions");
  EXPECT_EQ((*specs)[2].name, "shop.dead-letter");
}

TEST(PlanTopicsTest, ASourceOfUnknownSizeIsAnError) {
  EXPECT_TRUE(absl::IsNotFound(PlanTopics(TestProject(), {}, {}, 5'000'000).status()));
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

TEST(DeadLetterTest, LeavesOutWhatItsTopicCannotHold) {
  DeadLetter letter{.task = {"transactions", PartitionId(3)},
                    .offset = Offset(42),
                    .key = std::string(1000, 'k'),
                    .value = std::string(1000, 'v'),
                    .headers = {{"trace", std::string(1000, 't')}},
                    .reason = RejectReason::kUndecodable,
                    .detail = "not JSON"};
  size_t bytes = DeadLetterBytes(letter, DeadLetterHeaders(letter));
  EXPECT_GT(bytes, 3000u);
  DeadLetter without_value = FitDeadLetter(letter, bytes - 1);
  EXPECT_EQ(without_value.value, std::nullopt);
  EXPECT_EQ(without_value.key, letter.key);
  EXPECT_EQ(without_value.headers, letter.headers);
  EXPECT_THAT(DeadLetterHeaders(without_value), Contains(Pair("forebay-omitted", "value")));
  DeadLetter without_headers = FitDeadLetter(letter, 2000);
  EXPECT_EQ(without_headers.key, letter.key);
  EXPECT_TRUE(without_headers.headers.empty());
  EXPECT_EQ(without_headers.omitted, "value, headers");
  DeadLetter least = FitDeadLetter(letter, 500);
  EXPECT_EQ(least.key, std::nullopt);
  EXPECT_EQ(least.omitted, "value, headers, key");
  EXPECT_LE(DeadLetterBytes(least, DeadLetterHeaders(least)), 500u);
}

TEST(RecordLimitsTest, TheLesserOfTheTopicsLimitAndTheWorkers) {
  RecordLimits limits({.properties = {{"message.max.bytes", "100000"}}});
  limits.Bound("small", 50'000);
  limits.Bound("large", 200'000);
  EXPECT_LT(limits.Payload("small"), 50'000u);
  EXPECT_GT(limits.Payload("small"), 48'000u);
  EXPECT_GT(limits.Payload("large"), 98'000u);
  EXPECT_EQ(limits.Payload("large"), limits.Payload("another"));
  EXPECT_EQ(limits.least(), 50'000);
  limits.Bound("tiny", 100);
  EXPECT_EQ(limits.Payload("tiny"), 0u);
  EXPECT_EQ(RecordLimits(KafkaConfig()).most(), 10'485'760);
}

TEST(UpdatePartTest, AddsADeadLetterForEachUpdateThatItsTopicCannotHold) {
  const v1::Project project = TestProject();
  const TaskId task{"transactions", PartitionId(2)};
  RecordLimits limits((KafkaConfig()));
  limits.Bound("shop.user_spend.v1", 4000);
  UpdatePart part(
      std::make_shared<const PublishedViews>(MakePublishedViews(project, task, limits)));
  const std::string large(3000, 'u');
  TaskOutput output{.task = task};
  TakeSteps({{5, "ann", 1}, {7, large, 1}, {8, "bob", 1}}, 0, &part);
  part.Review(&output);
  TakeSteps({{8, large, 0, "delete"}}, 0, &part);
  part.Review(&output);
  ASSERT_EQ(output.dead_letters.size(), 2u);
  const DeadLetter& letter = output.dead_letters[0];
  EXPECT_EQ(letter.task, task);
  EXPECT_EQ(letter.offset, Offset(7));
  EXPECT_EQ(letter.position, Offset(7));
  EXPECT_EQ(letter.timestamp, 7'000'000);
  EXPECT_EQ(letter.key, large);
  EXPECT_EQ(letter.value, std::nullopt);
  EXPECT_EQ(letter.reason, RejectReason::kUpdateTooLarge);
  EXPECT_EQ(letter.view, "user_spend");
  EXPECT_EQ(letter.view_version, 1u);
  EXPECT_EQ(output.dead_letters[1].offset, Offset(8)) << "a tombstone has a key, too";
}

}  // namespace
}  // namespace forebay
