#include "online/serving/nearest_name.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

TEST(NearestName, IsTheCandidateWithTheFewestEdits) {
  EXPECT_EQ(NearestName("user_spent", {"user_spend", "user_sent_mail"}), "user_spend");
  EXPECT_EQ(NearestName("spend10m", {"spend_1h", "spend_10m"}), "spend_10m");
}

TEST(NearestName, IsEmptyWhenNothingIsNear) {
  EXPECT_EQ(NearestName("fraud", {"recommendations"}), "");
  EXPECT_EQ(NearestName("fraud", {}), "");
  EXPECT_EQ(NearestName(std::string(100'000, 'a'), {"a"}), "");
}

TEST(SuggestName, ListsWhatThereIsWhenNothingIsNear) {
  EXPECT_EQ(SuggestName("froud", {"fraud", "other"}), "; did you mean \"fraud\"?");
  EXPECT_EQ(SuggestName("x", {"fraud", "other"}), "; there are: fraud, other");
  EXPECT_EQ(SuggestName("x", {}), "; there are none");
  EXPECT_EQ(SuggestName(
                "x", {"aaa", "bbb", "ccc", "ddd", "eee", "fff", "ggg", "hhh", "iii", "jjj", "kkk"}),
            "; there are: aaa, bbb, ccc, ddd, eee, fff, ggg, hhh, iii, jjj, ...");
}

}  // namespace
}  // namespace forebay
