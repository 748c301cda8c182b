#include "connectors/decode/key_text.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/value.h"

namespace forebay {
namespace {

v1::Entity EntityOf(const std::vector<v1::DataType>& types) {
  v1::Entity entity;
  entity.set_name("thing");
  for (v1::DataType type : types) {
    v1::Field& key = *entity.add_keys();
    key.set_name("k" + std::to_string(entity.keys_size()));
    key.set_type(type);
    // As its source has it, which the text does not show.
    if (type == v1::TIMESTAMP) key.set_time_encoding(v1::MILLISECONDS);
  }
  return entity;
}

Value RandomValue(v1::DataType type, std::mt19937_64& random) {
  if (type == v1::BOOL) return random() % 2 == 0;
  if (type == v1::INT64) return static_cast<int64_t>(random());
  if (type == v1::TIMESTAMP) return static_cast<int64_t>(random() % 100'000'000'000'000'000);
  std::string text;
  for (uint64_t left = random() % 8; left > 0; --left)
    text += static_cast<char>(random() % (type == v1::STRING ? 128 : 256));
  return text;
}

TEST(KeyTextTest, ReadsWhatKeyTextWrites) {
  const std::vector<std::vector<v1::DataType>> entities = {
      {v1::STRING},
      {v1::INT64},
      {v1::BOOL},
      {v1::BYTES},
      {v1::TIMESTAMP},
      {v1::STRING, v1::INT64},
      {v1::TIMESTAMP, v1::BYTES, v1::BOOL, v1::STRING}};
  std::mt19937_64 random(1);
  for (const std::vector<v1::DataType>& types : entities) {
    v1::Entity entity = EntityOf(types);
    KeyTextReader reader(entity);
    for (int i = 0; i < 200; ++i) {
      std::vector<Value> parts;
      for (v1::DataType type : types) parts.push_back(RandomValue(type, random));
      std::string text = KeyText(entity, parts);
      absl::StatusOr<std::string> key = reader.Read(text);
      ASSERT_TRUE(key.ok()) << text << ": " << key.status();
      ASSERT_EQ(*key, EncodeKey(entity, parts)) << text;
    }
  }
}

TEST(KeyTextTest, RefusesWhatIsNoKeyAndDoesNotRepeatIt) {
  auto refuse = [](const std::vector<v1::DataType>& types, std::string_view text) {
    v1::Entity entity = EntityOf(types);
    absl::Status status = KeyTextReader(entity).Read(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text << ": " << status;
    return std::string(status.message());
  };
  EXPECT_EQ(refuse({v1::INT64}, "7x"),
            "it is no key of entity thing: expected an int64 in decimal");
  EXPECT_EQ(refuse({v1::STRING, v1::INT64}, R"({"k1":"a","k2":"b"})"),
            "it is no key of entity thing: expected a JSON object of its key columns");
  EXPECT_EQ(refuse({v1::STRING, v1::INT64}, R"({"k1":"a"})"),
            "it is no key of entity thing: expected a value of k2");
}

}  // namespace
}  // namespace forebay
