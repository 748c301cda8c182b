#include "connectors/kafka/files_end.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using testing::HasSubstr;

const TaskId kTask = {"orders", PartitionId(1)};

v1::Source SourceWith(const std::vector<int64_t>& offsets) {
  v1::Source source;
  source.set_name("orders");
  source.set_topic("orders");
  source.mutable_batch()->mutable_until_offsets()->Assign(offsets.begin(), offsets.end());
  return source;
}

// Of a partition that has records from `oldest` up to before `next`, where the files end at 100.
std::string Between(int64_t oldest, int64_t next, const TaskReading& reading) {
  absl::Status status = CheckNothingBetween(SourceWith({0, 100}), kTask, Offset(100), reading,
                                            {.oldest = Offset(oldest), .next = Offset(next)});
  EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status));
  return std::string(status.message());
}

TEST(FilesEnd, IsAnOffsetOfEachPartition) {
  EXPECT_EQ(EndOfFiles(SourceWith({7, 9}), kTask), Offset(9));
  EXPECT_EQ(EndOfFiles(SourceWith({7, 0}), kTask), Offset(0));
  EXPECT_EQ(EndOfFiles(SourceWith({}), kTask), std::nullopt);
}

TEST(FilesEnd, ThereAreAsManyOffsetsAsPartitions) {
  EXPECT_TRUE(CheckUntilOffsets(SourceWith({7, 9}), 2).ok());
  EXPECT_TRUE(CheckUntilOffsets(SourceWith({}), 2).ok());
  absl::Status status = CheckUntilOffsets(SourceWith({7, 9}), 3);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(status.message(), HasSubstr("names 2 offsets, and topic orders has 3 partitions"));
}

TEST(FilesEnd, ATaskThatHasReadNothingBeginsThere) {
  EXPECT_EQ(Between(0, 100, {}), "");
  EXPECT_EQ(Between(100, 500, {}), "");
  EXPECT_THAT(Between(101, 500, {}), HasSubstr("the oldest record that the topic keeps is at "
                                               "offset 101: what came between is in neither"));
  EXPECT_THAT(Between(0, 99, {}), HasSubstr("orders/1: by `until`, the files of source orders have "
                                            "what comes before offset 100, and the partition ends "
                                            "at offset 99"));
}

TEST(FilesEnd, ATaskThatHasReadBeyondGoesOnWhateverTheTopicStillHas) {
  EXPECT_EQ(Between(300, 500, {.position = Offset(400), .least = Offset(400)}), "");
  EXPECT_EQ(Between(0, 500, {.position = Offset(99), .least = Offset(99)}), "");
}

TEST(FilesEnd, WhatHasReadLessLacksWhatIsBetween) {
  const std::string less = "goes up to offset 98";
  EXPECT_THAT(Between(0, 500, {.position = Offset(98), .least = Offset(98)}), HasSubstr(less));
  EXPECT_THAT(Between(0, 500, {.least = Offset(98)}), HasSubstr(less));
}

TEST(FilesEnd, AViewThatIsNewBeginsThereBesideOthersThatHaveReadBeyond) {
  EXPECT_EQ(Between(100, 500, {.least = Offset(400)}), "");
  EXPECT_THAT(Between(101, 500, {.least = Offset(400)}), HasSubstr("what came between"));
}

}  // namespace
}  // namespace forebay
