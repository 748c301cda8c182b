#include "schemas/protobuf/message_schema.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/timestamp.pb.h>
#include <gtest/gtest.h>

#include "fmt/format.h"

namespace forebay {
namespace {

using google::protobuf::FileDescriptorSet;
using google::protobuf::TextFormat;
using testing::ElementsAre;
using testing::HasSubstr;

// A descriptor set of google/protobuf/timestamp.proto and one file of this text.
std::string SetWith(const std::string& file) {
  FileDescriptorSet set;
  google::protobuf::Timestamp::descriptor()->file()->CopyTo(set.add_file());
  EXPECT_TRUE(TextFormat::ParseFromString(file, set.add_file()));
  return set.SerializeAsString();
}

constexpr const char* kEvent = R"pb(
  name: "event.proto"
  package: "a.v1"
  syntax: "proto3"
  dependency: "google/protobuf/timestamp.proto"
  message_type {
    name: "Event"
    field { name: "n" number: 3 type: TYPE_SINT64 label: LABEL_OPTIONAL }
    field { name: "tags" number: 1 type: TYPE_STRING label: LABEL_REPEATED }
    field {
      name: "at"
      number: 300
      type: TYPE_MESSAGE
      type_name: ".google.protobuf.Timestamp"
      label: LABEL_OPTIONAL
    }
    field {
      name: "m"
      number: 4
      type: TYPE_MESSAGE
      type_name: ".a.v1.Event.MEntry"
      label: LABEL_REPEATED
    }
    field { name: "color" number: 5 type: TYPE_ENUM type_name: ".a.v1.Color" label: LABEL_OPTIONAL }
    field { name: "x" number: 6 type: TYPE_BOOL label: LABEL_OPTIONAL oneof_index: 0 }
    field { name: "y" number: 7 type: TYPE_BYTES label: LABEL_OPTIONAL oneof_index: 0 }
    field {
      name: "maybe"
      number: 8
      type: TYPE_FLOAT
      label: LABEL_OPTIONAL
      oneof_index: 1
      proto3_optional: true
    }
    field {
      name: "self"
      number: 9
      type: TYPE_MESSAGE
      type_name: ".a.v1.Event"
      label: LABEL_OPTIONAL
    }
    nested_type {
      name: "MEntry"
      field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
      field { name: "value" number: 2 type: TYPE_FIXED32 label: LABEL_OPTIONAL }
      options { map_entry: true }
    }
    oneof_decl { name: "either" }
    oneof_decl { name: "_maybe" }
  }
  enum_type {
    name: "Color"
    value { name: "NONE" number: 0 }
    value { name: "RED" number: 2 }
    value { name: "ROT" number: 2 }
    value { name: "BLUE" number: -1 }
    options { allow_alias: true }
  }
)pb";

TEST(MessageSchema, SaysOfEachFieldWhatItsBytesMean) {
  absl::StatusOr<MessageSchema> schema = ReadMessageSchema(SetWith(kEvent), "a.v1.Event");
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(schema->name, "a.v1.Event");
  std::vector<std::string> fields;
  for (const MessageField& field : schema->fields) {
    fields.push_back(fmt::format("{} {} = {}{}{} in {}", field.type, field.name, field.number,
                                 field.repeated ? " repeated" : "",
                                 field.has_presence ? " present or null" : "", field.oneof));
  }
  EXPECT_THAT(fields,
              ElementsAre("sint64 n = 3 in -1", "repeated string tags = 1 repeated in -1",
                          "google.protobuf.Timestamp at = 300 present or null in -1",
                          "map<string, fixed32> m = 4 repeated in -1", "a.v1.Color color = 5 in -1",
                          "bool x = 6 present or null in 0", "bytes y = 7 present or null in 0",
                          "float maybe = 8 present or null in -1",
                          "a.v1.Event self = 9 present or null in -1"));
  EXPECT_EQ(schema->fields[0].kind, MessageField::Kind::kSint64);
  EXPECT_EQ(schema->fields[2].kind, MessageField::Kind::kTimestamp);
  EXPECT_EQ(schema->fields[8].kind, MessageField::Kind::kMessage);
  EXPECT_THAT(schema->fields[4].enum_names,
              ElementsAre(std::pair(-1, "BLUE"), std::pair(0, "NONE"), std::pair(2, "RED")));
  EXPECT_FALSE(schema->fields[4].closed_enum);
}

TEST(MessageSchema, AColumnFitsFieldsOfItsType) {
  MessageSchema schema = ReadMessageSchema(SetWith(kEvent), "a.v1.Event").value();
  auto fits = [&](size_t field, DataType type, v1::TimeEncoding encoding = {}) {
    return FitsColumn(schema.fields[field], type, encoding);
  };
  EXPECT_TRUE(fits(0, DataType::kInt64));  // sint64
  EXPECT_TRUE(fits(0, DataType::kTimestamp, v1::MILLISECONDS));
  EXPECT_FALSE(fits(0, DataType::kTimestamp, v1::RFC3339));
  EXPECT_FALSE(fits(0, DataType::kDouble));
  EXPECT_FALSE(fits(1, DataType::kString));                 // repeated string
  EXPECT_TRUE(fits(2, DataType::kTimestamp, v1::RFC3339));  // google.protobuf.Timestamp
  EXPECT_FALSE(fits(2, DataType::kTimestamp, v1::SECONDS));
  EXPECT_TRUE(fits(4, DataType::kString));  // an enum
  EXPECT_TRUE(fits(4, DataType::kInt64));
  for (int type = 1; type <= 6; ++type) EXPECT_FALSE(fits(8, static_cast<DataType>(type)));
}

TEST(MessageSchema, InProto2EveryFieldHasPresenceAndEnumsAreClosed) {
  std::string set = SetWith(R"pb(
    name: "old.proto"
    message_type {
      name: "Old"
      field { name: "n" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL default_value: "7" }
      field { name: "e" number: 2 type: TYPE_ENUM type_name: ".E" label: LABEL_REQUIRED }
    }
    enum_type {
      name: "E"
      value { name: "ONE" number: 1 }
    }
  )pb");
  absl::StatusOr<MessageSchema> schema = ReadMessageSchema(set, "Old");
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_TRUE(schema->fields[0].has_presence);
  EXPECT_TRUE(schema->fields[1].has_presence);
  EXPECT_TRUE(schema->fields[1].closed_enum);
}

TEST(MessageSchema, WhatIsNoSetOrLacksTheMessageIsRefused) {
  auto problem = [](const std::string& set, const char* message) {
    return std::string(ReadMessageSchema(set, message).status().message());
  };
  EXPECT_EQ(problem("\x07", "a.v1.Event"), "these bytes are no google.protobuf.FileDescriptorSet");
  EXPECT_EQ(problem(SetWith(kEvent), "a.v1.Evnt"), "the descriptor set holds no message a.v1.Evnt");
  EXPECT_THAT(problem(SetWith(R"pb(name: "b.proto" dependency: "c.proto")pb"), "B"),
              HasSubstr("not whole: file b.proto: c.proto: Import \"c.proto\""));
}

}  // namespace
}  // namespace forebay
