#include "engine/task/topic_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forebay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr TopicUse kUses[] = {TopicUse::kKeyedSource, TopicUse::kSource, TopicUse::kRepartition,
                              TopicUse::kUpdates};

absl::Status Check(TopicUse use, const TopicIdentity& known, const TopicIdentity& present) {
  return CheckSameTopic("visits", {use, "it"}, known, present, "the state");
}

std::string Said(TopicUse use, const TopicIdentity& known, const TopicIdentity& present) {
  absl::Status status = Check(use, known, present);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  return std::string(status.message());
}

TEST(TopicIdentityTest, TheSameTopicIsTheSame) {
  for (TopicUse use : kUses) EXPECT_TRUE(Check(use, {"a", 4}, {"a", 4}).ok());
}

TEST(TopicIdentityTest, WhatIsNotKnownIsNotCompared) {
  for (TopicUse use : kUses) {
    EXPECT_TRUE(Check(use, {"", 4}, {"b", 4}).ok());
    EXPECT_TRUE(Check(use, {"a", 4}, {"", 4}).ok());
    EXPECT_TRUE(Check(use, {"a", 0}, {"a", 4}).ok());
  }
}

TEST(TopicIdentityTest, AnotherIdIsAnotherTopic) {
  for (TopicUse use : kUses) {
    EXPECT_THAT(Said(use, {"a", 4}, {"b", 4}),
                AllOf(HasSubstr("visits was deleted and created again: its id is b, and the state "
                                "knows one with id a"),
                      HasSubstr("`forebay reset ")));
  }
  EXPECT_THAT(Said(TopicUse::kUpdates, {"a", 4}, {"b", 4}), HasSubstr("`forebay reset it`"));
}

TEST(TopicIdentityTest, FewerPartitionsAreAnotherTopic) {
  EXPECT_THAT(Said(TopicUse::kSource, {"", 4}, {"", 3}),
              HasSubstr("it has 3 partitions, and the state knows one with 4"));
}

TEST(TopicIdentityTest, WhereAViewIsComputedByPartitionsBuildingAnewIsNotEnough) {
  std::string said = Said(TopicUse::kKeyedSource, {"a", 4}, {"a", 6});
  EXPECT_THAT(said, HasSubstr("topic visits has 6 partitions, and the state knows it with 4"));
  EXPECT_LT(said.find("say `key: none` of source it"), said.find("`forebay reset --all`"));
  EXPECT_LT(said.find("into a new topic"), said.find("`forebay reset --all`"));
  EXPECT_THAT(Said(TopicUse::kSource, {"a", 4}, {"a", 6}), Not(HasSubstr("key: none")));
}

TEST(TopicIdentityTest, FilesThatAreOthersOrReadOtherwiseAreRefused) {
  EXPECT_TRUE(Check(TopicUse::kFiles, {"a", 4}, {"a", 4}).ok());
  EXPECT_THAT(Said(TopicUse::kFiles, {"a", 4}, {"b", 4}),
              AllOf(HasSubstr("the files of source it are not those that they were"),
                    HasSubstr("`forebay reset --all`"), Not(HasSubstr("topic"))));
  EXPECT_THAT(Said(TopicUse::kFiles, {"a", 4}, {"a", 3}),
              HasSubstr("are read in 3 partitions, and were in 4"));
}

TEST(TopicIdentityTest, OnlyTheSameTopicGrows) {
  EXPECT_TRUE(HasGrown({"a", 4}, {"a", 6}));
  EXPECT_FALSE(HasGrown({"a", 4}, {"a", 4}));
  EXPECT_FALSE(HasGrown({"a", 4}, {"b", 6}));
  EXPECT_FALSE(HasGrown({"", 4}, {"", 6}));
}

}  // namespace
}  // namespace forebay
