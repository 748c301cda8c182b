#include "connectors/decode/protobuf_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "connectors/decode/decode_testing.h"
#include "connectors/decode/protobuf_testing.h"
#include "fmt/format.h"

namespace forebay {
namespace {

using std::string_literals::operator""s;
using testing::HasSubstr;

constexpr int64_t kNow = 1'356'998'400 * kMicrosPerSecond;  // 2013-01-01T00:00:00Z

constexpr const char* kProto = R"(
  syntax = "proto3";
  package t;
  import "google/protobuf/timestamp.proto";
  enum Color {
    option allow_alias = true;
    NONE = 0;
    RED = 1;
    ROT = 1;
    NEGATIVE = -3;
  }
  message Event {
    int64 t = 1;
    bool b = 2;
    int64 i = 3;
    double d = 4;
    string s = 5;
    bytes y = 6;
    optional int64 maybe = 7;
    google.protobuf.Timestamp at = 8;
    string text_time = 9;
    Color color = 10;
    uint64 u = 11;
    oneof either {
      string left = 12;
      int64 right = 13;
    }
    float f = 3000;
    int32 i32 = 14;
    uint32 u32 = 15;
    sint32 s32 = 16;
    sint64 s64 = 17;
    fixed32 f32 = 18;
    fixed64 f64 = 19;
    sfixed32 sf32 = 20;
    sfixed64 sf64 = 21;
    repeated int64 many = 22;
  }
)";

v1::Source SourceOf(const std::string& proto = kProto) {
  v1::Source source;
  source.set_name("events");
  source.set_format(v1::Source::PROTOBUF);
  source.set_descriptor_set(DescriptorSet(ParseProto(proto)));
  source.set_message("t.Event");
  source.set_event_time("t");
  source.set_known_time(v1::Source::KAFKA);
  source.set_max_future_us(300 * kMicrosPerSecond);
  return source;
}

// The only column, of this field.
v1::Source SourceWith(std::string_view name, v1::DataType type,
                      v1::TimeEncoding encoding = v1::TIME_ENCODING_UNSPECIFIED) {
  v1::Source source = SourceOf();
  AddField(&source, name, type, encoding);
  return source;
}

// Pieces of the wire format.
std::string Tag(uint32_t number, int wire_type) { return Varint(number << 3 | wire_type); }
std::string Number(uint32_t number, uint64_t value) { return Tag(number, 0) + Varint(value); }
std::string Bytes(uint32_t number, const std::string& bytes) {
  return Tag(number, 2) + Varint(bytes.size()) + bytes;
}
template <typename Word>
std::string Fixed(uint32_t number, Word word) {
  std::string bytes(sizeof(word), 0);
  std::memcpy(bytes.data(), &word, sizeof(word));
  return Tag(number, sizeof(word) == 8 ? 1 : 5) + bytes;
}

// The value of the only column, or what is wrong.
std::string Only(const v1::Source& source, const std::string& message) {
  ProtobufReader reader = ProtobufReader::Make(source).value();
  std::vector<char> exact(message.begin(), message.end());  // for the address sanitizer
  if (!reader.Read({exact.data(), exact.size()})) return reader.problem();
  return Describe(reader.values()[0], source.schema(0).type());
}

TEST(ProtobufReader, ReadsEveryKindOfField) {
  auto integer = [](const char* name, const std::string& message) {
    return Only(SourceWith(name, v1::INT64), message);
  };
  EXPECT_EQ(integer("i", Number(3, 7)), "7");
  EXPECT_EQ(integer("i", Number(3, -7)), "-7");
  EXPECT_EQ(integer("i", Number(3, 1ull << 63)), "-9223372036854775808");
  EXPECT_EQ(integer("i32", Number(14, -7)), "-7");
  EXPECT_EQ(integer("i32", Number(14, 0x1'0000'0005)), "5");  // the lower 32 bits
  EXPECT_EQ(integer("u32", Number(15, 0xFFFF'FFFF)), "4294967295");
  EXPECT_EQ(integer("s32", Number(16, 3)), "-2");
  EXPECT_EQ(integer("s64", Number(17, 0xFFFF'FFFF'FFFF'FFFF)), "-9223372036854775808");
  EXPECT_EQ(integer("f32", Fixed(18, 0xFFFF'FFFFu)), "4294967295");
  EXPECT_EQ(integer("f64", Fixed(19, uint64_t{5})), "5");
  EXPECT_EQ(integer("sf32", Fixed(20, int32_t{-5})), "-5");
  EXPECT_EQ(integer("sf64", Fixed(21, int64_t{-5})), "-5");
  EXPECT_EQ(integer("u", Number(11, 0x7FFF'FFFF'FFFF'FFFF)), "9223372036854775807");
  EXPECT_EQ(integer("color", Number(10, -3)), "-3");
  EXPECT_EQ(Only(SourceWith("b", v1::BOOL), Number(2, 1)), "true");
  EXPECT_EQ(Only(SourceWith("b", v1::BOOL), Number(2, 1ull << 40)), "true");
  EXPECT_EQ(Only(SourceWith("d", v1::DOUBLE), Fixed(4, 2.5)), "2.5");
  EXPECT_EQ(Only(SourceWith("f", v1::DOUBLE), Fixed(3000, 0.5f)), "0.5");
  EXPECT_EQ(Only(SourceWith("s", v1::STRING), Bytes(5, "é€𝄞 and more")), "'é€𝄞 and more'");
  EXPECT_EQ(Only(SourceWith("y", v1::BYTES), Bytes(6, "\xff\0"s)), "'\xff\0'"s);
}

TEST(ProtobufReader, AMissingFieldIsNullWhereItHasPresenceAndElseZero) {
  EXPECT_EQ(Only(SourceWith("i", v1::INT64), ""), "0");
  EXPECT_EQ(Only(SourceWith("b", v1::BOOL), ""), "false");
  EXPECT_EQ(Only(SourceWith("d", v1::DOUBLE), ""), "0");
  EXPECT_EQ(Only(SourceWith("s", v1::STRING), ""), "''");
  EXPECT_EQ(Only(SourceWith("y", v1::BYTES), ""), "''");
  EXPECT_EQ(Only(SourceWith("color", v1::STRING), ""), "'NONE'");
  EXPECT_EQ(Only(SourceWith("t", v1::TIMESTAMP, v1::MILLISECONDS), ""), "0");
  EXPECT_EQ(Only(SourceWith("maybe", v1::INT64), ""), "null");
  EXPECT_EQ(Only(SourceWith("maybe", v1::INT64), Number(7, 0)), "0");
  EXPECT_EQ(Only(SourceWith("left", v1::STRING), ""), "null");
  EXPECT_EQ(Only(SourceWith("at", v1::TIMESTAMP, v1::RFC3339), ""), "null");
  EXPECT_EQ(Only(SourceWith("text_time", v1::TIMESTAMP, v1::RFC3339), ""), "null");
}

TEST(ProtobufReader, InProto2AMissingFieldIsNullWhateverItsDefault) {
  v1::Source source = SourceOf(R"(
    syntax = "proto2";
    package t;
    enum Color { RED = 1; BLUE = 2; }
    message Event { required int64 i = 1; optional Color color = 2 [default = BLUE]; })");
  AddField(&source, "color", v1::STRING);
  EXPECT_EQ(Only(source, ""), "null");
  EXPECT_EQ(Only(source, Number(2, 1)), "'RED'");
  EXPECT_EQ(Only(source, Number(2, 1) + Number(2, 7)), "'RED'");  // 7 is no value of it
  EXPECT_EQ(Only(source, Number(2, 7)), "null");
}

TEST(ProtobufReader, TheLastOfAFieldCountsAndMessagesAreMerged) {
  EXPECT_EQ(Only(SourceWith("s", v1::STRING), Bytes(5, "a") + Number(1, 5) + Bytes(5, "b")), "'b'");
  EXPECT_EQ(Only(SourceWith("at", v1::TIMESTAMP, v1::RFC3339),
                 Bytes(8, Number(1, 1)) + Bytes(8, Number(2, 5'999))),
            "1000005");
  EXPECT_EQ(Only(SourceWith("u", v1::INT64), Number(11, -1) + Number(11, 3)), "3");
}

TEST(ProtobufReader, AMemberOfAOneofTakesTheOthersAway) {
  v1::Source left = SourceWith("left", v1::STRING);
  EXPECT_EQ(Only(left, Bytes(12, "a")), "'a'");
  EXPECT_EQ(Only(left, Bytes(12, "a") + Number(13, 1)), "null");
  EXPECT_EQ(Only(left, Number(13, 1) + Bytes(12, "a")), "'a'");
  EXPECT_EQ(Only(left, Bytes(12, "a") + Fixed(13, 1.0)), "'a'");  // an unknown field
  AddField(&left, "right", v1::INT64);
  EXPECT_EQ(Only(left, Bytes(12, "a") + Number(13, 1)), "null");
}

TEST(ProtobufReader, EnumsAreTheirFirstNameOrTheDigitsOfANumberWithoutOne) {
  v1::Source source = SourceWith("color", v1::STRING);
  EXPECT_EQ(Only(source, Number(10, 1)), "'RED'");
  EXPECT_EQ(Only(source, Number(10, -3)), "'NEGATIVE'");
  EXPECT_EQ(Only(source, Number(10, 77)), "'77'");
  EXPECT_EQ(Only(source, Number(10, -2147483648)), "'-2147483648'");
}

TEST(ProtobufReader, TimesAreConvertedFromTheirUnit) {
  auto time = [](v1::TimeEncoding encoding, int64_t count) {
    return Only(SourceWith("i", v1::TIMESTAMP, encoding), Number(3, count));
  };
  EXPECT_EQ(time(v1::SECONDS, -1), "-1000000");
  EXPECT_EQ(time(v1::MILLISECONDS, 5), "5000");
  EXPECT_EQ(time(v1::MICROSECONDS, 5), "5");
  EXPECT_EQ(time(v1::NANOSECONDS, -1), "-1");  // floored
  EXPECT_EQ(time(v1::SECONDS, 9'223'372'036'855),
            "field i: found 9223372036855, expected a time that int64 microseconds can hold");
  v1::Source message = SourceWith("at", v1::TIMESTAMP, v1::RFC3339);
  auto at = [](int64_t seconds, int32_t nanos) {
    return Bytes(8, Number(1, seconds) + Number(2, static_cast<int64_t>(nanos)));
  };
  EXPECT_EQ(Only(message, at(1'356'998'400, 1'999)), std::to_string(kNow + 1));
  EXPECT_EQ(Only(message, at(-1, 999'999'999)), "-1");
  EXPECT_EQ(Only(message, Bytes(8, "")), "0");
  EXPECT_EQ(Only(message, at(0, -5)), "field at: found -5 nanos, expected 0 to 999999999");
  EXPECT_THAT(Only(message, at(0, 1'000'000'000)), HasSubstr("found 1000000000 nanos"));
  EXPECT_EQ(Only(message, at(9'223'372'036'854, 775'807'999)), "9223372036854775807");
  EXPECT_EQ(Only(message, at(9'223'372'036'854, 775'808'000)),
            "field at: found 9223372036854 seconds, expected a time that int64 microseconds can "
            "hold");
  v1::Source text = SourceWith("text_time", v1::TIMESTAMP, v1::RFC3339);
  EXPECT_EQ(Only(text, Bytes(9, "2013-01-01T01:00:00+01:00")), std::to_string(kNow));
  EXPECT_EQ(Only(text, Bytes(9, "")),
            "field text_time: found '', expected a timestamp such as 2013-01-01T05:00:00Z");
  EXPECT_THAT(Only(text, Bytes(9, std::string(59, 'a') + "éé")),
              HasSubstr("found '" + std::string(59, 'a') + "...', expected"));
}

TEST(ProtobufReader, AnUnsignedNumberBeyondInt64IsRefused) {
  EXPECT_EQ(Only(SourceWith("u", v1::INT64), Number(11, 1ull << 63)),
            "field u: found 9223372036854775808, expected an integer up to 9223372036854775807");
  EXPECT_THAT(Only(SourceWith("f64", v1::TIMESTAMP, v1::NANOSECONDS), Fixed(19, uint64_t(-1))),
              HasSubstr("field f64: found 18446744073709551615"));
}

TEST(ProtobufReader, AnotherWireTypeThanTheFieldsIsRefused) {
  EXPECT_EQ(Only(SourceWith("d", v1::DOUBLE), Number(1, 1) + Number(4, 3)),
            "field d: found wire type 0 (varint) at byte 2, expected 1 (64-bit) for double");
  EXPECT_THAT(Only(SourceWith("i", v1::INT64), Bytes(3, "\1")), HasSubstr("(length-delimited)"));
  EXPECT_THAT(Only(SourceWith("f", v1::DOUBLE), Fixed(3000, 1.0)),
              HasSubstr("expected 5 (32-bit)"));
  EXPECT_THAT(Only(SourceWith("i", v1::INT64), Tag(3, 3) + Tag(3, 4)),
              HasSubstr("(start of a group)"));
}

TEST(ProtobufReader, OtherFieldsAreSkippedByTheirWireType) {
  std::string group = Tag(500, 3) + Number(1, 5) + Tag(3, 3) + Bytes(9, "x") + Tag(3, 4) +
                      Fixed(2, 1.0) + Fixed(7, 1.0f) + Tag(500, 4);
  std::string unknown = Number(600, 1ull << 63) + Bytes(601, "\xff") + Fixed(602, 1.0) +
                        Fixed(603, 1.0f) + Number((1u << 29) - 1, 1) + Bytes(22, "\1\2\3");
  EXPECT_EQ(Only(SourceWith("i", v1::INT64), unknown + group + Number(3, 9) + unknown + group),
            "9");
}

TEST(ProtobufReader, WhatIsNotAMessageIsRefusedAndSaysWhere) {
  v1::Source source = SourceWith("s", v1::STRING);
  auto problem = [&](const std::string& message) { return Only(source, message); };
  EXPECT_EQ(problem(Bytes(5, "abc").substr(0, 4)),
            "the value is not one message t.Event: a field is longer than what is left at byte 2");
  EXPECT_EQ(problem(Bytes(5, "\xC3(")),
            "the value is not one message t.Event: a string is not UTF-8, and ends at byte 4");
  const std::pair<std::string, const char*> kCases[] = {
      {"\x80"s, "a tag is cut off"},
      {"\x80\x80\x80\x80\x80\x01"s, "a tag is longer than five bytes"},
      {"\0"s, "a field has the number 0"},
      {"\1"s, "a field has the number 0"},
      {Tag(9, 6), "an unknown wire type"},
      {Tag(9, 7), "an unknown wire type"},
      {Tag(900, 0), "it ends where a varint is expected"},
      {Tag(900, 0) + "\x80", "a varint is cut off"},
      {Tag(900, 0) + std::string(9, '\x80'), "a varint is cut off"},
      {Tag(900, 0) + std::string(10, '\x80') + "\1", "a varint is longer than ten bytes"},
      {Tag(900, 1) + "1234567", "a number of fixed size is cut off"},
      {Tag(900, 5) + "123", "a number of fixed size is cut off"},
      {Tag(900, 2), "it ends where a length is expected"},
      {Tag(900, 2) + "\x80", "a length is cut off"},
      {Tag(900, 2) + "\xff\xff\xff\xff\x07", "a field is longer than what is left"},
      {Tag(900, 2) + "\x81\x80\x80\x80\x80\x00x"s, "a length is longer than five bytes"},
      {Tag(900, 4), "a group ends that did not begin"},
      {Tag(900, 3) + Tag(901, 4), "a group ends that did not begin"},
      {Tag(900, 3) + Number(1, 1), "it ends where a tag is expected"},
      {Tag(900, 3) + "\0"s, "a field has the number 0"},
      {Bytes(8, Tag(1, 0)) + Tag(900, 4), "a group ends"},
  };
  for (const auto& [message, expected] : kCases) {
    EXPECT_THAT(problem(message), HasSubstr(expected)) << testing::PrintToString(message);
  }
  EXPECT_THAT(Only(SourceWith("at", v1::TIMESTAMP, v1::RFC3339), Bytes(8, Tag(1, 0))),
              HasSubstr("it ends where a varint is expected at byte 3"));
}

TEST(ProtobufReader, VarintsMayBeLongerThanTheyMust) {
  EXPECT_EQ(Only(SourceWith("i", v1::INT64), Tag(3, 0) + "\x85\x80\x80\x00"s), "5");
  EXPECT_EQ(Only(SourceWith("s", v1::STRING), "\xaa\x80\x00\x81\x80\x00z"s), "'z'");
}

TEST(ProtobufReader, GroupsAreNestedUpTo100Deep) {
  auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += Tag(900, 3);
    for (int i = 0; i < depth; ++i) text += Tag(900, 4);
    return text;
  };
  v1::Source source = SourceWith("i", v1::INT64);
  EXPECT_EQ(Only(source, nested(100)), "0");
  EXPECT_THAT(Only(source, nested(101)), HasSubstr("nested more than 100 deep"));
  EXPECT_THAT(Only(source, nested(1'000'000)), HasSubstr("nested more than 100 deep"));
}

TEST(ProtobufReader, ASourceThatDoesNotFitItsMessageIsAnError) {
  auto problem = [](const v1::Source& source) {
    return std::string(ProtobufReader::Make(source).status().message());
  };
  EXPECT_EQ(problem(SourceWith("none", v1::INT64)),
            "column none of source events is no field of message t.Event that fits its type");
  EXPECT_THAT(problem(SourceWith("d", v1::INT64)), HasSubstr("column d"));
  EXPECT_THAT(problem(SourceWith("many", v1::INT64)), HasSubstr("column many"));
  v1::Source source = SourceWith("i", v1::INT64);
  source.set_message("t.Evnt");
  EXPECT_EQ(problem(source), "the descriptor set holds no message t.Evnt");
}

TEST(ProtobufReader, IsAFormatOfTheGate) {
  v1::Source source = SourceOf();
  AddField(&source, "t", v1::TIMESTAMP, v1::MILLISECONDS);
  AddField(&source, "s", v1::STRING);
  AddField(&source, "b", v1::BOOL);
  EventDecoder decoder = MakeDecoder(source, {"s", "b"});
  std::vector<std::string> values = {
      Number(1, kNow / 1000) + Bytes(5, "u1") + Number(2, 1), Number(1, kNow / 1000 + 300'001),
      Number(1, std::numeric_limits<int64_t>::max()), Bytes(5, "u2"), "\xff"};
  std::vector<RawRecord> records;
  for (const std::string& value : values) {
    records.push_back({Offset(static_cast<int64_t>(records.size())), kNow, {}, value, nullptr});
  }
  records.push_back({Offset(5), kNow, {}, {}, nullptr});
  EventBatch batch = decoder.Decode(records).value();
  EXPECT_TRUE(batch.columns->ValidateFull().ok());
  EXPECT_EQ(RowsOf(batch), (std::vector<Row>{{"u1"s, true}, {"u2"s, false}}));
  EXPECT_EQ(batch.event_times[1], EventTime(0));
  std::vector<std::string> rejected;
  for (const RejectedRecord& reject : batch.rejected) {
    rejected.push_back(
        fmt::format("{}: {}", RejectReasonName(reject.reason), reject.detail.substr(0, 47)));
  }
  EXPECT_THAT(rejected,
              testing::ElementsAre("future: field t is 2013-01-01T00:05:00.001000Z, more th",
                                   "bad_event_time: field t is not within the years 1 to 9999",
                                   "undecodable: the value is not one message t.Event: a tag is ",
                                   "undecodable: the value is null, expected a protobuf message"));
}

TEST(ProtobufReader, ATimeTooLargeForItsUnitIsNamedAsItWasWritten) {
  v1::Source source = SourceWith("t", v1::TIMESTAMP, v1::SECONDS);
  EventDecoder decoder = MakeDecoder(source, {});
  std::string value = Number(1, kNow * 1'000);
  EventBatch batch = DecodeAll(decoder, {{Offset(0), kNow, {}, value, nullptr}});
  ASSERT_EQ(batch.rejected.size(), 1);
  EXPECT_THAT(batch.rejected[0].detail,
              HasSubstr("; field t looks like nanoseconds, and is declared in seconds: as "
                        "nanoseconds 1356998400000000000 is 2013-01-01T00:00:00.000000Z"));
}

}  // namespace
}  // namespace forebay
