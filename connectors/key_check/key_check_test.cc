#include "connectors/key_check/key_check.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "connectors/decode/event_decoder.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A source whose topic is said to be keyed by user, with a view of users and one of merchants.
v1::Project TwoViews() {
  v1::Project project;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(name: "shop"
           sources {
             name: "payments"
             topic: "pay"
             format: JSON
             key: "user"
             schema { name: "user" type: STRING }
             schema { name: "merchant" type: STRING }
             schema { name: "at" type: TIMESTAMP time_encoding: MILLISECONDS }
             event_time: "at"
             known_time: EVENT_TIME
             max_future_us: 300000000
           }
           entities {
             name: "user"
             keys { name: "user" type: STRING }
           }
           entities {
             name: "merchant"
             keys { name: "merchant" type: STRING }
           }
           feature_views { name: "of_merchant" version: 1 source: "payments" entity: "merchant" }
           feature_views { name: "of_user" version: 1 source: "payments" entity: "user" })pb",
      &project));
  return project;
}

struct Event {
  std::optional<std::string> key;  // of the record
  std::string user = "null";       // as JSON
};

class KeyCheckTest : public testing::Test {
 protected:
  void Watch(v1::Project project) {
    project_ = std::move(project);
    plans_ = PlanTasks(project_).value();
    check_.emplace(plans_, [this](const std::string& message) { said_.push_back(message); });
  }

  // A batch of the partition's next records.
  void Look(int32_t partition, const std::vector<Event>& events) { Look("pay", partition, events); }
  void Look(const std::string& topic, int32_t partition, const std::vector<Event>& events) {
    std::deque<std::string> values;
    std::vector<RawRecord> records;
    for (const Event& event : events) {
      values.push_back(fmt::format(R"({{"user": {}, "merchant": "m", "at": 1}})", event.user));
      records.push_back(
          {.offset = Offset(next_offset_[partition]++), .key = event.key, .value = values.back()});
    }
    EventDecoder decoder = EventDecoder::Make(project_.sources(0), plans_[0].columns).value();
    looked_ = check_->Look({topic, PartitionId(partition)}, decoder.Decode(records).value());
  }

  KeyStatistics Statistics() const {
    std::vector<KeyStatistics> all = check_->Statistics();
    EXPECT_THAT(all, SizeIs(1));
    return all[0];
  }

  v1::Project project_;
  std::vector<TaskPlan> plans_;
  std::optional<KeyCheck> check_;
  std::vector<std::string> said_;
  absl::Status looked_;  // the last look
  std::map<int32_t, int64_t> next_offset_;
};

TEST_F(KeyCheckTest, ATopicThatIsPartitionedAsItsSourceSaysIsFine) {
  Watch(TwoViews());
  Look(0, {{"u1", R"("u1")"}, {"u2", R"("u2")"}, {"u1", R"("u1")"}});
  Look(1, {{"u3", R"("u3")"}});
  Look(0, {{"u2", R"("u2")"}});
  EXPECT_EQ(Statistics(), (KeyStatistics{.topic = "pay", .compared = 3}));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(KeyCheckTest, AKeyInTwoPartitionsIsSaidOnceWithBothPlacesAndWhatToDo) {
  Watch(TwoViews());
  Look(0, {{std::nullopt, R"("u1")"}, {std::nullopt, R"("u2")"}});
  Look(2, {{std::nullopt, R"("u3")"}, {std::nullopt, R"("u2")"}});
  EXPECT_THAT(said_, ElementsAre(AllOf(
                         HasSubstr("source payments: key 'u2' is in two partitions of topic pay: 0 "
                                   "(offset 1) and 2 (offset 1, a record without a key)"),
                         HasSubstr("`key: [user]`"), HasSubstr("`key: none`"))));
  Look(1, {{std::nullopt, R"("u2")"}});
  EXPECT_THAT(said_, SizeIs(1));
  EXPECT_EQ(Statistics(), (KeyStatistics{.topic = "pay", .split = 2}));
}

TEST_F(KeyCheckTest, AKeyInTwoPartitionsIsRefusedWhereOneIsReadForTheFirstTime) {
  Watch(TwoViews());
  check_->ReadFirst({"pay", PartitionId(1)}, Offset(2));
  Look(0, {{std::nullopt, R"("u1")"}});
  EXPECT_EQ(looked_, absl::OkStatus());
  EXPECT_THAT(check_->Refused(), IsEmpty());
  Look(1, {{std::nullopt, R"("u2")"}, {std::nullopt, R"("u1")"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(looked_)) << looked_;
  EXPECT_THAT(check_->Refused(),
              ElementsAre(testing::Pair(
                  "pay", HasSubstr("key 'u1' is in two partitions of topic pay: 0 (offset 0) and 1 "
                                   "(offset 1, a record without a key)"))));
  EXPECT_THAT(said_, IsEmpty());
  Look(1, {{std::nullopt, R"("u3")"}});
  Look(0, {{std::nullopt, R"("u3")"}});
  EXPECT_EQ(looked_, absl::OkStatus()) << "of a partition that was read before";
  EXPECT_THAT(said_, SizeIs(1));
}

TEST_F(KeyCheckTest, ARecordsKeyThatIsNotItsColumnsIsSaidWhereOthersAre) {
  Watch(TwoViews());
  Look(0, {{"m", R"("u1")"}});
  Look(1, {{std::nullopt, R"("u4")"}});
  EXPECT_EQ(Statistics(), (KeyStatistics{.topic = "pay", .compared = 1}));
  EXPECT_THAT(said_, IsEmpty()) << "the form of the keys may not be known";
  Look(1, {{"u2", R"("u2")"}});
  Look(1, {{"\xFFu2", R"("u2")"}});
  EXPECT_EQ(Statistics(), (KeyStatistics{.topic = "pay", .compared = 3, .mismatching = 2}));
  EXPECT_THAT(said_, ElementsAre(HasSubstr("partition 0, offset 0 has the key 'm', and its columns "
                                           "`key: [user]` say 'u1'")));
}

TEST_F(KeyCheckTest, KeysInAFormThatIsNotKnownGetNoVerdict) {
  Watch(TwoViews());
  for (int i = 0; i < 9; ++i) Look(i % 2, {{fmt::format("user-{}", i), fmt::format("\"{}\"", i)}});
  EXPECT_EQ(Statistics(), (KeyStatistics{.topic = "pay", .compared = 9}));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(KeyCheckTest, RecordsWithoutAKeyInTheirColumnsAreNotLookedAt) {
  Watch(TwoViews());
  Look(0, {{"u1", "null"}, {std::nullopt, "null"}});
  Look(1, {{"u1", "null"}});
  EXPECT_EQ(Statistics(), (KeyStatistics{.topic = "pay"}));
}

TEST_F(KeyCheckTest, TheFirstRecordsAreAllLookedAt) {
  Watch(TwoViews());
  std::vector<Event> users(1'000);
  for (size_t i = 0; i < users.size(); ++i) users[i].user = fmt::format("\"u{}\"", i);
  Look(0, users);
  Look(1, {{std::nullopt, R"("u777")"}});
  EXPECT_EQ(Statistics().split, 1);
}

TEST_F(KeyCheckTest, LaterASampleIsEnough) {
  Watch(TwoViews());
  std::vector<Event> few_users(KeyCheck::kFirst, {"k"});
  for (size_t i = 0; i < few_users.size(); ++i) few_users[i].user = fmt::format("\"{}\"", i % 7);
  Look(0, few_users);
  Look(1, few_users);
  EXPECT_EQ(Statistics().compared, 2);
  EXPECT_EQ(said_.size(), 1u);
  EXPECT_GT(Statistics().split, 0);
  EXPECT_LE(Statistics().split, KeyCheck::kSample);
}

// Right whatever the partitions of the source are.
TEST_F(KeyCheckTest, WhatGoesThroughARepartitionTopicIsNotWatched) {
  v1::Project project = TwoViews();
  project.mutable_sources(0)->clear_key();
  Watch(project);
  ASSERT_THAT(plans_, SizeIs(3));
  for (const TaskPlan& plan : plans_) {
    Look(plan.topic, 0, {{std::nullopt, R"("u1")"}});
    Look(plan.topic, 1, {{std::nullopt, R"("u1")"}});
  }
  EXPECT_THAT(check_->Statistics(), IsEmpty());
  EXPECT_THAT(said_, IsEmpty());
}

}  // namespace
}  // namespace forebay
