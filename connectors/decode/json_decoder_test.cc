
#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "connectors/decode/decode_testing.h"

namespace forebay {
namespace {

using std::string_literals::operator""s;
using testing::HasSubstr;

constexpr int64_t kNow = 1'356'998'400 * kMicrosPerSecond;  // 2013-01-01T00:00:00Z

RawRecord Record(std::string_view value, int64_t offset = 0, int64_t timestamp = kNow) {
  return {Offset(offset), timestamp, std::nullopt, value, nullptr};
}

// "ok", or reason and detail.
std::string Verdict(const v1::Source& source, const RawRecord& record) {
  EventDecoder decoder = MakeDecoder(source, kAllColumns);
  EventBatch batch = DecodeAll(decoder, {record});
  if (batch.rejected.empty()) return "ok";
  return std::string(RejectReasonName(batch.rejected[0].reason)) + ": " + batch.rejected[0].detail;
}

std::string Verdict(std::string_view text) { return Verdict(TestSource(), Record(text)); }

// The only row of an object that is right.
Row Only(std::string_view text) {
  EventDecoder decoder = MakeDecoder(TestSource(), kAllColumns);
  EventBatch batch = DecodeAll(decoder, {Record(text)});
  EXPECT_TRUE(batch.rejected.empty()) << text << ": " << batch.rejected[0].detail;
  return batch.size() == 1 ? RowsOf(batch)[0] : Row();
}

TEST(JsonDecoder, BuildsTheAskedColumnsInTheOrderOfTheSchema) {
  EventDecoder decoder = MakeDecoder(TestSource(), {"s", "t", "d"});
  std::string first = R"({"t": 1356998400123, "b": true, "i": -7, "d": 2.5, "s": "u1"})";
  std::string second = R"({"s": null, "d": 3, "t": 1356998400124})";
  EventBatch batch = DecodeAll(decoder, {Record(first, 5, kNow + 1), Record(second, 7, kNow + 2)});
  EXPECT_EQ(batch.columns->schema()->ToString(), "t: timestamp[us, tz=UTC]\nd: double\ns: string");
  EXPECT_EQ(RowsOf(batch),
            (std::vector<Row>{{kNow + 123'000, 2.5, "u1"s}, {kNow + 124'000, 3.0, {}}}));
  EXPECT_EQ(batch.event_times,
            (std::vector<EventTime>{EventTime(kNow + 123'000), EventTime(kNow + 124'000)}));
  EXPECT_EQ(batch.known_times, (std::vector<KnownTime>{KnownTime(kNow + 1), KnownTime(kNow + 2)}));
  EXPECT_EQ(batch.records[1].offset, Offset(7));
  EXPECT_EQ(batch.last_offset, Offset(7));
  EXPECT_TRUE(batch.origins.empty());
}

TEST(JsonDecoder, ABadRecordIsRejectedAndTheBatchGoesOn) {
  EventDecoder decoder = MakeDecoder(TestSource(), {"i"});
  std::vector<std::string> values = {R"({"t": 0, "i": 1})", "", R"({"t": 0, "i": 2})", "{",
                                     R"({"t": 0, "i": 3})"};
  std::vector<RawRecord> records;
  for (size_t i = 0; i < values.size(); ++i) records.push_back(Record(values[i], 10 + i));
  EventBatch batch = DecodeAll(decoder, records);
  EXPECT_EQ(RowsOf(batch), (std::vector<Row>{{int64_t{1}}, {int64_t{2}}, {int64_t{3}}}));
  EXPECT_EQ(batch.records[2].offset, Offset(14));
  ASSERT_EQ(batch.rejected.size(), 2);
  EXPECT_EQ(batch.rejected[0].record.offset, Offset(11));
  EXPECT_EQ(batch.rejected[1].record.offset, Offset(13));
  EXPECT_EQ(batch.rejected[1].record.value, "{");
}

TEST(JsonDecoder, AnEmptyBatchKeepsHowFarWasRead) {
  EventDecoder decoder = MakeDecoder(TestSource(), kAllColumns);
  EventBatch batch = decoder.Decode({}, Offset(41)).value();
  EXPECT_EQ(batch.last_offset, Offset(41));
  EXPECT_EQ(batch.columns->num_rows(), 0);
  std::string value = R"({"t": 0})";
  RawRecord record = Record(value, 50);
  EXPECT_EQ(decoder.Decode({&record, 1}, Offset(52))->last_offset, Offset(52));
  EXPECT_EQ(decoder.Decode({&record, 1}, Offset(-1))->last_offset, Offset(50));
}

TEST(JsonDecoder, TheValueIsOneObjectAndNothingElse) {
  for (const char* text : {R"({"t":0})", " \t\r\n{ \"t\" : 0 } \n", R"({"t":0,"x":{"t":[{}]}})"}) {
    EXPECT_EQ(Verdict(text), "ok") << text;
  }
  for (const char* text : {"",
                           " ",
                           "null",
                           "1",
                           "\"t\"",
                           "[]",
                           R"([{"t":0}])",
                           "{",
                           "}",
                           R"({"t":0)",
                           R"({"t":0}})",
                           R"({"t":0} x)",
                           R"({"t":0}{"t":0})",
                           R"({"t":0},)",
                           R"({"t":0,})",
                           R"({"t" 0})",
                           R"({"t":})",
                           R"({"t"})",
                           R"({t:0})",
                           R"({"t":0 "i":1})",
                           R"({"t":0;"i":1})",
                           R"({'t':0})",
                           R"({"t":0,"s":"a)",
                           R"({"t":0,"s":a"})",
                           R"({"t":0,"s":"a"b})",
                           R"({"t":0,,"i":1})",
                           R"({"t":0,"i":1 2})",
                           R"({"t":0} // done)",
                           "\xEF\xBB\xBF{\"t\":0}",
                           "{\"t\":0}\x01"}) {
    EXPECT_THAT(Verdict(text), HasSubstr("undecodable: ")) << text;
  }
  EXPECT_THAT(Verdict("{\"t\":0}\0"s), HasSubstr("undecodable: "));
  EXPECT_EQ(Verdict(R"({"t":0} {})"),
            "undecodable: the value is not one JSON object: something follows its closing brace at "
            "byte 8");
}

TEST(JsonDecoder, WhatIsAnObjectDoesNotDependOnTheRecordsBefore) {
  EventDecoder decoder = MakeDecoder(TestSource(), kAllColumns);
  const std::string whole = R"({"t":0,"i":1,"x":[],"s":"a"})";
  for (const char* text :
       {R"(,"i":1,"x":[],"s":"a"})", R"({"t":0{"t":0,"i":1})", R"({"i":1,"x":[],"s":"a")",
        R"("t":0,"i":1})", R"({"t":0,"i":1,"x":[],,"s":"a"})", R"({,"i":1})", R"({"t":0"i":1})"}) {
    EventBatch batch = DecodeAll(decoder, {Record(whole), Record(text), Record(whole)});
    EXPECT_EQ(batch.size(), 2) << text;
  }
}

TEST(JsonDecoder, ANullValueIsUndecodable) {
  EXPECT_EQ(Verdict(TestSource(), {Offset(0), kNow, std::nullopt, std::nullopt, nullptr}),
            "undecodable: the value is null, expected a JSON object");
}

TEST(JsonDecoder, MissingIsNullAndUndeclaredIsIgnored) {
  Row nulls = {int64_t{0}, {}, {}, {}, {}, {}};
  EXPECT_EQ(Only(R"({"t":0})"), nulls);
  EXPECT_EQ(Only(R"({"t":0,"b":null,"i":null,"d": null ,"s":null,"y":null})"), nulls);
  EXPECT_EQ(Only(R"({"z":{"i":"x"},"T":[1,2],"t":0,"tt":1,"":null,"ii":1e999})"), nulls);
}

TEST(JsonDecoder, EveryDeclaredFieldHasItsTypeWhetherUsedOrNot) {
  EventDecoder decoder = MakeDecoder(TestSource(), {"t"});
  const std::map<std::string, std::vector<std::string>> kWrong = {
      {"b", {"0", "\"true\"", "tru", "truex", "True", "[]", "{}", "nul", "nullx"}},
      {"i",
       {"2.0", "1e3", "\"2\"", "true", "01", "+1", "-", "1a", "0x1", "9223372036854775808",
        "-9223372036854775809", "99999999999999999999", "[1]", "{}", "1_0"}},
      {"d",
       {"\"2\"", "true", "01", "1.", ".5", "1.e5", "1e", "+1", "1e400", "-1e400", "NaN", "Infinity",
        "1.5x", "--1", "[]"}},
      {"s",
       {"1", "true", "a", "[\"a\"]", "{\"a\":1}", R"("\q")", R"("\ud800")", R"("\u12g4")",
        "\"\xff\"", "\"a\nb\""}},
      {"y", {"1", "\"a\"", "\"====\"", "\"YQ=\"", "\"Y Q=\"", "\"YQ-_\"", R"("\q")"}},
      {"t", {"1.5", "\"1\"", "\"2013-01-01T00:00:00Z\"", "9223372036854775808", "true"}}};
  for (const auto& [field, texts] : kWrong) {
    for (const std::string& text : texts) {
      std::string value =
          field == "t" ? "{\"t\":" + text + "}" : "{\"t\":0,\"" + field + "\":" + text + "}";
      EventBatch batch = DecodeAll(decoder, {Record(value)});
      ASSERT_EQ(batch.rejected.size(), 1) << value;
      EXPECT_EQ(batch.rejected[0].reason, RejectReason::kUndecodable) << value;
    }
  }
}

TEST(JsonDecoder, TheDetailNamesTheFieldWhatWasFoundAndWhatWasExpected) {
  EXPECT_EQ(Verdict(R"({"t":0,"d": "12" })"),
            "undecodable: field d: found \"12\", expected a number in the range of a double");
  EXPECT_EQ(Verdict(R"({"t":0,"i":2.0})"),
            "undecodable: field i: found 2.0, expected an int64 (an integer without fraction or "
            "exponent)");
  EXPECT_EQ(Verdict(R"({"t":"x"})"),
            "undecodable: field t: found \"x\", expected a timestamp_ms (an integer of "
            "milliseconds)");
  EXPECT_EQ(Verdict(R"({"t":0,"s": )"),
            "undecodable: field s: found the end of the record, expected a string");
  std::string long_text = "\"" + std::string(58, 'a') + "éé\"";
  EXPECT_EQ(
      Verdict("{\"t\":0,\"b\":" + long_text + "}"),
      "undecodable: field b: found \"" + std::string(58, 'a') + "..., expected true or false");
}

TEST(JsonDecoder, NumbersKeepEveryBit) {
  auto integer = [](const std::string& text) { return Only("{\"t\":0,\"i\":" + text + "}")[2]; };
  auto real = [](const std::string& text) { return Only("{\"t\":0,\"d\":" + text + "}")[3]; };
  EXPECT_EQ(integer("9223372036854775807"), Value(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(integer("-9223372036854775808"), Value(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(integer("-0"), Value(int64_t{0}));
  EXPECT_EQ(real("9007199254740992"), Value(9007199254740992.0));
  EXPECT_EQ(real("9007199254740993"), Value(9007199254740992.0));  // 2^53 + 1: the nearest
  EXPECT_EQ(real("123456789012345678901234567890"), Value(123456789012345678901234567890.0));
  EXPECT_EQ(real("1.7976931348623157e308"), Value(std::numeric_limits<double>::max()));
  EXPECT_EQ(real("5e-324"), Value(5e-324));
  EXPECT_EQ(real("1e-400"), Value(0.0));
  EXPECT_EQ(real("0.1"), Value(0.1));
  EXPECT_TRUE(std::signbit(std::get<double>(real("-0.0"))));
}

TEST(JsonDecoder, EscapesAreResolvedInTextsAndNames) {
  EXPECT_EQ(Only(R"({"t":0,"s":"a\"\\\/\b\f\n\r\t\u00e9\ud834\udd1e\u0000z"})")[4],
            Value("a\"\\/\b\f\n\r\té𝄞\0z"s));
  EXPECT_EQ(Only(R"({"\u0074":0,"\u0069":5})")[2], Value(int64_t{5}));
  EXPECT_THAT(Verdict(R"({"t":0,"\u0069":"5"})"), HasSubstr("field i: found \"5\""));
  EXPECT_THAT(Verdict(R"({"t":0,"\q":1})"), HasSubstr("undecodable"));
  EXPECT_EQ(Only(R"({"t":0,"y":"\u0059Q=="})")[5], Value("a"s));
  EXPECT_EQ(Only(R"({"t":0,"y":"AP8"})")[5], Value("\0\xff"s));
}

TEST(JsonDecoder, TheLastOfANameThatComesTwiceCountsAndAllHaveTheType) {
  EXPECT_EQ(Only(R"({"t":1,"i":1,"t":0,"i":2})"), (Row{int64_t{0}, {}, int64_t{2}, {}, {}, {}}));
  EXPECT_EQ(Only(R"({"t":0,"i":1,"i":null})")[2], Value());
  EXPECT_THAT(Verdict(R"({"t":0,"i":"x","i":2})"), HasSubstr("undecodable: field i"));
}

TEST(JsonDecoder, NamesThatJsonEscapesAreFound) {
  v1::Source source = TestSource();
  AddField(&source, "a\"b\\", v1::INT64);
  AddField(&source, "é", v1::INT64);
  AddField(&source, "", v1::INT64);
  EventDecoder decoder = MakeDecoder(source, {"a\"b\\", "é", ""});
  std::string value = R"({"t":0,"a\"b\\":1,"\u00e9":2,"":3})";
  EXPECT_EQ(RowsOf(DecodeAll(decoder, {Record(value)})),
            (std::vector<Row>{{int64_t{1}, int64_t{2}, int64_t{3}}}));
}

TEST(JsonDecoder, TimesAreConvertedFromTheirUnit) {
  struct Case {
    v1::TimeEncoding encoding;
    std::string text;
    int64_t micros;
  };
  const Case kCases[] = {
      {v1::SECONDS, "1356998400", kNow},
      {v1::SECONDS, "-1", -1'000'000},
      {v1::MILLISECONDS, "1356998400001", kNow + 1'000},
      {v1::MICROSECONDS, "1356998400000001", kNow + 1},
      {v1::NANOSECONDS, "1356998400000001999", kNow + 1},
      {v1::NANOSECONDS, "-1", -1},  // floored, before 1970 too
      {v1::NANOSECONDS, "-1000", -1},
      {v1::NANOSECONDS, "-1001", -2},
      {v1::NANOSECONDS, "-9223372036854775808", -9'223'372'036'854'776},
      {v1::RFC3339, "\"2013-01-01T01:00:00.0000019+01:00\"", kNow + 1},
      {v1::RFC3339, R"("2013-01-01T00:00:00\u005a")", kNow},
      {v1::SECONDS, "-62135596800", kMinTime},
      {v1::RFC3339, "\"9999-12-31T23:59:59.999999Z\"", kMaxTime},
  };
  for (const Case& c : kCases) {
    v1::Source source = TestSource();
    source.mutable_schema(0)->set_time_encoding(c.encoding);
    EventDecoder decoder = MakeDecoder(source, {"t"});
    std::string value = "{\"t\":" + c.text + "}";
    EventBatch batch = DecodeAll(decoder, {Record(value, 0, kMaxTime)});
    ASSERT_EQ(batch.size(), 1) << value << batch.rejected[0].detail;
    EXPECT_EQ(batch.event_times[0], EventTime(c.micros)) << value;
    EXPECT_EQ(RowsOf(batch)[0], Row{c.micros}) << value;
  }
}

TEST(JsonDecoder, AnEventTimeIsPresentAndOfTheYears1To9999) {
  EXPECT_EQ(Verdict("{}"), "bad_event_time: field t is missing or null, and every event needs it");
  EXPECT_EQ(Verdict(R"({"t":null})"),
            "bad_event_time: field t is missing or null, and every event needs it");
  for (const char* t :
       {"-62135596800001", "253402300800000", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_EQ(Verdict("{\"t\":"s + t + "}"),
              "bad_event_time: field t is not within the years 1 to 9999");
  }
  v1::Source source = TestSource();
  source.mutable_schema(0)->set_time_encoding(v1::RFC3339);
  EXPECT_THAT(Verdict(source, Record(R"({"t":"0000-12-31T23:59:59Z"})")),
              HasSubstr("bad_event_time"));
  EXPECT_THAT(
      Verdict(source, Record(R"({"t":"yesterday"})")),
      HasSubstr("undecodable: field t: found \"yesterday\", expected a timestamp (a string"));
}

TEST(JsonDecoder, ATypeErrorComesBeforeABadTime) {
  EXPECT_THAT(Verdict(R"({"i":"x"})"), HasSubstr("undecodable"));
}

TEST(JsonDecoder, OtherTimesMustOnlyFit) {
  v1::Source source = TestSource();
  AddField(&source, "u", v1::TIMESTAMP, v1::SECONDS);
  EXPECT_EQ(Verdict(source, Record(R"({"t":0,"u":9223372036854})")), "ok");
  EXPECT_THAT(Verdict(source, Record(R"({"t":0,"u":9223372036855})")),
              HasSubstr("undecodable: field u: found 9223372036855"));
}

v1::Source SourceWithKnownTimeColumn() {
  v1::Source source = TestSource();
  AddField(&source, "r", v1::TIMESTAMP, v1::MICROSECONDS);
  source.set_known_time(v1::Source::COLUMN);
  source.set_known_time_column("r");
  source.set_max_future_us(1'000);
  return source;
}

TEST(JsonDecoder, TheKnownTimeIsWhatTheSourceSays) {
  std::string value = R"({"t":1,"r":2000})";
  auto known_time = [&](const v1::Source& source) {
    EventDecoder decoder = MakeDecoder(source, {});
    return DecodeAll(decoder, {Record(value)}).known_times.at(0);
  };
  v1::Source source = TestSource();
  EXPECT_EQ(known_time(source), KnownTime(kNow));
  source.set_known_time(v1::Source::EVENT_TIME);
  EXPECT_EQ(known_time(source), KnownTime(1'000));
  EXPECT_EQ(known_time(SourceWithKnownTimeColumn()), KnownTime(2'000));
}

TEST(JsonDecoder, AKnownTimeColumnIsPresentAndOfTheYears1To9999) {
  v1::Source source = SourceWithKnownTimeColumn();
  EXPECT_EQ(Verdict(source, Record(R"({"t":0})")),
            "bad_known_time: field r is missing or null, and every event needs it");
  EXPECT_EQ(Verdict(source, Record(R"({"t":0,"r":9223372036854775807})")),
            "bad_known_time: field r is not within the years 1 to 9999");
  EXPECT_THAT(Verdict(source, Record("{}")), HasSubstr("bad_event_time"));
}

TEST(JsonDecoder, AnEventIsNotFromTheFutureOfItsKafkaTimestamp) {
  for (v1::Source::KnownTime known_time : {v1::Source::KAFKA, v1::Source::EVENT_TIME}) {
    v1::Source source = TestSource();
    source.set_known_time(known_time);
    EXPECT_EQ(Verdict(source, Record(R"({"t":1356998700000})")), "ok");
    EXPECT_EQ(Verdict(source, Record(R"({"t":1356998700001})")),
              "future: field t is 2013-01-01T00:05:00.001000Z, more than 5m after the timestamp of "
              "the Kafka record, 2013-01-01T00:00:00.000000Z");
  }
}

TEST(JsonDecoder, AKnownTimeColumnIsNotFromTheFutureEither) {
  v1::Source source = SourceWithKnownTimeColumn();
  auto verdict = [&](const char* value) { return Verdict(source, Record(value, 0, 10'000)); };
  EXPECT_EQ(verdict(R"({"t":11,"r":11000})"), "ok");
  EXPECT_EQ(verdict(R"({"t":11,"r":10000})"), "ok");
  EXPECT_THAT(verdict(R"({"t":12,"r":11000})"), HasSubstr("future: field t is"));
  EXPECT_THAT(verdict(R"({"t":11,"r":11001})"), HasSubstr("future: field r is"));
  EXPECT_EQ(verdict(R"({"t":11,"r":9999})"),
            "future: field t is 1970-01-01T00:00:00.011000Z, more than 1ms after field r, "
            "1970-01-01T00:00:00.009999Z");
}

TEST(JsonDecoder, ExtremeKafkaTimestampsDoNotOverflow) {
  EXPECT_EQ(Verdict(TestSource(), Record(R"({"t":0})", 0, std::numeric_limits<int64_t>::max())),
            "ok");
  EXPECT_THAT(Verdict(TestSource(), Record(R"({"t":0})", 0, std::numeric_limits<int64_t>::min())),
              HasSubstr("future"));
}

TEST(JsonDecoder, OfARepartitionTopicTakesTimesAndOriginsFromTheHeaders) {
  auto headers = [](const RawRecord& record) -> std::optional<RepartitionOrigin> {
    int64_t n = record.offset.value();
    if (n == 3) return std::nullopt;
    return RepartitionOrigin{
        {PartitionId(static_cast<int32_t>(n)), Offset(n * 100), KnownTime(n * 8)},
        KnownTime(n * 7)};
  };
  auto control = [](const RawRecord& record) -> std::optional<ControlRecord> {
    int64_t n = record.offset.value();
    if (n == 6) return std::nullopt;
    return ControlRecord{.marker = SourceMarker{.offset = record.offset, .at_end = n == 5}};
  };
  EventDecoder decoder = MakeDecoder(TestSource(), {"i"}, headers, control);
  std::string good = R"({"t":1356998400000,"i":1})", bad = "x";
  std::vector<RawRecord> records = {Record(good, 1, 0),    {.offset = Offset(2)},
                                    Record(good, 3),       Record(bad, 4),
                                    {.offset = Offset(5)}, {.offset = Offset(6)}};
  EventBatch batch = decoder.Decode(records).value();
  ASSERT_EQ(batch.size(), 1);  // its event time is far ahead of its timestamp: tested before
  EXPECT_EQ(batch.known_times[0], KnownTime(7));
  ASSERT_EQ(batch.origins.size(), 1);
  EXPECT_EQ(batch.origins[0].partition, PartitionId(1));
  EXPECT_EQ(batch.origins[0].offset, Offset(100));
  EXPECT_EQ(batch.origins[0].clock, KnownTime(8));
  ASSERT_EQ(batch.markers.size(), 2);
  EXPECT_EQ(batch.markers[0].offset, Offset(2));
  EXPECT_TRUE(batch.markers[1].at_end);
  ASSERT_EQ(batch.rejected.size(), 3);
  EXPECT_EQ(batch.rejected[0].record.offset, Offset(3));
  EXPECT_THAT(batch.rejected[0].detail, HasSubstr("lacks the headers"));
  EXPECT_EQ(batch.rejected[1].record.offset, Offset(4));
  EXPECT_THAT(batch.rejected[2].detail, HasSubstr("the value is null"));
  EXPECT_EQ(batch.last_offset, Offset(6));
}

TEST(JsonDecoder, ErasuresHaveTheirPlaceAmongTheRowsAndAreNoRecords) {
  auto control = [](const RawRecord& record) -> std::optional<ControlRecord> {
    if (record.key == "other") return ControlRecord{};  // to be passed over
    if (!record.key) return std::nullopt;
    return ControlRecord{
        .erasure =
            KeyErasure{.offset = record.offset, .entity = "user", .key = std::string(*record.key)}};
  };
  EventDecoder decoder = MakeDecoder(TestSource(), {"i"}, nullptr, control);
  std::string good = R"({"t":0,"i":1})";
  std::vector<RawRecord> records = {{.offset = Offset(0), .key = "a"},
                                    Record(good, 1),
                                    Record("x", 2),
                                    {.offset = Offset(3), .key = "b"},
                                    {.offset = Offset(4), .key = "other"},
                                    Record(good, 5),
                                    {.offset = Offset(6), .key = "c"},
                                    {.offset = Offset(7)}};
  EventBatch batch = decoder.Decode(records).value();
  EXPECT_EQ(batch.size(), 2);
  ASSERT_EQ(batch.rejected.size(), 2);
  EXPECT_EQ(batch.rejected[1].record.offset, Offset(7));
  ASSERT_EQ(batch.erasures.size(), 3);
  EXPECT_EQ(batch.erasures[0].before_row, 0);
  EXPECT_EQ(batch.erasures[1].before_row, 1);
  EXPECT_EQ(batch.erasures[2].before_row, 2);
  EXPECT_EQ(batch.erasures[2].key, "c");
  EXPECT_EQ(batch.last_offset, Offset(7));
}

}  // namespace
}  // namespace forebay
