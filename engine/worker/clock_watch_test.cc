#include "engine/worker/clock_watch.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

constexpr int64_t kMinute = 60'000'000;
const TaskId kTask{"events", PartitionId(2)};

class ClockWatchTest : public testing::Test {
 protected:
  // A batch of records of these known times, read at `now`, in minutes; the offset that is told.
  int64_t Look(std::vector<int64_t> known_times, int64_t now) {
    EventBatch batch;
    for (int64_t time : known_times) {
      clock_ = std::max(clock_, time * kMinute);
      batch.records.push_back({.offset = Offset(offset_++), .key = "k"});
      batch.known_times.emplace_back(time * kMinute);
    }
    struct WithHeader : RecordBytes {
      RecordHeaders Headers(const RawRecord& record) const override {
        return {{"at", std::to_string(record.offset.value())}};
      }
    };
    batch.bytes = std::make_shared<WithHeader>();
    told_ = watch_.Look(kTask, batch, KnownTime(clock_), KnownTime(now * kMinute));
    return told_ ? told_->offset.value() : -1;
  }

  ClockWatch watch_;
  std::optional<ClockAhead> told_;
  int64_t clock_ = 0;
  int64_t offset_ = 0;
};

TEST_F(ClockWatchTest, ARecordFarAheadIsToldWithWhatNamesItsProducer) {
  EXPECT_EQ(Look({999, 1000}, 1000), -1);
  EXPECT_EQ(Look({1000, 1055, 1000}, 1000), 3);
  EXPECT_EQ(told_->task, kTask);
  EXPECT_EQ(told_->ahead_us, 55 * kMinute);
  EXPECT_EQ(told_->known_time, KnownTime(1055 * kMinute));
  EXPECT_EQ(told_->key, "k");
  EXPECT_EQ(told_->headers, (RecordHeaders{{"at", "3"}}));
}

TEST_F(ClockWatchTest, AJumpIsToldOnce) {
  EXPECT_EQ(Look({1055}, 1000), 0);
  EXPECT_EQ(Look({1000}, 1000), -1);
  EXPECT_EQ(Look({1005}, 1005), -1);
  EXPECT_EQ(Look({1061}, 1006), -1) << "the same producer goes on";
  EXPECT_EQ(Look({1070}, 1007), 4) << "another is further ahead";
  EXPECT_EQ(Look({1040}, 1040), -1);
  EXPECT_EQ(Look({1095}, 1040), 6) << "again, half an hour later";
}

TEST_F(ClockWatchTest, ClocksThatDifferALittleAreNothing) {
  EXPECT_EQ(Look({1000}, 1000), -1);
  clock_ += kMinute / 2;
  EXPECT_EQ(Look({900}, 1000), -1);
}

TEST_F(ClockWatchTest, TimeGoneByIsNeverAhead) {
  EXPECT_EQ(Look({1, 2, 500}, 1000), -1);
  EXPECT_EQ(Look({700}, 1000), -1);
}

TEST_F(ClockWatchTest, AClockThatWasRestoredIsNotBlamedOnTheNextRecord) {
  clock_ = 1055 * kMinute;
  EXPECT_EQ(Look({1000}, 1000), -1);
}

}  // namespace
}  // namespace forebay
