#include "cli/progress_line.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

TEST(ProgressTextTest, SaysShareRateAndTimeLeft) {
  EXPECT_EQ(ProgressText("joining", "rows", 250, 1000, absl::Seconds(5)),
            "joining: 250 of 1000 rows (25 %), 50 rows a second, 15 s left");
}

TEST(ProgressTextTest, WithoutATotalSaysTheRateAlone) {
  EXPECT_EQ(ProgressText("reading", "events", 250, 0, absl::Seconds(5)),
            "reading: 250 events, 50 events a second");
}

TEST(ProgressTextTest, SaysNoRateBeforeAnythingIsDone) {
  EXPECT_EQ(ProgressText("joining", "rows", 0, 1000, absl::Seconds(5)),
            "joining: 0 of 1000 rows (0 %)");
  EXPECT_EQ(ProgressText("joining", "rows", 7, 1000, absl::ZeroDuration()),
            "joining: 7 of 1000 rows (0 %)");
}

TEST(ProgressTextTest, TimesLeftHaveTheUnitThatFitsAndAreNotTooShort) {
  EXPECT_TRUE(ProgressText("x", "rows", 10, 6001, absl::Seconds(1)).ends_with(", 10 min left"));
  EXPECT_TRUE(ProgressText("x", "rows", 1, 7501, absl::Seconds(1)).ends_with(", 2 h 5 min left"));
  EXPECT_TRUE(ProgressText("x", "rows", 999, 1000, absl::Seconds(1)).ends_with(", 1 s left"));
  EXPECT_TRUE(ProgressText("x", "rows", 1000, 1000, absl::Seconds(1)).ends_with("a second"));
}

}  // namespace
}  // namespace forebay
