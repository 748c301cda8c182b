// The connector on the embedded broker: what `forebay run --broker embedded` and the demo rest on.
#include "connectors/kafka/embedded_broker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/control_reader.h"
#include "connectors/kafka/erasure_request.h"
#include "connectors/kafka/repartition_record.h"
#include "connectors/kafka/repartition_sink.h"
#include "connectors/kafka/testing/bell.h"
#include "connectors/kafka/testing/test_project.h"
#include "connectors/kafka/testing/test_worker.h"
#include "connectors/kafka/testing/topic_reader.h"
#include "connectors/kafka/transactional_producer.h"
#include "connectors/kafka/update_sink.h"
#include "connectors/update_record/update_record.h"
#include "engine/aggregate/aggregate.h"
#include "engine/state/change.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const TaskId kTask0 = {"transactions", PartitionId(0)};
const TaskId kTask1 = {"transactions", PartitionId(1)};
const TestWorker::Topics kTopics = {{"transactions", 2}};

constexpr size_t kTombstoneEach = 300;

// Updates of keys "0", "1", ..., of which some are tombstones; only these have headers.
std::shared_ptr<const EncodedUpdates> MakeUpdates(v1::Project project, size_t count) {
  project.mutable_feature_views(0)->set_update_headers(v1::FeatureView::HEADERS_DELETES);
  UpdateRecordEncoder encoder(project, 0, kTask1);
  auto updates = std::make_shared<EncodedUpdates>();
  for (size_t i = 0; i < count; ++i) {
    bool tombstone = i % kTombstoneEach == kTombstoneEach - 1;
    const std::string key = std::to_string(i);
    const Change change{.key = HashedKey(key),
                        .op = tombstone ? ChangeOp::kDelete : ChangeOp::kEvent,
                        .offset = static_cast<int64_t>(i)};
    const Scalar feature = Scalar::Int64(static_cast<int64_t>(i));
    encoder.Append(change, &feature, updates.get());
  }
  return updates;
}

void ExpectUpdates(const std::vector<TopicRecord>& records, size_t count) {
  ASSERT_EQ(records.size(), count);
  for (size_t i = 0; i < count; ++i) {
    bool tombstone = i % kTombstoneEach == kTombstoneEach - 1;
    EXPECT_EQ(records[i].key, std::to_string(i));
    EXPECT_EQ(records[i].value.has_value(), !tombstone);
    EXPECT_EQ(records[i].headers.empty(), !tombstone);
  }
}

v1::Entity MerchantEntity() {
  v1::Entity entity;
  entity.set_name("merchant");
  v1::Field& key = *entity.add_keys();
  key.set_name("merchant_id");
  key.set_type(v1::STRING);
  return entity;
}

class EmbeddedBrokerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto broker = EmbeddedBroker::Start();
    ASSERT_TRUE(broker.ok()) << broker.status();
    broker_ = *std::move(broker);
    brokers_ = broker_->bootstrap_servers();
    ASSERT_EQ(broker_->CreateTopic("transactions", 2), absl::OkStatus());
    ASSERT_EQ(broker_->CreateTopic("shop.positions", 1), absl::OkStatus());
  }

  std::unique_ptr<KafkaAdmin> Admin() {
    auto admin = KafkaAdmin::Create({.bootstrap_servers = brokers_});
    EXPECT_TRUE(admin.ok()) << admin.status();
    return *std::move(admin);
  }

  UpdateSinkOptions AtLeastOnce() const {
    return {.kafka = {.bootstrap_servers = brokers_},
            .worker_id = "w1",
            .delivery = Delivery::kAtLeastOnce};
  }

  std::unique_ptr<EmbeddedBroker> broker_;
  std::string brokers_;
  v1::Project project_ = TestProject();
};

TEST_F(EmbeddedBrokerTest, AskingForATopicDoesNotCreateIt) {
  auto admin = Admin();
  EXPECT_EQ(admin->WaitForBroker(absl::Seconds(10), nullptr), absl::OkStatus());
  EXPECT_EQ(*admin->PartitionCount("transactions"), 2);
  for (int i = 0; i < 2; ++i) {
    absl::Status missing = admin->PartitionCount("transactoins").status();
    EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
    EXPECT_THAT(missing.ToString(), HasSubstr("--create --topic transactoins"));
  }
}

TEST_F(EmbeddedBrokerTest, CreatingATopicTwiceLeavesItAsItIs) {
  EXPECT_EQ(broker_->CreateTopic("transactions", 7), absl::OkStatus());
  EXPECT_EQ(*Admin()->PartitionCount("transactions"), 2);
}

TEST_F(EmbeddedBrokerTest, AnErasureIsSentToEveryPartitionOfEachTopic) {
  ASSERT_EQ(broker_->CreateTopic("payments", 1), absl::OkStatus());
  WriteTopic(brokers_, "transactions", {{.partition = 1, .value = "v0"}});
  absl::StatusOr<std::vector<SentErasure>> sent =
      SendErasure({.bootstrap_servers = brokers_}, {"transactions", "payments"}, "user", "ann");
  ASSERT_TRUE(sent.ok()) << sent.status();
  EXPECT_THAT(*sent, ElementsAre(SentErasure{kTask0, Offset(0)}, SentErasure{kTask1, Offset(1)},
                                 SentErasure{{"payments", PartitionId(0)}, Offset(0)}));
  for (const SentErasure& erasure : *sent) {
    std::vector<TopicRecord> records = ReadTopic(brokers_, erasure.partition.topic);
    auto record = std::find_if(records.begin(), records.end(), [&](const TopicRecord& r) {
      return r.partition == erasure.partition.partition.value() && !r.value;
    });
    ASSERT_NE(record, records.end());
    EXPECT_EQ(record->offset, erasure.offset.value());
    EXPECT_EQ(record->key, "ann");
    EXPECT_THAT(record->headers,
                ElementsAre(Pair("forebay-control", "erase"), Pair("forebay-entity", "user")));
  }
}

TEST_F(EmbeddedBrokerTest, AnErasureSaysWhyItIsNotSent) {
  KafkaConfig config = {.bootstrap_servers = brokers_};
  absl::Status missing = SendErasure(config, {"payments"}, "user", "ann").status();
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(missing.ToString(), HasSubstr("--create --topic payments"));
  broker_->FailNextProduce(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  absl::Status refused = SendErasure(config, {"transactions"}, "user", "ann").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(refused.ToString(), HasSubstr("grant this client WRITE on topic transactions"));
  broker_->SetDown(true);
  absl::Status away =
      SendErasure(config, {"transactions"}, "user", "ann", {.patience = absl::Milliseconds(100)})
          .status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(away)) << away;
}

TEST(KafkaAdminTest, NoBrokerIsADeadlineWithAHint) {
  auto admin = KafkaAdmin::Create({.bootstrap_servers = "127.0.0.1:1"});
  ASSERT_TRUE(admin.ok()) << admin.status();
  absl::Status status = (*admin)->WaitForBroker(absl::Milliseconds(100), nullptr);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  EXPECT_THAT(status.ToString(), HasSubstr("broker 127.0.0.1:1 not reachable"));
}

TEST(KafkaAdminTest, CancelEndsTheWaitForABroker) {
  auto admin = KafkaAdmin::Create({.bootstrap_servers = "127.0.0.1:1"});
  ASSERT_TRUE(admin.ok()) << admin.status();
  std::atomic<bool> cancel = true;
  EXPECT_TRUE(absl::IsCancelled((*admin)->WaitForBroker(absl::InfiniteDuration(), &cancel)));
}

TEST_F(EmbeddedBrokerTest, FetchReadsFromTheOldestRecordWithoutAPosition) {
  WriteTopic(brokers_, "transactions",
             {{.partition = 1, .timestamp_ms = 1000, .key = "a", .value = "v0"},
              {.partition = 1, .timestamp_ms = 1001, .key = "b", .value = "v1"}});
  TestWorker worker(brokers_, "w1", kTopics);
  ASSERT_THAT(worker.WaitForTasks(2), ElementsAre(kTask0, kTask1));
  TestWorker::Fetched fetched = worker.FetchToEnd(kTask1, 2);
  EXPECT_EQ(fetched.status, absl::OkStatus());
  EXPECT_THAT(fetched.records, ElementsAre(Pair(0, "v0"), Pair(1, "v1")));
  EXPECT_EQ(fetched.last_offset, Offset(1));
  TestWorker::Fetched empty = worker.FetchToEnd(kTask0, 0);
  EXPECT_EQ(empty.last_offset, Offset(-1));
}

TEST_F(EmbeddedBrokerTest, FetchGoesOnAfterThePositionOfTheState) {
  std::vector<TopicRecord> records;
  for (int i = 0; i < 10; ++i) records.push_back({.value = "v" + std::to_string(i)});
  WriteTopic(brokers_, "transactions", records);
  TestWorker worker(brokers_, "w1", kTopics, {{kTask0, Offset(7)}});
  worker.WaitForTasks(2);
  EXPECT_THAT(worker.FetchToEnd(kTask0, 2).records, ElementsAre(Pair(8, "v8"), Pair(9, "v9")));
  auto marks = worker.consumer().QueryWatermarks(kTask0, absl::Seconds(10));
  ASSERT_TRUE(marks.ok()) << marks.status();
  EXPECT_EQ(marks->low, Offset(0));
  EXPECT_EQ(marks->high, Offset(10));
  auto ends = worker.consumer().QueryEnds({{kTask1, kTask0}}, absl::Seconds(10));
  ASSERT_TRUE(ends.ok()) << ends.status();
  EXPECT_THAT(*ends, ElementsAre(Offset(0), Offset(10)));
  EXPECT_EQ(worker.consumer().CachedWatermarks(kTask0)->high, Offset(10));
}

TEST_F(EmbeddedBrokerTest, FetchGivesTimeInMicrosecondsAndHeadersAndNulls) {
  WriteTopic(brokers_, "transactions",
             {{.timestamp_ms = 1'700'000'000'123, .headers = {{"h", "1"}, {"h", "2"}}},
              {.timestamp_ms = 5, .key = "", .value = ""}});
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  std::vector<RawRecord> records;
  std::vector<std::shared_ptr<const void>> owners;
  absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (records.size() < 2 && absl::Now() < deadline) {
    auto fetched = worker.consumer().Fetch(kTask0, 10, absl::Milliseconds(100));
    ASSERT_TRUE(fetched.ok()) << fetched.status();
    records.insert(records.end(), fetched->records.begin(), fetched->records.end());
    owners.push_back(fetched->owner);
  }
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].timestamp, 1'700'000'000'123'000);
  EXPECT_EQ(records[0].key, std::nullopt);
  EXPECT_EQ(records[0].value, std::nullopt);
  EXPECT_THAT(HeadersOf(records[0]), ElementsAre(Pair("h", "1"), Pair("h", "2")));
  EXPECT_EQ(records[1].key, "");
  EXPECT_EQ(records[1].value, "");
  EXPECT_THAT(HeadersOf(records[1]), ElementsAre());
}

TEST_F(EmbeddedBrokerTest, APositionBeyondTheTopicHaltsTheTask) {
  WriteTopic(brokers_, "transactions", {{.value = "v0"}});
  TestWorker worker(brokers_, "w1", kTopics, {{kTask0, Offset(500)}});
  worker.WaitForTasks(2);
  absl::Status status = worker.FetchToEnd(kTask0, 1).status;
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("transactions/0"));
  EXPECT_THAT(status.ToString(), HasSubstr("The broker holds offsets 0 to 0."));
}

TEST_F(EmbeddedBrokerTest, MorePartitionsThanKnownHaltTheWorker) {
  TestWorker worker(brokers_, "w1", {{"transactions", 1}});
  absl::Status status = worker.WaitForFailure();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(status.ToString(),
              HasSubstr("topic transactions has 2 partitions, and this worker knows it with 1"));
}

TEST_F(EmbeddedBrokerTest, ATaskThatIsNotAssignedIsCancelled) {
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  auto fetched = worker.consumer().Fetch({"transactions", PartitionId(9)}, 1, absl::ZeroDuration());
  EXPECT_TRUE(absl::IsCancelled(fetched.status()));
}

TEST_F(EmbeddedBrokerTest, AWatchIsWokenForEveryRecordThatItLacks) {
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  Bell bell;
  worker.consumer().Watch(kTask0, bell.Ring());
  std::vector<std::string> written;
  for (int i = 0; i < 200; ++i) written.push_back("v" + std::to_string(i));
  std::thread writer([&] {
    for (size_t i = 0; i < written.size(); i += 50) {
      std::vector<TopicRecord> records;
      for (size_t j = i; j < i + 50; ++j) records.push_back({.value = written[j]});
      WriteTopic(brokers_, "transactions", records);
    }
  });
  EXPECT_EQ(FetchWhenWoken(worker.consumer(), kTask0, &bell, written.size()), written);
  writer.join();
  worker.consumer().Watch(kTask0, nullptr);
}

TEST_F(EmbeddedBrokerTest, AWatchIsWokenForWhatIsThereAlreadyAndNotAfterItsEnd) {
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  Bell bell;
  worker.consumer().Watch(kTask0, bell.Ring());
  EXPECT_TRUE(bell.rung());
  worker.consumer().Watch(kTask0, nullptr);
  while (bell.rung()) bell.Wait();
  WriteTopic(brokers_, "transactions", {{.value = "v0"}});
  EXPECT_EQ(worker.FetchToEnd(kTask0, 1).records.size(), 1u);
  EXPECT_FALSE(bell.rung());
}

TEST_F(EmbeddedBrokerTest, AWatchIsWokenWhenItsTaskComesAndWhenItGoes) {
  size_t assigned = 0;
  KafkaConsumer::Options options{.kafka = {.bootstrap_servers = brokers_},
                                 .group = "forebay-shop",
                                 .worker_id = "w1",
                                 .topics = kTopics};
  options.owner.assigned = [&](absl::Span<const TaskId> tasks) {
    assigned = tasks.size();
    return std::vector<std::optional<Offset>>(assigned);
  };
  auto made = KafkaConsumer::Create(std::move(options));
  ASSERT_TRUE(made.ok()) << made.status();
  KafkaConsumer& consumer = **made;
  Bell bell;
  consumer.Watch(kTask1, bell.Ring());
  bell.Wait();
  while (assigned == 0) ASSERT_EQ(consumer.Poll(absl::Seconds(1)), absl::OkStatus());
  EXPECT_TRUE(bell.Wait());
  consumer.Close();
  absl::Status status;
  while (status.ok() && bell.Wait())
    status = consumer.Fetch(kTask1, 1, absl::ZeroDuration()).status();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

TEST_F(EmbeddedBrokerTest, AtLeastOncePublishesWhenOfferedAndKeepsTheOffsets) {
  ASSERT_EQ(broker_->CreateTopic("shop.user_spend.v1", 2), absl::OkStatus());
  ASSERT_EQ(broker_->CreateTopic("shop.dead-letter", 1), absl::OkStatus());
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), AtLeastOnce());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(kTask1).status(), absl::OkStatus());
  TaskOutput first = TestOutput(sink, kTask1, 3, {{3, "ann", 1}});
  TaskOutput second = TestOutput(sink, kTask1, 5, {{5, "bob", 1}});
  TaskOutput both = TestOutput(sink, kTask1, 5, {{3, "ann", 1}, {5, "bob", 1}});
  ASSERT_EQ(sink.Offer(first), absl::OkStatus());
  ASSERT_EQ(sink.Offer(second), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&both}), absl::OkStatus());
  ASSERT_EQ(sink.Close(kTask1), absl::OkStatus());
  std::vector<std::string> keys;
  for (const TopicRecord& record : ReadTopic(brokers_, "shop.user_spend.v1")) {
    EXPECT_EQ(record.partition, 1);
    keys.push_back(*record.key);
  }
  EXPECT_THAT(keys, ElementsAre("ann", "bob"));
  auto committed = worker.consumer().Committed({kTask1, kTask0}, absl::Seconds(10));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_THAT(*committed, ElementsAre(std::optional(Offset(6)), std::nullopt));
  EXPECT_EQ(sink.Open(kTask1).value(), Offset(5));
  EXPECT_EQ(sink.Open(kTask0).value(), Offset(-1));
}

TEST_F(EmbeddedBrokerTest, AViewWithUpdatesOffPublishesNothingButDeadLetters) {
  project_.mutable_feature_views(0)->set_updates(v1::FeatureView::OFF);
  ASSERT_EQ(broker_->CreateTopic("shop.dead-letter", 1), absl::OkStatus());
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), AtLeastOnce());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(kTask1).status(), absl::OkStatus());
  TaskOutput output = TestOutput(sink, kTask1, 3, {{2, "ann", 1}});
  output.dead_letters.push_back({.task = kTask1, .offset = Offset(3), .value = "x"});
  ASSERT_EQ(sink.Offer(output), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&output}), absl::OkStatus());
  ASSERT_EQ(sink.Close(kTask1), absl::OkStatus());
  EXPECT_EQ(ReadTopic(brokers_, "shop.dead-letter").size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(Admin()->PartitionCount("shop.user_spend.v1").status()));
}

TEST_F(EmbeddedBrokerTest, AtLeastOnceWaitsForABrokerThatIsAway) {
  ASSERT_EQ(broker_->CreateTopic("shop.user_spend.v1", 2), absl::OkStatus());
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), AtLeastOnce());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(kTask0).status(), absl::OkStatus());
  broker_->SetDown(true);
  TaskOutput output = TestOutput(sink, kTask0, 0, {{0, "ann", 1}});
  absl::Status status = absl::UnknownError("still waiting");
  std::thread committer([&] { status = sink.Commit({&output}); });
  broker_->SetDown(false);
  committer.join();
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_EQ(ReadTopic(brokers_, "shop.user_spend.v1").size(), 1u);
}

// A record that failed for good is sent again by a new producer, in order, at the commit; what was
// offered meanwhile does not overtake it.
TEST_F(EmbeddedBrokerTest, AtLeastOnceSendsFailedRecordsAgainInOrder) {
  ASSERT_EQ(broker_->CreateTopic("shop.user_spend.v1", 2), absl::OkStatus());
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  std::unique_ptr<Sink> made = MakeUpdateSink(project_, &worker.consumer(), AtLeastOnce());
  Sink& sink = *made;
  ASSERT_EQ(sink.Open(kTask0).status(), absl::OkStatus());
  broker_->FailNextProduce(RD_KAFKA_RESP_ERR_INVALID_MSG);
  TaskOutput first = TestOutput(sink, kTask0, 0, {{0, "ann", 1}});
  TaskOutput second = TestOutput(sink, kTask0, 1, {{1, "ann", 2}});
  TaskOutput third = TestOutput(sink, kTask0, 2, {{2, "ann", 3}});
  ASSERT_EQ(sink.Offer(first), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&first}), absl::OkStatus());
  ASSERT_EQ(sink.Offer(second), absl::OkStatus());
  ASSERT_EQ(sink.Offer(third), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&second}), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&third}), absl::OkStatus());
  std::vector<std::string> sources;
  for (const TopicRecord& record : ReadTopic(brokers_, "shop.user_spend.v1")) {
    sources.push_back(record.Header("forebay-source"));
  }
  EXPECT_THAT(sources,
              ElementsAre("transactions/0/0/0", "transactions/0/1/0", "transactions/0/2/0"));
}

TEST_F(EmbeddedBrokerTest, ATransactionHoldsRecordsBackUnlessTheUserSaysOtherwise) {
  auto linger = [this](std::map<std::string, std::string> properties) -> std::string {
    auto made = TransactionalProducer::Create(
        {.bootstrap_servers = brokers_, .properties = std::move(properties)}, "shop-w1", nullptr);
    if (!made.ok()) return made.status().ToString();
    char text[32];
    size_t size = sizeof(text);
    rd_kafka_conf_get(rd_kafka_conf((*made)->records().client()), "linger.ms", text, &size);
    return text;
  };
  EXPECT_EQ(linger({}), "1000");
  EXPECT_EQ(linger({{"linger.ms", "7"}}), "7");
}

// More than librdkafka takes at a time, with tombstones in between.
TEST_F(EmbeddedBrokerTest, ATransactionKeepsUpdatesInOrderAndUntilItsEnd) {
  KafkaConfig config{.bootstrap_servers = brokers_,
                     .properties = {{"queue.buffering.max.messages", "100"}, {"linger.ms", "1"}}};
  auto producer = TransactionalProducer::Create(config, "shop-w1", nullptr);
  ASSERT_TRUE(producer.ok()) << producer.status();
  ASSERT_EQ(broker_->CreateTopic("updates", 2), absl::OkStatus());
  ASSERT_EQ((*producer)->Begin(), absl::OkStatus());
  std::shared_ptr<const EncodedUpdates> updates = MakeUpdates(project_, 1000);
  std::weak_ptr<const EncodedUpdates> kept = updates;
  ASSERT_EQ((*producer)->records().Produce("updates", 1, std::move(updates), 0, 1000),
            absl::OkStatus());
  EXPECT_FALSE(kept.expired());
  ASSERT_EQ((*producer)->Commit(), absl::OkStatus());
  EXPECT_TRUE(kept.expired());
  ExpectUpdates(ReadTopic(brokers_, "updates"), 1000);
}

TEST_F(EmbeddedBrokerTest, UpdatesOutliveATransactionThatIsAbandonedOrAborted) {
  ASSERT_EQ(broker_->CreateTopic("updates", 2), absl::OkStatus());
  for (bool abort : {false, true}) {
    auto producer = TransactionalProducer::Create({.bootstrap_servers = brokers_}, "w1", nullptr);
    ASSERT_TRUE(producer.ok()) << producer.status();
    ASSERT_EQ((*producer)->Begin(), absl::OkStatus());
    std::shared_ptr<const EncodedUpdates> updates = MakeUpdates(project_, 20'000);
    std::weak_ptr<const EncodedUpdates> kept = updates;
    ASSERT_EQ((*producer)->records().Produce("updates", 1, std::move(updates), 0, 1000),
              absl::OkStatus());
    EXPECT_FALSE(kept.expired());
    if (abort) {
      EXPECT_TRUE((*producer)->Recover(absl::InfiniteDuration()));
    } else {
      producer->reset();
    }
    EXPECT_TRUE(kept.expired());
  }
}

TEST_F(EmbeddedBrokerTest, WithoutATransactionUpdatesAreCopied) {
  auto producer = Producer::Create({.bootstrap_servers = brokers_}, {}, DeliveryReports::kAll,
                                   /*cancel=*/nullptr);
  ASSERT_TRUE(producer.ok()) << producer.status();
  ASSERT_EQ(broker_->CreateTopic("updates", 2), absl::OkStatus());
  std::shared_ptr<const EncodedUpdates> updates = MakeUpdates(project_, 1000);
  std::weak_ptr<const EncodedUpdates> kept = updates;
  ASSERT_EQ((*producer)->Produce("updates", 1, std::move(updates), 0, 1000), absl::OkStatus());
  EXPECT_TRUE(kept.expired());
  ASSERT_EQ((*producer)->Flush(), absl::OkStatus());
  ExpectUpdates(ReadTopic(brokers_, "updates"), 1000);
}

TEST_F(EmbeddedBrokerTest, RepartitionKeepsRecordsAndMarksThePositionInEveryPartition) {
  const std::string topic = "shop.transactions.by.merchant";
  ASSERT_EQ(broker_->CreateTopic(topic, 2), absl::OkStatus());
  RepartitionSink sink({{"transactions", "transactions", "merchant", topic}}, {{"transactions", 2}},
                       {.kafka = {.bootstrap_servers = brokers_}});
  ASSERT_EQ(sink.Open(kTask1).status(), absl::OkStatus());
  TaskOutput output{.task = kTask1, .position = Offset(8), .clock = KnownTime(99), .at_end = true};
  for (int64_t i = 0; i < 8; ++i) {
    output.forwarded.push_back({.entity = "merchant",
                                .key = "m" + std::to_string(i % 4),
                                .value = "value " + std::to_string(i),
                                .timestamp = 5'000 + i * 1'000,
                                .known_time = KnownTime(70 + i),
                                .origin = {PartitionId(1), Offset(i), KnownTime(90 + i)}});
  }
  output.forwarded.push_back({.entity = "merchant",
                              .key = "m1",
                              .timestamp = 13'000,
                              .origin = {PartitionId(1), Offset(8), KnownTime(98)},
                              .erases = true});
  ASSERT_EQ(sink.Offer(output), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&output}), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&output}), absl::OkStatus());  // nothing moved: no further markers
  output.forwarded.clear();
  output.at_end = false;
  output.position = Offset(20);
  ASSERT_EQ(sink.Commit({&output}), absl::OkStatus());

  std::map<std::string, int32_t> partition_of_key;
  std::vector<int64_t> offsets;
  std::vector<std::string> markers;  // of partition 0
  for (const TopicRecord& record : ReadTopic(brokers_, topic)) {
    EXPECT_EQ(record.Header("forebay-source-partition"), "1");
    if (record.Header("forebay-control") == "marker") {
      EXPECT_EQ(record.key, std::nullopt);
      EXPECT_EQ(record.value, std::nullopt);
      if (record.partition != 0) continue;
      markers.push_back(record.Header("forebay-source-offset") + " " +
                        record.Header("forebay-source-clock") + " " +
                        record.Header("forebay-at-end"));
      continue;
    }
    int64_t offset = std::stoll(record.Header("forebay-source-offset"));
    if (record.Header("forebay-control") == "erase") {
      EXPECT_EQ(offset, 8);
      EXPECT_EQ(record.value, std::nullopt);
      EXPECT_EQ(record.timestamp_ms, 13);
      EXPECT_EQ(record.partition, partition_of_key.at("m1"));  // behind the records of the key
      EXPECT_EQ(std::count(offsets.begin(), offsets.end(), 5), 1);
      continue;
    }
    EXPECT_EQ(record.value, "value " + std::to_string(offset));
    EXPECT_EQ(record.timestamp_ms, 5 + offset);
    EXPECT_EQ(record.Header("forebay-known-time"), std::to_string(70 + offset));
    EXPECT_EQ(record.Header("forebay-source-clock"), std::to_string(90 + offset));
    EXPECT_EQ(partition_of_key.emplace(*record.key, record.partition).first->second,
              record.partition);
    offsets.push_back(offset);
  }
  EXPECT_THAT(markers, ElementsAre("-1  0", "8 99 1", "20 99 0"));
  EXPECT_THAT(offsets, ::testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7));

  TestWorker worker(brokers_, "w1", {{topic, 2}});
  worker.WaitForTasks(2);
  const v1::Entity merchant = MerchantEntity();
  ControlReader controls({&merchant}, /*repartition=*/true);
  int read = 0, erasures = 0;
  for (int32_t partition = 0; partition < 2; ++partition) {
    const TaskId task{topic, PartitionId(partition)};
    for (bool at_end = false; !at_end;) {
      auto fetched = worker.consumer().Fetch(task, 100, absl::Seconds(10));
      ASSERT_TRUE(fetched.ok()) << fetched.status();
      at_end = fetched->at_end;
      for (const RawRecord& record : fetched->records) {
        if (!record.value) {
          auto control = controls.Read(record);
          ASSERT_TRUE(control.ok()) << control.status();
          ASSERT_TRUE(control->has_value());
          if (const auto& erasure = (*control)->erasure) {
            ++erasures;
            EXPECT_EQ(erasure->offset, record.offset);
            EXPECT_EQ(erasure->entity, "merchant");
            EXPECT_EQ(erasure->key, "m1");
            EXPECT_EQ(erasure->timestamp, 13'000);
            EXPECT_EQ(erasure->origin.partition, PartitionId(1));
            EXPECT_EQ(erasure->origin.offset, Offset(8));
            EXPECT_EQ(erasure->origin.clock, KnownTime(98));
            continue;
          }
          const SourceMarker& marker = *(*control)->marker;
          EXPECT_EQ(marker.partition, PartitionId(1));
          EXPECT_EQ(marker.offset, record.offset);
          EXPECT_EQ(marker.clock.has_value(), marker.position.value() >= 0);
          continue;
        }
        auto headers = ReadRepartitionHeaders(record);
        ASSERT_TRUE(headers.ok()) << headers.status();
        ++read;
        EXPECT_EQ(headers->origin.partition, PartitionId(1));
        EXPECT_EQ(headers->known_time.value(), 70 + headers->origin.offset.value());
        EXPECT_EQ(headers->origin.clock.value(), 90 + headers->origin.offset.value());
      }
    }
  }
  EXPECT_EQ(read, 8);
  EXPECT_EQ(erasures, 1);
}

// Who waits for a source partition to reach its end would wait until its next record.
TEST_F(EmbeddedBrokerTest, RepartitionMarksAgainWhatWasLostWithAProducer) {
  const std::string topic = "shop.transactions.by.merchant";
  ASSERT_EQ(broker_->CreateTopic(topic, 2), absl::OkStatus());
  RepartitionSink sink({{"transactions", "transactions", "merchant", topic}}, {{"transactions", 2}},
                       {.kafka = {.bootstrap_servers = brokers_}});
  ASSERT_EQ(sink.Open(kTask1).status(), absl::OkStatus());
  TaskOutput output{.task = kTask1, .position = Offset(8), .clock = KnownTime(99), .at_end = true};
  broker_->FailNextProduce(RD_KAFKA_RESP_ERR_INVALID_MSG);
  ASSERT_EQ(sink.Offer(output), absl::OkStatus());
  ASSERT_EQ(sink.Commit({&output}), absl::OkStatus());
  ASSERT_EQ(sink.Offer(output), absl::OkStatus());  // as again and again at the end
  ASSERT_EQ(sink.Commit({}), absl::OkStatus());
  std::map<int32_t, std::string> newest;  // by partition
  for (const TopicRecord& record : ReadTopic(brokers_, topic)) {
    newest[record.partition] =
        record.Header("forebay-source-offset") + " " + record.Header("forebay-at-end");
  }
  EXPECT_THAT(newest, ElementsAre(Pair(0, "8 1"), Pair(1, "8 1")));
}

// What each record without a value says to a reader of a source's topic.
TEST_F(EmbeddedBrokerTest, ControlRecordsAreReadOrSaidToBeNone) {
  using Headers = std::vector<std::pair<std::string, std::string>>;
  auto control = [](const std::string& kind, const std::string& entity) {
    return Headers{{"forebay-control", kind}, {"forebay-entity", entity}};
  };
  WriteTopic(brokers_, "transactions",
             {{.key = "m1", .headers = {{"x", "y"}}},
              {.key = "m1", .headers = control("erase", "merchant")},
              {.key = "", .headers = control("erase", "merchant")},
              {.key = "m1", .headers = control("erase", "user")},
              {.key = "m1", .headers = {{"forebay-control", "erase"}}},
              {.headers = control("erase", "merchant")},
              {.key = "m1", .headers = control("marker", "merchant")},
              {.key = "m1", .headers = control("heartbeat", "merchant")}});
  const v1::Entity merchant = MerchantEntity();
  ControlReader reader({&merchant}, /*repartition=*/false);
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  std::vector<std::string> said;
  while (said.size() < 8) {
    auto fetched = worker.consumer().Fetch(kTask0, 8, absl::Seconds(10));
    ASSERT_TRUE(fetched.ok()) << fetched.status();
    for (const RawRecord& record : fetched->records) {
      auto read = reader.Read(record);
      said.push_back(!read.ok()         ? std::string(read.status().message())
                     : !*read           ? "no control record"
                     : (*read)->erasure ? "erases " + (*read)->erasure->key
                                        : "of another entity");
    }
  }
  EXPECT_THAT(said, ElementsAre("no control record", "erases m1", "erases ", "of another entity",
                                "an erasure needs a key and the header forebay-entity",
                                "an erasure needs a key and the header forebay-entity",
                                "header forebay-control is 'marker', expected erase",
                                "header forebay-control is 'heartbeat', expected erase"));
}

TEST_F(EmbeddedBrokerTest, ARecordThatForebayDidNotForwardIsToldApart) {
  WriteTopic(brokers_, "transactions",
             {{.value = "x"}, {.value = "y", .headers = {{"forebay-source-partition", "one"}}}});
  TestWorker worker(brokers_, "w1", kTopics);
  worker.WaitForTasks(2);
  auto fetched = worker.consumer().Fetch(kTask0, 2, absl::Seconds(10));
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  ASSERT_EQ(fetched->records.size(), 2u);
  EXPECT_THAT(ReadRepartitionHeaders(fetched->records[0]).status().ToString(),
              HasSubstr("header forebay-source-partition is missing"));
  EXPECT_THAT(ReadRepartitionHeaders(fetched->records[1]).status().ToString(),
              HasSubstr("header forebay-source-partition is \"one\""));
}

}  // namespace
}  // namespace forebay
