// A topic scanned, and dead letters read back, on the embedded broker.
#include "connectors/kafka/topic_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "connectors/kafka/dead_letter_record.h"
#include "connectors/kafka/embedded_broker.h"
#include "connectors/kafka/testing/topic_reader.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr int32_t kScannedPartitions = 3;

class TopicScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    broker_ = EmbeddedBroker::Start().value();
    ASSERT_EQ(broker_->CreateTopic("letters", kScannedPartitions), absl::OkStatus());
  }

  void Write(const std::vector<TopicRecord>& records) {
    WriteTopic(broker_->bootstrap_servers(), "letters", records);
  }

  std::unique_ptr<TopicScan> Open() {
    return TopicScan::Open({.bootstrap_servers = broker_->bootstrap_servers()}, "letters",
                           kScannedPartitions, "tool")
        .value();
  }

  // Partition, offset and value.
  using Found = std::vector<std::tuple<int32_t, int64_t, std::string>>;
  static Found ReadAll(TopicScan& scan) {
    Found found;
    EXPECT_EQ(scan.Read([&](PartitionId partition, const RawRecord& record) {
      found.emplace_back(partition.value(), record.offset.value(), *record.value);
      return absl::OkStatus();
    }),
              absl::OkStatus());
    return found;
  }

  // What the records of the topic are as dead letters.
  std::vector<absl::StatusOr<DeadLetter>> ReadLetters() {
    std::vector<absl::StatusOr<DeadLetter>> letters;
    EXPECT_EQ(Open()->Read([&](PartitionId, const RawRecord& record) {
      letters.push_back(ReadDeadLetter(record));
      return absl::OkStatus();
    }),
              absl::OkStatus());
    return letters;
  }

  std::unique_ptr<EmbeddedBroker> broker_;
};

TEST_F(TopicScanTest, ReadsToWhereTheTopicEndedWhenItWasOpened) {
  Write({{.partition = 0, .value = "a"}, {.partition = 2, .value = "b"}});
  std::unique_ptr<TopicScan> scan = Open();
  Write({{.partition = 0, .value = "later"}, {.partition = 1, .value = "later"}});
  auto all = UnorderedElementsAre(std::tuple(0, 0, "a"), std::tuple(2, 0, "b"));
  EXPECT_THAT(ReadAll(*scan), all);
  EXPECT_THAT(ReadAll(*scan), all);
  EXPECT_THAT(scan->ends(), ElementsAre(Offset(1), Offset(0), Offset(1)));
}

TEST_F(TopicScanTest, ReadsFromOffsetsThatItIsGiven) {
  Write({{.partition = 0, .value = "a"}, {.partition = 0, .value = "b"}});
  Write({{.partition = 1, .value = "c"}, {.partition = 2, .value = "d"}});
  std::unique_ptr<TopicScan> scan = Open();
  Found found;
  ASSERT_EQ(scan->ReadFrom({Offset(1), scan->ends()[1], Offset(0)},
                           [&](PartitionId partition, const RawRecord& record) {
                             found.emplace_back(partition.value(), record.offset.value(),
                                                *record.value);
                             return absl::OkStatus();
                           }),
            absl::OkStatus());
  EXPECT_THAT(found, UnorderedElementsAre(std::tuple(0, 1, "b"), std::tuple(2, 0, "d")));
}

TEST_F(TopicScanTest, AnEmptyTopicHasNoRecordsAndAGroupThatIsNewNoOffsets) {
  std::unique_ptr<TopicScan> scan = Open();
  EXPECT_THAT(ReadAll(*scan), IsEmpty());
  EXPECT_THAT(scan->Committed().value(), ElementsAre(Offset(0), Offset(0), Offset(0)));
}

TEST_F(TopicScanTest, AnErrorOfTheVisitorEndsIt) {
  Write({{.value = "a"}, {.value = "b"}});
  int visits = 0;
  EXPECT_EQ(Open()->Read([&](PartitionId, const RawRecord&) {
    ++visits;
    return absl::AbortedError("enough");
  }),
            absl::AbortedError("enough"));
  EXPECT_EQ(visits, 1);
}

TEST_F(TopicScanTest, ADeadLetterIsReadBackAsItWas) {
  DeadLetter letter{.task = {"transactions", PartitionId(3)},
                    .offset = Offset(42),
                    .timestamp = 1'700'000'000'123'000,
                    .key = std::string("k\0", 2),
                    .headers = {{"trace", "abc"},
                                // It was one before, of another project.
                                {"__connect.errors.topic", "elsewhere"},
                                {"forebay-view", "other"}},
                    .reason = RejectReason::kLate,
                    .detail = "too late"};
  Write({{.timestamp_ms = letter.timestamp / 1000,
          .key = letter.key,
          .headers = DeadLetterHeaders(letter)}});
  std::vector<absl::StatusOr<DeadLetter>> read = ReadLetters();
  ASSERT_THAT(read, SizeIs(1));
  ASSERT_TRUE(read[0].ok()) << read[0].status();
  EXPECT_EQ(read[0]->task, letter.task);
  EXPECT_EQ(read[0]->offset, letter.offset);
  EXPECT_EQ(read[0]->timestamp, letter.timestamp);
  EXPECT_EQ(read[0]->key, letter.key);
  EXPECT_EQ(read[0]->headers, letter.headers);
  EXPECT_EQ(read[0]->reason, letter.reason);
  EXPECT_EQ(read[0]->view, "");
  EXPECT_EQ(read[0]->detail, letter.detail);
}

TEST_F(TopicScanTest, WhatForebayDidNotWriteIsNoDeadLetter) {
  RecordHeaders headers = DeadLetterHeaders({.task = {"t", PartitionId(0)}, .detail = "d"});
  auto without = [&](const std::string& name, const std::string& value) {
    TopicRecord record{.value = "v"};
    for (const auto& header : headers) {
      if (header.first != name) record.headers.push_back(header);
    }
    if (!value.empty()) record.headers.emplace_back(name, value);
    return record;
  };
  Write({without("__connect.errors.offset", ""),
         without("__connect.errors.partition", "-1"),
         without("forebay-reason", "tired"),
         {.value = "v"}});
  std::vector<std::string> messages;
  for (const absl::StatusOr<DeadLetter>& letter : ReadLetters()) {
    EXPECT_TRUE(absl::IsInvalidArgument(letter.status()));
    messages.emplace_back(letter.status().message());
  }
  EXPECT_THAT(messages, ElementsAre(HasSubstr("header __connect.errors.offset is missing"),
                                    HasSubstr("header __connect.errors.partition is \"-1\""),
                                    HasSubstr("header forebay-reason is \"tired\""),
                                    HasSubstr("header __connect.errors.topic is missing")));
}

}  // namespace
}  // namespace forebay
