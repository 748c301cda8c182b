#include "schemas/types/nearest_name.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

TEST(NearestName, IsTheCandidateWithTheFewestEdits) {
  EXPECT_EQ(NearestName("user_spent", {"user_spend", "user_sent_mail"}), "user_spend");
  EXPECT_EQ(NearestName("spend10m", {"spend_1h", "spend_10m"}), "spend_10m");
  EXPECT_EQ(NearestName("Staet", {"stats", "state"}), "state");
}

TEST(NearestName, IsEmptyWhenNothingIsNear) {
  EXPECT_EQ(NearestName("fraud", {"recommendations"}), "");
  EXPECT_EQ(NearestName("fraud", {}), "");
  EXPECT_EQ(NearestName(std::string(100'000, 'a'), {"a"}), "");
}

TEST(DidYouMean, IsNothingWhenNothingIsNear) {
  EXPECT_EQ(DidYouMean("staet", {"state"}), ", did you mean 'state'?");
  EXPECT_EQ(DidYouMean("fraud", {"recommendations"}), "");
}

}  // namespace
}  // namespace forebay
