#include "connectors/key_check/record_key.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using std::string_literals::operator""s;

struct Column {
  std::string name;
  v1::DataType type;
  Value value;
};

// Whether `record_key` is that of the columns. Times are declared in milliseconds.
bool Says(std::string_view record_key, const std::vector<Column>& columns) {
  v1::Source source;
  v1::Entity entity;
  std::vector<Value> parts;
  for (const Column& column : columns) {
    v1::Field& key = *entity.add_keys();
    key.set_name(column.name);
    key.set_type(column.type);
    *source.add_schema() = key;
    if (column.type == v1::TIMESTAMP) {
      source.mutable_schema()->rbegin()->set_time_encoding(v1::MILLISECONDS);
    }
    parts.push_back(column.value);
  }
  return RecordKeyReader(source, entity).Says(record_key, parts);
}

TEST(RecordKey, ALoneTextIsItselfItsJsonOrAnObject) {
  std::vector<Column> user = {{"user_id", v1::STRING, "u\"7"s}};
  EXPECT_TRUE(Says("u\"7", user));
  EXPECT_TRUE(Says(R"("u\"7")", user));
  EXPECT_TRUE(Says(R"({"user_id" : "u\"7"})", user));
  EXPECT_TRUE(Says(R"({"user_id": "u\u00227"})", user));
  for (const char* other :
       {"", "u", "u\"77", R"("u")", R"({"user_id": "u"})", R"({"user_id": null})",
        R"({"user_id": 7})", "{}", R"({"id": "u\"7"})", "{", R"({"user_id": "u\"7", "shop": 3})"}) {
    EXPECT_FALSE(Says(other, user)) << other;
  }
}

TEST(RecordKey, ALoneIntegerIsItsTextItsBytesOrAnObject) {
  std::vector<Column> user = {{"user_id", v1::INT64, int64_t{-42}}};
  EXPECT_TRUE(Says("-42", user));
  EXPECT_TRUE(Says("\xFF\xFF\xFF\xD6", user));
  EXPECT_TRUE(Says("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xD6", user));
  EXPECT_TRUE(Says(R"({"user_id": -42})", user));
  for (const char* other : {"42", "-042", "\xFF\xFF\xFF\xD7", "\xD6\xFF\xFF\xFF", R"("-42")"}) {
    EXPECT_FALSE(Says(other, user)) << other;
  }
  std::vector<Column> large = {{"user_id", v1::INT64, (int64_t{1} << 32) + 5}};
  EXPECT_TRUE(Says("\0\0\0\1\0\0\0\5"s, large));
  EXPECT_FALSE(Says("\0\0\0\5"s, large)) << "its low half";
}

TEST(RecordKey, SeveralColumnsAreAnObject) {
  std::vector<Column> key = {{"user_id", v1::STRING, "u7"s},
                             {"active", v1::BOOL, true},
                             {"since", v1::TIMESTAMP, int64_t{1'700'000'000'123'000}}};
  EXPECT_TRUE(Says(R"({"since": 1700000000123, "active": true, "user_id": "u7"})", key));
  EXPECT_FALSE(Says(R"({"since": 1700000000123, "active": false, "user_id": "u7"})", key));
  EXPECT_FALSE(Says(R"({"active": true, "user_id": "u7"})", key));
  EXPECT_FALSE(Says("u7", key));
}

}  // namespace
}  // namespace forebay
