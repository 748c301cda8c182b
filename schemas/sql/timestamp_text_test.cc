#include "schemas/sql/timestamp_text.h"

#include <limits>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "schemas/sql/calendar.h"

namespace forebay {
namespace {

std::string Formatted(int64_t micros) {
  char buffer[kMaxTimestampText];
  return std::string(FormatTimestampText(micros, buffer));
}

TEST(Calendar, EveryDayFollowsTheOneBefore) {
  CivilDate date = CivilFromDays(-1'000'000);
  for (int64_t days = -1'000'000; days < 3'000'000; ++days) {
    const CivilDate now = CivilFromDays(days);
    ASSERT_EQ(DaysFromCivil(now), days);
    ASSERT_TRUE(now.year == date.year && now.month == date.month && now.day == date.day) << days;
    if (++date.day > DaysInMonth(date.year, date.month)) date = {date.year, date.month + 1, 1};
    if (date.month > 12) date = {date.year + 1, 1, 1};
  }
  EXPECT_EQ(DaysFromCivil({1970, 1, 1}), 0);
}

TEST(TimestampText, ReadsDatesTimesAndOffsets) {
  EXPECT_EQ(ParseTimestampText("1970-01-02"), 86'400'000'000);
  EXPECT_EQ(ParseTimestampText("1970-1-2 3:04"), 97'440'000'000);
  EXPECT_EQ(ParseTimestampText("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(ParseTimestampText("1970-01-01 00:00:01.5"), 1'500'000);
  EXPECT_EQ(ParseTimestampText("1969-12-31 23:59:59.999999999"), -1);
  EXPECT_EQ(ParseTimestampText("1970-01-01 02:00:00+02"), 0);
  EXPECT_EQ(ParseTimestampText("1970-01-01 00:00:00-0130"), 5'400'000'000);
  EXPECT_EQ(ParseTimestampText("1970-01-01 00:00:00+01:30"), -5'400'000'000);
}

TEST(TimestampText, RefusesTheRest) {
  for (const char* text : {"",
                           "1970",
                           "1970-01",
                           "1970-13-01",
                           "1970-00-01",
                           "1970-02-29",
                           "1970-01-32",
                           "0000-01-01",
                           "19700-01-01",
                           "1970-01-01 ",
                           " 1970-01-01",
                           "1970-01-01 05",
                           "1970-01-01 24:00",
                           "1970-01-01 23:60",
                           "1970-01-01 23:59:60",
                           "1970-01-01 23:59:59.",
                           "1970-01-01Z",
                           "1970-01-01 00:00:00.1234567890",
                           "1970-01-01 00:00:00+",
                           "1970-01-01 00:00:00+1",
                           "1970-01-01 00:00:00+24",
                           "1970-01-01 00:00:00 UTC",
                           "1970-01-01 00:00:00Zx",
                           "infinity"}) {
    EXPECT_EQ(ParseTimestampText(text), std::nullopt) << text;
  }
}

TEST(TimestampText, WritesTheShortestForm) {
  EXPECT_EQ(Formatted(0), "1970-01-01 00:00:00");
  EXPECT_EQ(Formatted(-1), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(Formatted(500'000), "1970-01-01 00:00:00.5");
  EXPECT_EQ(Formatted(-62'135'596'800'000'001), "0001-12-31 (BC) 23:59:59.999999");
  EXPECT_EQ(Formatted(std::numeric_limits<int64_t>::min()), "290309-12-21 (BC) 19:59:05.224192");
  EXPECT_EQ(Formatted(std::numeric_limits<int64_t>::max()), "294247-01-10 04:00:54.775807");
}

TEST(TimestampText, ReadsWhatItWrites) {
  std::mt19937_64 random(1);
  for (int n = 0; n < 100'000; ++n) {
    const int64_t micros =
        static_cast<int64_t>(random() % 250'000'000'000'000'000) - 62'000'000'000'000'000 / 2;
    ASSERT_EQ(ParseTimestampText(Formatted(micros)), micros);
  }
}

}  // namespace
}  // namespace forebay
