#include "schemas/types/view_id.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

TEST(ViewId, ReadsItsOwnTextAndNothingElse) {
  EXPECT_EQ((ViewId{"user_spend", 12}).ToString(), "user_spend@12");
  EXPECT_EQ(ParseViewId("user_spend@12"), (ViewId{"user_spend", 12}));
  for (const char* text : {"", "user_spend", "@1", "user_spend@", "user_spend@0", "user_spend@1x",
                           "user_spend@-1", "user_spend@4294967296"}) {
    EXPECT_EQ(ParseViewId(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace forebay
