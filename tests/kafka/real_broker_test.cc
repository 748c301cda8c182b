#include "tests/kafka/real_broker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/repartition_sink.h"
#include "connectors/kafka/testing/bell.h"
#include "connectors/kafka/testing/test_project.h"
#include "connectors/kafka/testing/test_worker.h"
#include "connectors/kafka/testing/topic_reader.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/transactional_producer.h"
#include "connectors/kafka/update_sink.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int32_t kPartitions = 2;
constexpr int64_t kTopicBytes = 1'000'000;  // that a record of the project's topics may have

// Offset and value of each change record, read committed.
std::vector<std::pair<std::string, std::string>> Updates(const std::string& brokers,
                                                         const std::string& topic) {
  std::vector<std::pair<std::string, std::string>> updates;
  for (const TopicRecord& record : ReadTopic(brokers, topic)) {
    updates.emplace_back(record.Header("forebay-source"), record.key.value_or("none"));
  }
  return updates;
}

// Every test has a project of its own, so that topics and groups do not meet.
class RealBrokerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!broker_.missing().empty()) GTEST_SKIP() << broker_.missing();
    project_ = TestProject();
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    project_.set_name(name);
    project_.mutable_sources(0)->set_topic(name + ".transactions");
    topic_ = project_.sources(0).topic();
    update_topic_ = name + ".user_spend.v1";
    task_ = {topic_, PartitionId(1)};
    config_.bootstrap_servers = broker_.address();
    auto admin = KafkaAdmin::Create(config_);
    ASSERT_TRUE(admin.ok()) << admin.status();
    admin_ = *std::move(admin);
    ASSERT_TRUE(admin_->WaitForBroker(absl::Seconds(30), nullptr).ok());
    ASSERT_EQ(admin_->CreateTopic({.name = topic_, .partitions = kPartitions}), absl::OkStatus());
    auto specs = PlanTopics(project_, {}, {{topic_, kPartitions}}, kTopicBytes);
    ASSERT_TRUE(specs.ok()) << specs.status();
    ASSERT_EQ(EnsureTopics(*admin_, *specs), absl::OkStatus());
  }

  UpdateSinkOptions SinkOptions(const std::string& worker_id = "w1") {
    return {.kafka = config_, .worker_id = worker_id, .cancel = &cancel_};
  }

  TestWorker::Topics Topics() const { return {{topic_, kPartitions}}; }

  RealBroker& broker_ = RealBroker::Get();
  v1::Project project_;
  std::string topic_;
  std::string update_topic_;
  TaskId task_;
  KafkaConfig config_;
  std::unique_ptr<KafkaAdmin> admin_;
  std::atomic<bool> cancel_ = false;
};

TEST_F(RealBrokerTest, PublishesChangesOfEachCommitOnceInTheTasksPartition) {
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  TaskOutput first = TestOutput(sink, task_, 5, {{3, "ann", 1}, {5, "bob", 1}});
  TaskOutput second = TestOutput(sink, task_, 9, {{9, "ann", 2}, {9, "bob", 0, "delete"}});
  ASSERT_EQ(sink.Commit({&first}), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&second}), absl::OkStatus());

  std::vector<TopicRecord> records = ReadTopic(broker_.address(), update_topic_);
  ASSERT_EQ(records.size(), 4u);
  for (const TopicRecord& record : records) EXPECT_EQ(record.partition, 1);
  EXPECT_EQ(records[2].key, "ann");
  EXPECT_THAT(records[2].value.value_or(""), HasSubstr("\"count\":2"));
  EXPECT_EQ(records[3].key, "bob");
  EXPECT_EQ(records[3].value, std::nullopt);
  auto committed = worker.consumer().Committed({task_}, absl::Seconds(5));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_THAT(*committed, ElementsAre(std::optional<Offset>(10)));
}

TEST_F(RealBrokerTest, DeadLettersKeepTheRecordAndSayWhy) {
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  TaskOutput output{.task = task_, .position = Offset(4)};
  output.dead_letters.push_back({.task = task_,
                                 .offset = Offset(4),
                                 .position = Offset(4),
                                 .timestamp = 1'356'998'400'000'000,  // 2013
                                 .key = "k",
                                 .value = std::string("\xff not json", 10),
                                 .headers = {{"trace", "abc"}},
                                 .reason = RejectReason::kUndecodable,
                                 .detail = "not JSON at byte 0"});
  ASSERT_EQ(sink.Commit({&output}), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&output}), absl::OkStatus());
  std::vector<TopicRecord> letters = ReadTopic(broker_.address(), project_.name() + ".dead-letter");
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].key, "k");
  EXPECT_EQ(letters[0].value, std::string("\xff not json", 10));
  EXPECT_EQ(letters[0].timestamp_ms, 1'356'998'400'000);
  EXPECT_THAT(
      letters[0].headers,
      ElementsAre(Pair("trace", "abc"), Pair("__connect.errors.topic", topic_),
                  Pair("__connect.errors.partition", "1"), Pair("__connect.errors.offset", "4"),
                  Pair("__connect.errors.stage", "VALUE_CONVERTER"),
                  Pair("__connect.errors.class.name", "forebay"),
                  Pair("__connect.errors.exception.message", "not JSON at byte 0"),
                  Pair("forebay-reason", "undecodable")));
}

// Positions move without rows: the group's offsets follow at Close at the latest, and hide nothing.
TEST_F(RealBrokerTest, PositionsWithoutRowsAreSentAtClose) {
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  for (int64_t position : {10, 20, 30}) {
    TaskOutput output = TestOutput(sink, task_, position, {});
    ASSERT_EQ(sink.Commit({&output}), absl::OkStatus());
  }
  ASSERT_EQ(sink.Close(task_), absl::OkStatus());
  auto committed = worker.consumer().Committed({task_}, absl::Seconds(5));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_THAT(*committed, ElementsAre(std::optional<Offset>(31)));
}

// Without update topics positions need no transaction, dead letters still are one with theirs.
TEST_F(RealBrokerTest, WithoutUpdatesOnlyDeadLettersAndPositionsArePublished) {
  project_.mutable_feature_views(0)->set_updates(v1::FeatureView::OFF);
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  auto committed = [&] {
    return worker.consumer().Committed({task_}, absl::Seconds(5)).value()[0];
  };
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  TaskOutput rows = TestOutput(sink, task_, 10, {{10, "ann", 1}});
  ASSERT_EQ(sink.Commit({&rows}), absl::OkStatus());
  EXPECT_EQ(committed(), Offset(11));
  TaskOutput letter{.task = task_, .position = Offset(12)};
  letter.dead_letters.push_back(
      {.task = task_, .offset = Offset(12), .position = Offset(12), .value = "x"});
  ASSERT_EQ(sink.Commit({&letter}), absl::OkStatus());
  EXPECT_EQ(committed(), Offset(13));
  TaskOutput last = TestOutput(sink, task_, 20, {{20, "ann", 1}});
  ASSERT_EQ(sink.Commit({&last}), absl::OkStatus());
  ASSERT_EQ(sink.Close(task_), absl::OkStatus());
  EXPECT_EQ(committed(), Offset(21));
  // As after a crash between the sinks' commit and the state's.
  EXPECT_EQ(sink.Open(task_).value(), Offset(20));
  ASSERT_EQ(sink.Commit({&letter}), absl::OkStatus());
  EXPECT_EQ(ReadTopic(broker_.address(), project_.name() + ".dead-letter").size(), 1u);
  EXPECT_THAT(Updates(broker_.address(), update_topic_), IsEmpty());
}

// A transaction that was left open by a worker that died is aborted by the next one, and redone.
TEST_F(RealBrokerTest, NewProducerAbortsWhatADeadWorkerLeftOpen) {
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  auto dead =
      TransactionalProducer::Create(config_, "forebay-" + project_.name() + "-w1", &cancel_);
  ASSERT_TRUE(dead.ok()) << dead.status();
  ASSERT_EQ((*dead)->Begin(), absl::OkStatus());
  ASSERT_EQ((*dead)->records().Produce({.topic = update_topic_, .partition = 1, .key = "lost"}),
            absl::OkStatus());
  ASSERT_EQ((*dead)->SendOffsets({{task_, Offset(6)}}, worker.consumer().GroupMetadata().get()),
            absl::OkStatus());

  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  TaskOutput output = TestOutput(sink, task_, 5, {{5, "ann", 1}});
  ASSERT_EQ(sink.Commit({&output}), absl::OkStatus());
  EXPECT_THAT(Updates(broker_.address(), update_topic_),
              ElementsAre(Pair(HasSubstr("/5/"), "ann")));
  // The dead one, had it only been slow, finds out that it was replaced.
  absl::Status late = (*dead)->Commit();
  EXPECT_TRUE(absl::IsUnavailable(late)) << late;
  EXPECT_TRUE((*dead)->fenced());
  EXPECT_FALSE((*dead)->Recover(absl::InfiniteDuration()));
}

TEST_F(RealBrokerTest, SecondWorkerWithTheSameIdStopsTheFirst) {
  TestWorker first(broker_.address(), "w1", Topics());
  first.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &first.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  TestWorker second(broker_.address(), "w1", Topics());
  second.WaitForTasks(2);
  absl::Status failure = first.WaitForFailure();
  EXPECT_TRUE(absl::IsFailedPrecondition(failure)) << failure;
  EXPECT_THAT(failure.ToString(), HasSubstr("its own worker_id"));
  TaskOutput output = TestOutput(sink, task_, 5, {{5, "ann", 1}});
  EXPECT_TRUE(absl::IsAborted(sink.Commit({&output})));
  EXPECT_THAT(Updates(broker_.address(), update_topic_), IsEmpty());
}

// Whoever waits for records of a task that another worker got must not wait for ever.
TEST_F(RealBrokerTest, ARebalanceWakesWhoWatchesATask) {
  const TaskId kept = {topic_, PartitionId(0)};
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  Bell bell_of_kept, bell_of_lost;
  worker.consumer().Watch(kept, bell_of_kept.Ring());
  worker.consumer().Watch(task_, bell_of_lost.Ring());
  TestWorker other(broker_.address(), "w2", Topics());
  ASSERT_THAT(other.WaitForTasks(1), ElementsAre(task_));
  absl::Status status;
  while (status.ok() && bell_of_lost.Wait())
    status = worker.consumer().Fetch(task_, 1, absl::ZeroDuration()).status();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  ASSERT_THAT(worker.WaitForTasks(1), ElementsAre(kept));
  WriteTopic(broker_.address(), topic_, {{.value = "v0"}});
  EXPECT_THAT(FetchWhenWoken(worker.consumer(), kept, &bell_of_kept, 1), ElementsAre("v0"));
}

// A worker whose tasks went to another while it was not looking must not publish for them.
TEST_F(RealBrokerTest, WorkerOfAnOldGenerationIsTurnedAway) {
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  auto producer = TransactionalProducer::Create(config_, "zombie", &cancel_);
  ASSERT_TRUE(producer.ok()) << producer.status();
  auto old_generation = worker.consumer().GroupMetadata();
  TestWorker other(broker_.address(), "w2", Topics());
  other.WaitForTasks(1);
  ASSERT_EQ((*producer)->Begin(), absl::OkStatus());
  ASSERT_EQ(
      (*producer)->records().Produce({.topic = update_topic_, .partition = 1, .key = "zombie"}),
      absl::OkStatus());
  absl::Status status = (*producer)->SendOffsets({{task_, Offset(6)}}, old_generation.get());
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_TRUE((*producer)->Recover(absl::InfiniteDuration()));
  EXPECT_THAT(Updates(broker_.address(), update_topic_), IsEmpty());
}

// The topic takes less than the sink was told: as if it had been changed since.
TEST_F(RealBrokerTest, RecordThatTheBrokerRefusesIsAnErrorThatSaysWhatToDoAndMovesNothing) {
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  std::string noise(3'000'000, ' ');  // does not compress
  uint32_t x = 1;
  for (char& c : noise) c = static_cast<char>('0' + ((x = x * 1664525 + 1013904223) >> 24) % 64);
  TaskOutput output = TestOutput(sink, task_, 5, {{5, noise, 1}});
  absl::Status status = sink.Commit({&output});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("raise max.message.bytes of the topic"));
  EXPECT_EQ(sink.Close(task_), absl::OkStatus());
  EXPECT_THAT(worker.consumer().Committed({task_}, absl::Seconds(5)).value(),
              ElementsAre(std::optional<Offset>()));
  ASSERT_EQ(sink.Open(task_).value(), Offset(-1));
  TaskOutput smaller = TestOutput(sink, task_, 5, {{5, "ann", 1}});
  EXPECT_EQ(sink.Commit({&smaller}), absl::OkStatus());
  EXPECT_THAT(Updates(broker_.address(), update_topic_),
              ElementsAre(Pair(HasSubstr("/5/"), "ann")));
}

TEST_F(RealBrokerTest, LimitsAreThoseOfTheTopics) {
  auto specs = PlanTopics(project_, {}, {{topic_, kPartitions}}, kTopicBytes);
  RecordLimits limits(config_);
  ASSERT_EQ(LearnLimits(*admin_, *specs, &limits), absl::OkStatus());
  EXPECT_LT(limits.Payload(update_topic_), static_cast<size_t>(kTopicBytes));
  EXPECT_GT(limits.Payload("another"), static_cast<size_t>(kTopicBytes));
  EXPECT_EQ(limits.least(), kTopicBytes);
}

// SIGKILL of the broker between two commits, and one commit while it is away.
TEST_F(RealBrokerTest, CommitWaitsForABrokerThatWasKilled) {
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  TaskOutput before = TestOutput(sink, task_, 3, {{3, "ann", 1}});
  ASSERT_EQ(sink.Commit({&before}), absl::OkStatus());
  broker_.Do("kill");
  TaskOutput during = TestOutput(sink, task_, 5, {{5, "bob", 1}});
  absl::Status status = absl::UnknownError("waits");
  std::thread committer([&] { status = sink.Commit({&during}); });
  broker_.Do("restart");
  committer.join();
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_THAT(Updates(broker_.address(), update_topic_),
              ElementsAre(Pair(HasSubstr("/3/"), "ann"), Pair(HasSubstr("/5/"), "bob")));
}

// Commits all the while, the broker killed in the middle of them, again and again.
TEST_F(RealBrokerTest, EveryRowOnceThoughTheBrokerIsKilledInTheMiddle) {
  constexpr int64_t kCommits = 60;
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  std::atomic<int64_t> done = 0;
  absl::Status status;
  std::thread committer([&] {
    for (int64_t i = 0; i < kCommits && status.ok(); ++i) {
      std::vector<TestRow> rows;
      for (int64_t j = 0; j < 200; ++j) rows.push_back({i * 200 + j, "u" + std::to_string(j), i});
      TaskOutput output = TestOutput(sink, task_, i * 200 + 199, rows);
      status = sink.Commit({&output});
      done = status.ok() ? i + 1 : kCommits;
    }
  });
  for (int64_t at : {10, 30}) {
    while (done < at) absl::SleepFor(absl::Milliseconds(1));
    broker_.Do("kill");
    broker_.Do("restart");
  }
  committer.join();
  ASSERT_EQ(status, absl::OkStatus());
  std::vector<std::string> expected;
  std::vector<std::string> found;
  for (int64_t i = 0; i < kCommits * 200; ++i) expected.push_back(std::to_string(i));
  for (const TopicRecord& record : ReadTopic(broker_.address(), update_topic_)) {
    std::string source = record.Header("forebay-source");  // topic/partition/offset/ordinal
    source = source.substr(0, source.rfind('/'));
    found.push_back(source.substr(source.rfind('/') + 1));
  }
  EXPECT_EQ(found, expected);
}

// At least once: records may repeat, but each key's newest record stays the last one.
TEST_F(RealBrokerTest, AtLeastOnceLosesNothingThoughTheBrokerIsKilled) {
  constexpr int64_t kCommits = 40;
  constexpr int64_t kRows = 50;
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  UpdateSinkOptions options = SinkOptions();
  options.delivery = Delivery::kAtLeastOnce;
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), options);
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  std::atomic<int64_t> done = 0;
  absl::Status status;
  std::thread committer([&] {
    for (int64_t i = 0; i < kCommits && status.ok(); ++i) {
      std::vector<TestRow> rows;
      for (int64_t j = 0; j < kRows; ++j) {
        rows.push_back({i * kRows + j, "u" + std::to_string(j), i});
      }
      TaskOutput output = TestOutput(sink, task_, i * kRows + kRows - 1, rows);
      status = sink.Offer(output);
      if (status.ok()) status = sink.Commit({&output});
      done = status.ok() ? i + 1 : kCommits;
    }
  });
  while (done < 10) absl::SleepFor(absl::Milliseconds(1));
  broker_.Do("kill");
  broker_.Do("restart");
  committer.join();
  ASSERT_EQ(status, absl::OkStatus());
  std::map<int64_t, int> times;
  std::map<std::string, std::string> newest;
  for (const TopicRecord& record : ReadTopic(broker_.address(), update_topic_)) {
    std::string source = record.Header("forebay-source");
    source = source.substr(0, source.rfind('/'));
    ++times[std::stoll(source.substr(source.rfind('/') + 1))];
    newest[*record.key] = *record.value;
  }
  EXPECT_EQ(times.size(), static_cast<size_t>(kCommits * kRows));
  ASSERT_EQ(newest.size(), static_cast<size_t>(kRows));
  for (const auto& [key, value] : newest) {
    EXPECT_THAT(value, HasSubstr("\"count\":" + std::to_string(kCommits - 1))) << key;
  }
}

// Were a record given up after a while, those behind it would come without it, and the reading task
// would take it for a duplicate when it is sent again.
TEST_F(RealBrokerTest, RepartitionLeavesNoGapThoughTheBrokerHangsForLong) {
  const std::string topic = project_.name() + ".transactions.by.merchant";
  ASSERT_EQ(admin_->CreateTopic({.name = topic, .partitions = kPartitions}), absl::OkStatus());
  KafkaConfig impatient = config_;
  impatient.properties["message.timeout.ms"] = "1000";
  RepartitionSink sink({{"transactions", topic_, "merchant", topic}}, {{topic_, kPartitions}},
                       {.kafka = impatient, .cancel = &cancel_});
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  auto forwarded = [&](int64_t offset) {
    return ForwardedRecord{.entity = "merchant",
                           .key = "m",
                           .value = "v",
                           .timestamp = 1'000'000,
                           .known_time = KnownTime(1),
                           .origin = {PartitionId(1), Offset(offset)}};
  };
  constexpr int64_t kRecords = 25;
  TaskOutput all{.task = task_, .position = Offset(kRecords - 1)};
  broker_.Do("pause");
  for (int64_t offset = 0; offset < kRecords; ++offset) {
    TaskOutput output{.task = task_, .position = Offset(offset)};
    output.forwarded.push_back(forwarded(offset));
    all.forwarded.push_back(forwarded(offset));
    EXPECT_EQ(sink.Offer(output), absl::OkStatus());
    absl::SleepFor(absl::Milliseconds(100));  // older than a record may be, in all
  }
  broker_.Do("resume");
  // In order; markers left out.
  auto offsets = [&] {
    std::vector<int64_t> read;
    for (const TopicRecord& record : ReadTopic(broker_.address(), topic)) {
      if (record.Header("forebay-control").empty())
        read.push_back(std::stoll(record.Header("forebay-source-offset")));
    }
    return read;
  };
  while (offsets().empty()) absl::SleepFor(absl::Milliseconds(10));
  ASSERT_EQ(sink.Commit({&all}), absl::OkStatus());
  int64_t next = 0;
  for (int64_t offset : offsets()) {
    EXPECT_LE(offset, next) << "records are lacking before it";
    next = std::max(next, offset + 1);
  }
  EXPECT_EQ(next, kRecords);
}

TEST_F(RealBrokerTest, RepartitionLosesNothingAndMarksWhatIsThereThoughTheBrokerIsKilled) {
  constexpr int64_t kCommits = 40;
  constexpr int64_t kRecords = 50;
  const std::string topic = project_.name() + ".transactions.by.merchant";
  ASSERT_EQ(admin_->CreateTopic({.name = topic, .partitions = kPartitions}), absl::OkStatus());
  RepartitionSink sink({{"transactions", topic_, "merchant", topic}}, {{topic_, kPartitions}},
                       {.kafka = config_, .cancel = &cancel_});
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  std::atomic<int64_t> done = 0;
  absl::Status status;
  std::thread committer([&] {
    for (int64_t i = 0; i < kCommits && status.ok(); ++i) {
      TaskOutput output{.task = task_, .position = Offset(i * kRecords + kRecords - 1)};
      for (int64_t j = 0; j < kRecords; ++j) {
        output.forwarded.push_back({.entity = "merchant",
                                    .key = "m" + std::to_string(j),
                                    .value = "v",
                                    .timestamp = 1'000'000,
                                    .known_time = KnownTime(1),
                                    .origin = {PartitionId(1), Offset(i * kRecords + j)}});
      }
      status = sink.Offer(output);
      if (status.ok()) status = sink.Commit({&output});
      done = status.ok() ? i + 1 : kCommits;
    }
  });
  while (done < 10) absl::SleepFor(absl::Milliseconds(1));
  broker_.Do("kill");
  broker_.Do("restart");
  committer.join();
  ASSERT_EQ(status, absl::OkStatus());
  // As the reading task does it: what is not above the highest offset seen is a duplicate.
  std::map<int32_t, int64_t> highest;
  std::set<int64_t> taken;
  std::map<int32_t, int64_t> marked;
  for (const TopicRecord& record : ReadTopic(broker_.address(), topic)) {
    int64_t offset = std::stoll(record.Header("forebay-source-offset"));
    if (!record.Header("forebay-control").empty()) {
      marked[record.partition] = offset;
    } else if (highest.emplace(record.partition, -1).first->second < offset) {
      highest[record.partition] = offset;
      EXPECT_GT(offset, marked.emplace(record.partition, -1).first->second);
      taken.insert(offset);
    }
  }
  EXPECT_EQ(taken.size(), static_cast<size_t>(kCommits * kRecords));
  int64_t last = kCommits * kRecords - 1;
  EXPECT_THAT(marked, ElementsAre(Pair(0, last), Pair(1, last)));
}

// A broker away for longer than the session: the tasks are lost meanwhile, and come back.
// Whether the commit under way still goes through depends on who is back first, the group or the
// transaction; either way each row is published once.
TEST_F(RealBrokerTest, CommitOfTasksThatWereLostIsAbortedOrWholeAndReplayGoesThrough) {
  TestWorker worker(broker_.address(), "w1", Topics(), {}, /*session_timeout_ms=*/1500);
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  broker_.Do("kill");
  TaskOutput output = TestOutput(sink, task_, 5, {{5, "ann", 1}});
  absl::Status status;
  std::thread committer([&] { status = sink.Commit({&output}); });
  worker.WaitForTasks(0);
  broker_.Do("restart");
  committer.join();
  EXPECT_TRUE(absl::IsAborted(status) || status.ok()) << status;
  // On a busy machine the short session may end once more.
  absl::Status replayed = absl::AbortedError("not tried yet");
  while (absl::IsAborted(replayed)) {
    worker.WaitForTasks(2);
    ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
    replayed = sink.Commit({&output});
  }
  ASSERT_EQ(replayed, absl::OkStatus());
  EXPECT_THAT(Updates(broker_.address(), update_topic_),
              ElementsAre(Pair(HasSubstr("/5/"), "ann")));
}

TEST_F(RealBrokerTest, CancelGivesUpWaiting) {
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  broker_.Do("kill");
  TaskOutput output = TestOutput(sink, task_, 5, {{5, "ann", 1}});
  absl::Status status;
  std::thread committer([&] { status = sink.Commit({&output}); });
  cancel_ = true;
  committer.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  broker_.Do("restart");
}

TEST_F(RealBrokerTest, TopicThatExistsIsKeptUnlessItsPartitionsDiffer) {
  EXPECT_EQ(admin_->CreateTopic({.name = topic_, .partitions = kPartitions}), absl::OkStatus());
  absl::Status status = admin_->CreateTopic({.name = topic_, .partitions = 7});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("has 2 partitions, expected 7"));
}

// Transaction markers take offsets: the position has to move past them for --until-idle.
TEST_F(RealBrokerTest, FetchMovesPastTransactionMarkersAtTheEnd) {
  auto producer = TransactionalProducer::Create(config_, "upstream", &cancel_);
  ASSERT_TRUE(producer.ok()) << producer.status();
  for (const char* value : {"v0", "v2"}) {
    ASSERT_EQ((*producer)->Begin(), absl::OkStatus());
    ASSERT_EQ((*producer)->records().Produce({.topic = topic_, .partition = 1, .value = value}),
              absl::OkStatus());
    ASSERT_EQ((*producer)->Commit(), absl::OkStatus());
  }
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  TestWorker::Fetched fetched = worker.FetchToEnd(task_, 2);
  EXPECT_EQ(fetched.status, absl::OkStatus());
  EXPECT_THAT(fetched.records, ElementsAre(Pair(0, "v0"), Pair(2, "v2")));
  EXPECT_EQ(fetched.last_offset, Offset(3));
}

// What a task offers grows until it is published by the commit that it goes into.
TEST_F(RealBrokerTest, WhatIsOfferedIsPublishedByItsCommitAndOnce) {
  const std::vector<TestRow> rows = {{3, "ann", 1}, {5, "bob", 1}};
  {
    TestWorker worker(broker_.address(), "w1", Topics());
    worker.WaitForTasks(2);
    std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
    Sink& sink = *made;
    ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
    TaskOutput first = TestOutput(sink, task_, 5, rows);
    ASSERT_EQ(sink.Offer(first), absl::OkStatus());
    ASSERT_EQ(sink.Commit({&first}), absl::OkStatus());
  }
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  TaskOutput replayed = TestOutput(sink, task_, 5, rows);
  ASSERT_EQ(sink.Offer(replayed), absl::OkStatus());
  AddSteps(sink, {{8, "cid", 1}}, 0, &replayed);
  replayed.position = Offset(8);
  ASSERT_EQ(sink.Offer(replayed), absl::OkStatus());
  TaskOutput next = TestOutput(sink, task_, 9, {{9, "dan", 1}});
  ASSERT_EQ(sink.Offer(next), absl::OkStatus());
  EXPECT_EQ(Updates(broker_.address(), update_topic_).size(), 2u);
  ASSERT_EQ(sink.Commit({&replayed}), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&next}), absl::OkStatus());
  EXPECT_THAT(Updates(broker_.address(), update_topic_),
              ElementsAre(Pair(HasSubstr("/3/"), "ann"), Pair(HasSubstr("/5/"), "bob"),
                          Pair(HasSubstr("/8/"), "cid"), Pair(HasSubstr("/9/"), "dan")));
}

// A worker that crashed between the sink's commit and the state's: it replays, and must not repeat.
TEST_F(RealBrokerTest, ReplayAfterCrashPublishesEachRowOnce) {
  {
    TestWorker worker(broker_.address(), "w1", Topics());
    worker.WaitForTasks(2);
    std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
    Sink& sink = *made;
    ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
    TaskOutput first = TestOutput(sink, task_, 5, {{3, "ann", 1}, {5, "bob", 1}});
    ASSERT_EQ(sink.Commit({&first}), absl::OkStatus());
  }
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(task_).status(), absl::OkStatus());
  TaskOutput replayed = TestOutput(sink, task_, 8, {{3, "ann", 1}, {5, "bob", 1}, {8, "cid", 1}});
  ASSERT_EQ(sink.Commit({&replayed}), absl::OkStatus());
  EXPECT_THAT(Updates(broker_.address(), update_topic_),
              ElementsAre(Pair(HasSubstr("/3/"), "ann"), Pair(HasSubstr("/5/"), "bob"),
                          Pair(HasSubstr("/8/"), "cid")));
}

// A view that is new to a task replays records that other views have: its rows are published, of
// those none again, also when a worker is killed in the middle of it (S27).
TEST_F(RealBrokerTest, ANewViewReplaysAndTheOthersPublishNothingAgain) {
  auto letter_of = [&](int64_t offset, uint32_t version) {
    return DeadLetter{.task = task_,
                      .offset = Offset(offset),
                      .position = Offset(offset),
                      .reason = RejectReason::kLate,
                      .view = version == 0 ? "" : "user_spend",
                      .view_version = version};
  };
  {
    TestWorker worker(broker_.address(), "w1", Topics());
    worker.WaitForTasks(2);
    std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
    Sink& sink = *made;
    ASSERT_EQ(sink.Open(task_).value(), Offset(-1));
    TaskOutput before = TestOutput(sink, task_, 9, {{3, "ann", 1}, {9, "bob", 1}});
    before.dead_letters = {letter_of(4, 0), letter_of(7, 1)};
    ASSERT_EQ(sink.Commit({&before}), absl::OkStatus());
  }
  *project_.add_feature_views() = project_.feature_views(0);
  project_.mutable_feature_views(1)->set_version(2);
  auto specs = PlanTopics(project_, {}, {{topic_, kPartitions}}, kTopicBytes);
  ASSERT_EQ(EnsureTopics(*admin_, *specs), absl::OkStatus());
  // Brought up to 5, killed, and brought up again from the start: nothing of it was in the state.
  for (int64_t until : {5, 12}) {
    TestWorker worker(broker_.address(), "w1", Topics());
    worker.WaitForTasks(2);
    std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), SinkOptions());
    Sink& sink = *made;
    ASSERT_EQ(sink.Open(task_).value(), Offset(9));
    TaskOutput first = TestOutput(sink, task_, 5, {{3, "ann", 1}}, /*view=*/1);
    first.dead_letters = {letter_of(4, 0), letter_of(4, 2)};
    ASSERT_EQ(sink.Commit({&first}), absl::OkStatus());
    if (until == 5) continue;
    const std::vector<TestRow> rows = {{9, "bob", 1}, {12, "cid", 1}};
    TaskOutput rest = TestOutput(sink, task_, 12, rows, /*view=*/1);
    AddSteps(sink, rows, /*view=*/0, &rest);
    rest.dead_letters = {letter_of(7, 1), letter_of(7, 2)};
    ASSERT_EQ(sink.Commit({&rest}), absl::OkStatus());
    EXPECT_THAT(worker.consumer().Committed({task_}, absl::Seconds(5)).value(),
                ElementsAre(std::optional<Offset>(13)));
  }
  auto all = ElementsAre(Pair(HasSubstr("/3/"), "ann"), Pair(HasSubstr("/9/"), "bob"),
                         Pair(HasSubstr("/12/"), "cid"));
  EXPECT_THAT(Updates(broker_.address(), update_topic_), all);
  EXPECT_THAT(Updates(broker_.address(), project_.name() + ".user_spend.v2"), all);
  std::vector<std::string> letters;
  for (const TopicRecord& record : ReadTopic(broker_.address(), project_.name() + ".dead-letter")) {
    letters.push_back(record.Header("__connect.errors.offset") + " v" +
                      record.Header("forebay-view-version"));
  }
  EXPECT_THAT(letters, ElementsAre("4 v", "7 v1", "4 v2", "7 v2"));
}

}  // namespace
}  // namespace forebay
