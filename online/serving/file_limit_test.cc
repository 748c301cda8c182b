#include "online/serving/file_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <limits>

namespace forebay {
namespace {

TEST(ConnectionLimits, LeaveHalfOfTheFilesToTheEngineAndAnEighthInAnyCase) {
  ConnectionLimits small = ConnectionLimitsFor(1024);
  EXPECT_EQ(small.connections, 256u);
  EXPECT_EQ(small.files, 896);
  ConnectionLimits large = ConnectionLimitsFor(1 << 20);
  EXPECT_EQ(large.connections, 4096u);
  EXPECT_EQ(large.files, (1 << 20) - (1 << 17));
  EXPECT_EQ(ConnectionLimitsFor(RLIM_INFINITY).files, std::numeric_limits<int>::max());
}

TEST(RaiseFileLimit, GivesTheHardLimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low{.rlim_cur = before.rlim_max / 2, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(RaiseFileLimit(), before.rlim_max);
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace forebay
