// What protobuf's own parser makes of the same bytes is the test.
#include "online/grpc/read_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "fmt/format.h"
#include "forebay/v1/serving.pb.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;

Value ValueOf(const v1::Value& message) {
  switch (message.kind_case()) {
    case v1::Value::kBoolValue:
      return message.bool_value();
    case v1::Value::kInt64Value:
      return message.int64_value();
    case v1::Value::kDoubleValue:
      return message.double_value();
    case v1::Value::kStringValue:
      return message.string_value();
    case v1::Value::kBytesValue:
      return message.bytes_value();
    case v1::Value::kTimestampValue:
      return message.timestamp_value();
    case v1::Value::kListValue:
      return ValueList();
    case v1::Value::KIND_NOT_SET:
      break;
  }
  return Value();
}

using Keys = std::map<std::string, Value>;

template <typename Map>
Keys KeysOf(const Map& map) {
  Keys keys;
  for (const auto& [name, value] : map) keys[std::string(name)] = ValueOf(value);
  return keys;
}

std::vector<Keys> EntitiesOf(const v1::GetRequest& message) { return {KeysOf(message.entity())}; }
std::vector<Keys> EntitiesOf(const v1::BatchGetRequest& message) {
  std::vector<Keys> entities;
  for (const v1::EntityKey& entity : message.entities()) entities.push_back(KeysOf(entity.keys()));
  return entities;
}

// Of names that are twice there the last, as in a map.
std::vector<Keys> EntitiesOf(const ReadRequest& request) {
  std::vector<Keys> entities;
  for (const EntityKeys& columns : request.entities) {
    Keys& keys = entities.emplace_back();
    for (const auto& [name, value] : columns) keys[std::string(name)] = value;
  }
  return entities;
}

template <typename Message>
void ExpectEqual(const ReadRequest& request, const Message& message) {
  EXPECT_EQ(request.feature_service, message.feature_service());
  EXPECT_EQ(request.request_id, message.request_id());
  EXPECT_EQ(std::vector<std::string>(request.features.begin(), request.features.end()),
            std::vector<std::string>(message.features().begin(), message.features().end()));
  std::optional<int64_t> at;
  if (message.has_at()) at = message.at();
  EXPECT_EQ(request.at ? std::optional(request.at->value()) : std::nullopt, at);
  EXPECT_EQ(EntitiesOf(request), EntitiesOf(message));
}

v1::BatchGetRequest Example() {
  v1::BatchGetRequest message;
  message.set_feature_service("fraud");
  message.add_features("user_spend.spend_10m");
  message.add_features("\u00e9");
  message.set_at(-5);
  message.set_request_id("r\u00e9");
  auto& keys = *message.add_entities()->mutable_keys();
  keys["user_id"].set_string_value(std::string(300, 'u'));
  keys["n"].set_int64_value(-7);
  keys["d"].set_double_value(0.5);
  message.add_entities();
  auto& more = *message.add_entities()->mutable_keys();
  more["b"].set_bool_value(true);
  more["bytes"].set_bytes_value("\xff");
  more["t"].set_timestamp_value(1LL << 60);
  more["null"];
  more["list"].mutable_list_value()->add_values()->set_bool_value(true);
  return message;
}

TEST(ReadMessages, TakeWhatProtobufTakes) {
  v1::BatchGetRequest batch = Example();
  std::string wire = batch.SerializeAsString();
  auto request = ReadBatchGetRequest(wire);
  ASSERT_TRUE(request.ok()) << request.status();
  ExpectEqual(*request, batch);

  v1::GetRequest get;
  get.add_features("v.x");
  get.set_request_id("r");
  *get.mutable_entity() = batch.entities(0).keys();
  wire = get.SerializeAsString();
  request = ReadGetRequest(wire);
  ASSERT_TRUE(request.ok()) << request.status();
  ExpectEqual(*request, get);
}

// Bytes that are changed are refused where protobuf refuses them, and else read as it reads them;
// but what is in a list, which is no key, is not looked at.
TEST(ReadMessages, AnyBytesAreReadAsProtobufReadsThem) {
  v1::BatchGetRequest example = Example();
  example.mutable_entities(2)->mutable_keys()->erase("list");
  const std::string seed = example.SerializeAsString();
  std::mt19937 random(5);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string wire = seed;
    for (size_t changes = random() % 4; changes > 0; --changes) {
      size_t at = random() % wire.size();
      switch (random() % 3) {
        case 0:
          wire[at] = static_cast<char>(random());
          break;
        case 1:
          wire.erase(at, random() % 8 + 1);
          break;
        default:
          wire.insert(at, wire.substr(random() % wire.size(), random() % 8));
      }
      if (wire.empty()) wire = "x";
    }
    auto request = ReadBatchGetRequest(wire);
    v1::BatchGetRequest message;
    bool parsed = message.ParseFromString(wire);
    bool list = false;
    for (const auto& entity : message.entities()) {
      for (const auto& [name, value] : entity.keys()) list |= value.has_list_value();
    }
    if (list) continue;
    if (request.ok()) ExpectEqual(*request, message);
    EXPECT_EQ(request.ok(), parsed) << request.status() << " " << i;
    if (testing::Test::HasFailure()) break;
    accepted += request.ok() ? 1 : 0;
  }
  EXPECT_GT(accepted, 1000);
}

TEST(ReadMessages, TakesAsMuchAsTheReaderDoesAndNoMore) {
  v1::BatchGetRequest message;
  for (size_t i = 0; i < FeatureReader::kMostEntities; ++i) message.add_entities();
  EXPECT_TRUE(ReadBatchGetRequest(message.SerializeAsString()).ok());
  message.add_entities();
  // What comes after is not read: it would be an error of another kind.
  EXPECT_THAT(ReadBatchGetRequest(message.SerializeAsString() + "\xff").status().ToString(),
              HasSubstr("at most 10000 are allowed"));
  message.Clear();
  for (size_t i = 0; i <= ReadPlanner::kMostNames; ++i) message.add_features("v.x");
  EXPECT_THAT(ReadBatchGetRequest(message.SerializeAsString()).status().ToString(),
              HasSubstr("more than 10000 features"));
  v1::GetRequest get;
  for (size_t i = 0; i <= FeatureReader::kMostKeys; ++i)
    (*get.mutable_entity())[fmt::format("{}", i)];
  EXPECT_THAT(ReadGetRequest(get.SerializeAsString()).status().ToString(),
              HasSubstr("more than 100 key columns"));
  EXPECT_EQ(ReadGetRequest("\xff").status().ToString(),
            "INVALID_ARGUMENT: the message is no forebay.v1.GetRequest: a tag is cut off");
}

}  // namespace
}  // namespace forebay
