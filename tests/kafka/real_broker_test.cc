#include "tests/kafka/real_broker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/testing/test_project.h"
#include "connectors/kafka/testing/test_worker.h"
#include "connectors/kafka/testing/topic_reader.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/update_sink.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int32_t kPartitions = 2;

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
    auto specs = PlanTopics(project_, {}, {{topic_, kPartitions}});
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
  UpdateSink sink(project_, &worker.consumer(), SinkOptions());
  ASSERT_EQ(sink.Open(task_), absl::OkStatus());
  TaskOutput first = TestOutput(task_, 5, {{3, "ann", 1}, {5, "bob", 1}});
  TaskOutput second = TestOutput(task_, 9, {{9, "ann", 2}, {9, "bob", 0, "delete"}});
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

// A worker that crashed between the sink's commit and the state's: it replays, and must not repeat.
TEST_F(RealBrokerTest, ReplayAfterCrashPublishesEachRowOnce) {
  TaskOutput first = TestOutput(task_, 5, {{3, "ann", 1}, {5, "bob", 1}});
  {
    TestWorker worker(broker_.address(), "w1", Topics());
    worker.WaitForTasks(2);
    UpdateSink sink(project_, &worker.consumer(), SinkOptions());
    ASSERT_EQ(sink.Open(task_), absl::OkStatus());
    ASSERT_EQ(sink.Commit({&first}), absl::OkStatus());
  }
  TestWorker worker(broker_.address(), "w1", Topics());
  worker.WaitForTasks(2);
  UpdateSink sink(project_, &worker.consumer(), SinkOptions());
  ASSERT_EQ(sink.Open(task_), absl::OkStatus());
  TaskOutput replayed = TestOutput(task_, 8, {{3, "ann", 1}, {5, "bob", 1}, {8, "cid", 1}});
  ASSERT_EQ(sink.Commit({&replayed}), absl::OkStatus());
  EXPECT_THAT(Updates(broker_.address(), update_topic_),
              ElementsAre(Pair(HasSubstr("/3/"), "ann"), Pair(HasSubstr("/5/"), "bob"),
                          Pair(HasSubstr("/8/"), "cid")));
}

}  // namespace
}  // namespace forebay
