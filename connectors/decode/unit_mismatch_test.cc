#include "connectors/decode/unit_mismatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "connectors/decode/decode_testing.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kToday = 1'709'164'800;  // 2024-02-29, in seconds
constexpr int64_t kTimestamp = kToday * kMicrosPerSecond;

v1::TimeEncoding Likely(int64_t count, v1::TimeEncoding declared, int64_t timestamp = kTimestamp) {
  return LikelyUnit(count, declared, timestamp).value_or(v1::TIME_ENCODING_UNSPECIFIED);
}

TEST(LikelyUnit, IsTheOneThatBringsTheTimeNearThatOfTheRecord) {
  int64_t counts[] = {kToday, kToday * 1'000, kToday * 1'000'000, kToday * 1'000'000'000};
  v1::TimeEncoding units[] = {v1::SECONDS, v1::MILLISECONDS, v1::MICROSECONDS, v1::NANOSECONDS};
  for (int written = 0; written < 4; ++written) {
    for (v1::TimeEncoding declared : units) {
      v1::TimeEncoding expected =
          units[written] == declared ? v1::TIME_ENCODING_UNSPECIFIED : units[written];
      EXPECT_EQ(Likely(counts[written], declared), expected) << written << " " << declared;
      EXPECT_EQ(Likely(counts[written] / 10 * 9, declared), expected) << "five years before";
    }
  }
}

TEST(LikelyUnit, IsNoneForTimesThatAreOldInEveryUnit) {
  constexpr int64_t kYear = 31'556'952;
  for (v1::TimeEncoding declared : {v1::SECONDS, v1::MILLISECONDS, v1::NANOSECONDS}) {
    for (int64_t count : {int64_t{0}, int64_t{1}, int64_t{-1}, std::numeric_limits<int64_t>::max(),
                          std::numeric_limits<int64_t>::min()}) {
      EXPECT_EQ(Likely(count, declared), v1::TIME_ENCODING_UNSPECIFIED) << count << declared;
    }
    EXPECT_EQ(Likely(-kToday, declared), v1::TIME_ENCODING_UNSPECIFIED);
  }
  for (int64_t years : {-60, -30, -12, 12, 30}) {  // history, in the right unit
    int64_t seconds = kToday + years * kYear;
    EXPECT_EQ(Likely(seconds, v1::SECONDS), v1::TIME_ENCODING_UNSPECIFIED) << years;
    EXPECT_EQ(Likely(seconds * 1'000, v1::MILLISECONDS), v1::TIME_ENCODING_UNSPECIFIED) << years;
  }
  EXPECT_EQ(Likely(kToday - 9 * kYear, v1::MILLISECONDS), v1::SECONDS);
  EXPECT_EQ(Likely(kToday - 11 * kYear, v1::MILLISECONDS), v1::TIME_ENCODING_UNSPECIFIED);
}

TEST(LikelyUnit, IsNoneWhereTheTimestampIsNoneOfAClock) {
  for (int64_t timestamp : {int64_t{-1'000}, int64_t{0}, std::numeric_limits<int64_t>::max(),
                            std::numeric_limits<int64_t>::min()}) {
    EXPECT_EQ(Likely(kToday, v1::MILLISECONDS, timestamp), v1::TIME_ENCODING_UNSPECIFIED);
    EXPECT_EQ(Likely(kToday * 1'000'000, v1::SECONDS, timestamp), v1::TIME_ENCODING_UNSPECIFIED);
  }
  EXPECT_EQ(Likely(kToday, v1::RFC3339), v1::TIME_ENCODING_UNSPECIFIED);
}

RawRecord Record(std::string_view value, int64_t offset = 0) {
  return {Offset(offset), kTimestamp, std::nullopt, value, nullptr};
}

v1::Source DeclaredIn(v1::TimeEncoding encoding) {
  v1::Source source = TestSource();
  source.mutable_schema(0)->set_time_encoding(encoding);
  return source;
}

constexpr char kSeconds[] =
    "field t looks like seconds, and is declared in milliseconds: as seconds 1709164800 is "
    "2024-02-29T00:00:00.000000Z, near the timestamp of its Kafka record; correct the field's type "
    "in the schema of the source";

TEST(UnitMismatch, OfTimesThatPassIsSaidOnceByTheDecoder) {
  EventDecoder decoder = MakeDecoder(DeclaredIn(v1::MILLISECONDS), {});
  std::string right = R"({"t":1709164800000})", wrong = R"({"t":1709164800})";
  EXPECT_EQ(DecodeAll(decoder, {Record(right)}).size(), 1);
  EXPECT_EQ(decoder.TakeUnitMismatch(), "");
  for (int batch = 0; batch < 3; ++batch) {
    EXPECT_EQ(DecodeAll(decoder, {Record(wrong, batch)}).size(), 1);
    EXPECT_EQ(decoder.TakeUnitMismatch(), batch == 0 ? kSeconds : "");
  }
}

TEST(UnitMismatch, IsPartOfTheDetailOfWhatIsRefused) {
  struct Case {
    v1::TimeEncoding declared;
    std::string count;
    std::string reason;
    std::string looks_like;
  };
  const Case kCases[] = {
      {v1::SECONDS, "1709164800000", "bad_event_time: field t is not", "milliseconds"},
      {v1::SECONDS, "1709164800000000", "bad_event_time: field t is not", "microseconds"},
      {v1::SECONDS, "1709164800000000000", "bad_event_time: field t is not", "nanoseconds"},
      {v1::MILLISECONDS, "1709164800000000", "bad_event_time: field t is not", "microseconds"},
      {v1::MILLISECONDS, "1709164800000000000", "bad_event_time: field t is not", "nanoseconds"},
      {v1::MICROSECONDS, "1709164800000000000", "bad_event_time: field t is not", "nanoseconds"},
  };
  for (const Case& c : kCases) {
    std::string value = "{\"t\":" + c.count + "}";
    EventDecoder decoder = MakeDecoder(DeclaredIn(c.declared), {});
    EventBatch batch = DecodeAll(decoder, {Record(value)});
    ASSERT_EQ(batch.rejected.size(), 1) << value;
    std::string mismatch = decoder.TakeUnitMismatch();
    EXPECT_THAT(mismatch, HasSubstr("field t looks like " + c.looks_like));
    EXPECT_THAT(mismatch, HasSubstr(c.count + " is 2024-02-29T00:00:00.000000Z"));
    EXPECT_EQ(batch.rejected[0].detail, "field t is not within the years 1 to 9999; " + mismatch);
  }
}

TEST(UnitMismatch, OfTheColumnOfKnownTimesIsSaidToo) {
  v1::Source source = TestSource();
  AddField(&source, "r", v1::TIMESTAMP, v1::MILLISECONDS);
  source.set_known_time(v1::Source::COLUMN);
  source.set_known_time_column("r");
  EventDecoder decoder = MakeDecoder(source, {});
  std::string value = R"({"t":1709164800000,"r":1709164800})";
  EventBatch batch = DecodeAll(decoder, {Record(value)});
  ASSERT_EQ(batch.rejected.size(), 1);
  EXPECT_EQ(batch.rejected[0].reason, RejectReason::kFuture);
  EXPECT_THAT(batch.rejected[0].detail, HasSubstr("; field r looks like seconds"));
}

}  // namespace
}  // namespace forebay
