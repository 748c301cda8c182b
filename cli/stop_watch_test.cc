#include "cli/stop_watch.h"

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"

namespace forebay {
namespace {

// A process that does not end by itself.
class StopWatchTest : public ::testing::Test {
 protected:
  StopWatch::Options Options(absl::Duration patience) {
    return {.patience = patience,
            .last_patience = absl::Milliseconds(1),
            .end_process = [this](const absl::Status& why) {
              why_ = why;
              ended_.Notify();
            }};
  }

  std::atomic<bool> stop_{false};
  absl::Status why_;
  absl::Notification ended_;
};

TEST_F(StopWatchTest, AFailureEndsAProcessThatHangsAndItsCauseIsSaid) {
  StopWatch watch(stop_, Options(absl::InfiniteDuration()));
  EXPECT_FALSE(watch.give_up()->load());
  watch.Fail(absl::OkStatus());
  EXPECT_FALSE(watch.give_up()->load());
  watch.Fail(absl::FailedPreconditionError("the topic is gone"));
  watch.Fail(absl::CancelledError("stopped while publishing"));
  EXPECT_TRUE(watch.give_up()->load());
  ended_.WaitForNotification();
  EXPECT_EQ(why_, absl::FailedPreconditionError("the topic is gone"));
  EXPECT_EQ(watch.cause(), why_);
}

TEST_F(StopWatchTest, AStopWaitsAndThenGivesUpAndThenEndsTheProcess) {
  StopWatch watch(stop_, Options(absl::Milliseconds(1)));
  stop_ = true;
  ended_.WaitForNotification();
  EXPECT_TRUE(watch.give_up()->load());
  EXPECT_TRUE(absl::IsDeadlineExceeded(why_)) << why_;
  EXPECT_EQ(watch.cause(), absl::OkStatus());
}

TEST_F(StopWatchTest, AFailureEndsTheWaitOfAStop) {
  StopWatch watch(stop_, Options(absl::InfiniteDuration()));
  stop_ = true;
  watch.Fail(absl::FailedPreconditionError("fenced"));
  ended_.WaitForNotification();
  EXPECT_EQ(why_, absl::FailedPreconditionError("fenced"));
}

TEST_F(StopWatchTest, AProcessThatEndsIsLeftAlone) {
  {
    StopWatch watch(stop_, Options(absl::InfiniteDuration()));
    stop_ = true;
  }
  EXPECT_FALSE(ended_.HasBeenNotified());
}

}  // namespace
}  // namespace forebay
