// Who has which partitions, and which partition has a key.
#include "connectors/kafka/consumer_group.h"

#include <gtest/gtest.h>

#include "connectors/kafka/repartition_record.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

TaskId Task(int32_t partition) { return {"clicks", PartitionId(partition)}; }

TEST(DescribeOwners, NamesWorkersByWhatTheyHave) {
  std::vector<GroupMember> members = {
      {.worker_id = "a", .host = "10.0.0.1", .tasks = {Task(0)}},
      {.worker_id = "b", .host = "10.0.0.2", .tasks = {Task(3), Task(1)}},
      {.worker_id = "", .host = "10.0.0.3", .tasks = {{"others", PartitionId(2)}, Task(4)}}};
  EXPECT_EQ(DescribeOwners(members, {Task(1), Task(2), Task(3), Task(4)}),
            "worker b (10.0.0.2) has partitions 1, 3; another consumer (10.0.0.3) has partition 4; "
            "nobody has partition 2 yet");
  EXPECT_EQ(DescribeOwners(members, {Task(0)}), "worker a (10.0.0.1) has partition 0");
}

// The numbers are those of Kafka's own tests of its murmur2: 1173551340 and 1357151166.
TEST(RepartitionOf, IsWhatKafkasDefaultPartitionerChooses) {
  v1::Entity by_text, by_number;
  by_text.set_name("text");
  by_text.add_keys()->set_type(v1::STRING);
  by_number.set_name("number");
  by_number.add_keys()->set_type(v1::INT64);
  auto partition = [](const v1::Entity& entity, Value key) {
    return RepartitionOf(entity, EncodeKey(entity, {std::move(key)}), 1000);
  };
  EXPECT_EQ(partition(by_text, std::string("21")), PartitionId(340));
  EXPECT_EQ(partition(by_text, std::string("foobar")), PartitionId(166));
  EXPECT_EQ(partition(by_number, int64_t{21}), PartitionId(340));
  EXPECT_EQ(partition(by_text, std::string()), std::nullopt);
}

}  // namespace
}  // namespace forebay
