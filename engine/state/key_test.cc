#include "engine/state/key.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "absl/status/status.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using std::string_literals::operator""s;

v1::Entity EntityOf(const std::vector<v1::DataType>& types) {
  v1::Entity entity;
  entity.set_name("thing");
  for (v1::DataType type : types) {
    v1::Field* key = entity.add_keys();
    key->set_name("k" + std::to_string(entity.keys_size()));
    key->set_type(type);
  }
  return entity;
}

// Small alphabets, so that prefixes, equal parts, zeros and 0xFF come up all the time.
class RandomValues {
 public:
  explicit RandomValues(uint64_t seed) : random_(seed) {}

  size_t Below(size_t bound) { return random_() % bound; }

  Value Next(v1::DataType type) {
    if (type == v1::BOOL) return Below(2) == 1;
    if (type == v1::STRING || type == v1::BYTES) {
      constexpr char kBytes[] = {'\x00', '\x01', 'a', '\xFE', '\xFF'};
      std::string text;
      for (size_t n = Below(5); n > 0; --n) text += kBytes[Below(5)];
      return text;
    }
    switch (Below(4)) {
      case 0:
        return static_cast<int64_t>(random_());
      case 1:
        return std::numeric_limits<int64_t>::min();
      case 2:
        return std::numeric_limits<int64_t>::max();
      default:
        return static_cast<int64_t>(Below(5)) - 2;
    }
  }

 private:
  std::mt19937_64 random_;
};

TEST(Key, OrderOfBytesIsOrderOfValuesAndBytesReadBack) {
  RandomValues values(1);
  constexpr v1::DataType kTypes[] = {v1::BOOL, v1::INT64, v1::STRING, v1::BYTES, v1::TIMESTAMP};
  for (int round = 0; round < 300; ++round) {
    std::vector<v1::DataType> types;
    for (size_t n = 1 + values.Below(3); n > 0; --n) types.push_back(kTypes[values.Below(5)]);
    v1::Entity entity = EntityOf(types);
    std::vector<Value> previous;
    for (int i = 0; i < 200; ++i) {
      std::vector<Value> parts;
      for (v1::DataType type : types) parts.push_back(values.Next(type));
      std::string encoded = EncodeKey(entity, parts);
      ASSERT_EQ(DecodeKey(entity, encoded).value(), parts);
      if (!previous.empty()) {
        std::string before = EncodeKey(entity, previous);
        ASSERT_EQ(before < encoded, previous < parts);
        ASSERT_EQ(before == encoded, previous == parts);
      }
      previous = parts;
    }
  }
}

TEST(Key, BytesAreAsDocumented) {
  EXPECT_EQ(EncodeKey(EntityOf({v1::STRING}), {"a\0b"s}), "a\0b"s);
  EXPECT_EQ(EncodeKey(EntityOf({v1::INT64}), {int64_t{1}}), "\x80\0\0\0\0\0\0\x01"s);
  EXPECT_EQ(EncodeKey(EntityOf({v1::TIMESTAMP}), {int64_t{-1}}),
            "\x7f\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(EncodeKey(EntityOf({v1::STRING, v1::BOOL}), {"a\0b"s, true}),
            "a\0\xff"s + "b\0\0\x01"s);
}

TEST(Key, BytesThatNoKeyHasAreDataLoss) {
  struct Garbage {
    std::vector<v1::DataType> types;
    std::string bytes;
  };
  const Garbage kGarbage[] = {
      {{v1::BOOL}, ""},
      {{v1::BOOL}, "\x02"},
      {{v1::BOOL}, "\x01\x01"},
      {{v1::INT64}, "1234567"},
      {{v1::INT64}, "123456789"},
      {{v1::STRING, v1::BOOL}, "a"},
      {{v1::STRING, v1::BOOL}, "a\0"s},
      {{v1::STRING, v1::BOOL}, "a\0\x05\0\0\x01"s},
      {{v1::STRING, v1::BOOL}, "a\0\0"s},
      {{v1::BOOL, v1::STRING}, "\x01"s + "a\0\0\0"s},
  };
  for (const Garbage& garbage : kGarbage) {
    absl::Status status = DecodeKey(EntityOf(garbage.types), garbage.bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  }
  EXPECT_EQ(DecodeKey(EntityOf({v1::BOOL, v1::INT64}), "\x01\x7f").status().message(),
            "0x017f is not a key of entity thing: no int64 for k2 starts at byte 1");
}

TEST(Key, RandomBytesEitherFailOrEncodeBackToThemselves) {
  RandomValues values(2);
  v1::Entity entity = EntityOf({v1::STRING, v1::BOOL, v1::BYTES});
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes = std::get<std::string>(values.Next(v1::BYTES)) + "\0\0"s +
                        std::get<std::string>(values.Next(v1::BYTES)) + "\0\0"s;
    absl::StatusOr<std::vector<Value>> parts = DecodeKey(entity, bytes);
    if (parts.ok()) {
      ASSERT_EQ(EncodeKey(entity, *parts), bytes);
    }
  }
}

TEST(KeyText, LoneStringsAndIntegersAreBareAndAllElseIsJson) {
  EXPECT_EQ(KeyText(EntityOf({v1::STRING}), {"a\"b"s}), "a\"b");
  EXPECT_EQ(KeyText(EntityOf({v1::INT64}), {int64_t{-7}}), "-7");
  EXPECT_EQ(KeyText(EntityOf({v1::BOOL}), {true}), R"({"k1":true})");
  EXPECT_EQ(KeyText(EntityOf({v1::TIMESTAMP}), {int64_t{0}}),
            R"({"k1":"1970-01-01T00:00:00.000000Z"})");
  EXPECT_EQ(KeyText(EntityOf({v1::STRING, v1::INT64}), {"a\"b"s, int64_t{5}}),
            R"({"k1":"a\"b","k2":5})");
}

TEST(KeyHash, IsXxh3) {
  EXPECT_EQ(KeyHash(HashedKey("")), static_cast<int64_t>(0x2D06800538D394C2));
}

}  // namespace
}  // namespace forebay
