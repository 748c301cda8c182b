#include "schemas/types/time.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

TEST(Time, FormatsMicrosecondsBeforeAndAfterTheEpoch) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatTime(kMinTime), "0001-01-01T00:00:00.000000Z");
  EXPECT_EQ(FormatTime(kMaxTime), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatTime(INT64_MIN), "-290308-12-21T19:59:05.224192Z");
  EXPECT_EQ(FormatTime(INT64_MAX), "294247-01-10T04:00:54.775807Z");
}

TEST(Time, ParsesWhatItFormats) {
  for (int64_t t : {kMinTime, int64_t{-1}, int64_t{0}, int64_t{1'356'998'400'123'456}, kMaxTime}) {
    EXPECT_EQ(ParseTime(FormatTime(t)).value(), t);
  }
}

TEST(Time, ParsesOffsetsAndFloorsFractions) {
  EXPECT_EQ(ParseTime("1970-01-01T01:00:00+01:00").value(), 0);
  EXPECT_EQ(ParseTime("1969-12-31T23:30:00-00:30").value(), 0);
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00.0000019Z").value(), 1);
}

TEST(Time, RejectsWhatIsNotATime) {
  for (const char* text :
       {"", "2013-01-01", "2013-02-30T00:00:00Z", "2013-01-01T00:00:00", "2013-01-01T24:00:00Z",
        "2013-01-01T00:00:00Zx", "2013-01-01T00:00:00.Z"}) {
    EXPECT_FALSE(ParseTime(text).ok()) << text;
  }
}

TEST(Duration, KeepsTheLargestUnitThatDividesIt) {
  EXPECT_EQ(ParseDuration("10m").value(), 600 * kMicrosPerSecond);
  EXPECT_EQ(FormatDuration(ParseDuration("60m").value()), "1h");
  EXPECT_EQ(FormatDuration(ParseDuration("90m").value()), "90m");
  EXPECT_EQ(FormatDuration(ParseDuration("7d").value()), "7d");
}

TEST(Duration, RejectsWhatIsNotADuration) {
  for (const char* text : {"", "m", "-1m", "0s", "1.5h", "1w", "10 m", "999999999999d"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(FloorTo, IsMathematicalBelowZero) {
  EXPECT_EQ(FloorTo(-1, 10), -10);
  EXPECT_EQ(FloorTo(-10, 10), -10);
  EXPECT_EQ(FloorTo(19, 10), 10);
}

}  // namespace
}  // namespace forebay
