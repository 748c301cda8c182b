#include "connectors/dead_letter/return_rules.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using testing::ElementsAre;

v1::Project TwoSources() {
  v1::Project project;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(name: "shop"
           sources { name: "clicks" topic: "topic.clicks" }
           sources { name: "payments" topic: "topic.payments" }
           feature_views { name: "visits" source: "clicks" }
           feature_views { name: "pages" source: "clicks" }
           feature_views { name: "spend" source: "payments" })pb",
      &project));
  return project;
}

DeadLetter Letter(const std::string& topic, int64_t offset, RejectReason reason,
                  const std::string& view = "") {
  return {
      .task = {topic, PartitionId(2)}, .offset = Offset(offset), .reason = reason, .view = view};
}

// The fates of letters at offsets 0, 1, ... of the dead-letter topic's one partition.
std::vector<Fate> Fates(const std::vector<DeadLetter>& letters, DeadLetterFilter filter = {},
                        int64_t done = 0) {
  ReturnRules rules(TwoSources(), std::move(filter), {Offset(done)});
  for (const DeadLetter& letter : letters) rules.Note(letter);
  std::vector<Fate> fates;
  fates.reserve(letters.size());
  for (const DeadLetter& letter : letters) {
    fates.push_back(
        rules.Judge(PartitionId(0), Offset(static_cast<int64_t>(fates.size())), letter));
  }
  return fates;
}

TEST(ReturnRules, WhatTheGateRejectedReturns) {
  EXPECT_THAT(Fates({Letter("topic.clicks", 1, RejectReason::kUndecodable),
                     Letter("topic.payments", 1, RejectReason::kFuture)}),
              ElementsAre(Fate::kReturns, Fate::kReturns));
}

TEST(ReturnRules, OnlyWhatTheFilterTakesAndWasNotDoneBefore) {
  std::vector<DeadLetter> letters = {Letter("topic.clicks", 1, RejectReason::kUndecodable),
                                     Letter("topic.clicks", 2, RejectReason::kFuture),
                                     Letter("topic.clicks", 3, RejectReason::kUndecodable)};
  DeadLetterFilter filter{.reason = RejectReason::kUndecodable};
  EXPECT_THAT(Fates(letters, filter, 1), ElementsAre(Fate::kDone, Fate::kNotAsked, Fate::kReturns));
}

TEST(ReturnRules, ATopicThatNoSourceReadsGetsNothing) {
  EXPECT_THAT(Fates({Letter("shop.clicks.by.user", 1, RejectReason::kUndecodable),
                     Letter("gone", 1, RejectReason::kUndecodable)}),
              ElementsAre(Fate::kNotSource, Fate::kNotSource));
}

TEST(ReturnRules, ARecordThatAnotherViewMayHaveTakenStays) {
  EXPECT_THAT(Fates({Letter("topic.clicks", 1, RejectReason::kLate, "visits")}),
              ElementsAre(Fate::kTaken));
  EXPECT_THAT(Fates({Letter("topic.payments", 1, RejectReason::kLate, "spend")}),
              ElementsAre(Fate::kReturns));
}

TEST(ReturnRules, ARecordThatAllViewsRejectedReturnsOnce) {
  std::vector<DeadLetter> letters = {Letter("topic.clicks", 1, RejectReason::kLate, "visits"),
                                     Letter("topic.clicks", 1, RejectReason::kNullKey, "pages")};
  EXPECT_THAT(Fates(letters), ElementsAre(Fate::kReturns, Fate::kRepeated));
  EXPECT_THAT(Fates(letters, {.reason = RejectReason::kNullKey}),
              ElementsAre(Fate::kNotAsked, Fate::kReturns))
      << "all letters count, whatever is asked for";
}

TEST(ReturnRules, ARecordWhoseUpdateWasTooLargeWasTaken) {
  EXPECT_THAT(Fates({Letter("topic.payments", 1, RejectReason::kUpdateTooLarge, "spend")}),
              ElementsAre(Fate::kApplied));
  EXPECT_THAT(Fates({Letter("topic.clicks", 1, RejectReason::kUpdateTooLarge, "visits"),
                     Letter("topic.clicks", 1, RejectReason::kLate, "pages")}),
              ElementsAre(Fate::kApplied, Fate::kTaken));
}

TEST(ReturnRules, ALetterWithoutItsValueStays) {
  DeadLetter letter = Letter("topic.payments", 1, RejectReason::kEventTooLarge, "spend");
  letter.omitted = "value";
  EXPECT_THAT(Fates({letter}), ElementsAre(Fate::kOmitted));
}

TEST(ReturnRules, ALetterWrittenTwiceReturnsOnce) {
  EXPECT_THAT(Fates({Letter("topic.clicks", 1, RejectReason::kUndecodable),
                     Letter("topic.clicks", 1, RejectReason::kUndecodable)}),
              ElementsAre(Fate::kReturns, Fate::kRepeated));
}

}  // namespace
}  // namespace forebay
