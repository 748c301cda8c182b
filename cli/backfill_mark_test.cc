#include "cli/backfill_mark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>

#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;

class BackfillMark : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(state_); }

  static v1::Source EndsAt(const std::string& time) {
    v1::Source source;
    source.set_name("orders");
    source.mutable_batch()->set_until_us(*ParseTime(time));
    return source;
  }

  static v1::Source EndsAt(std::initializer_list<int64_t> offsets) {
    v1::Source source;
    source.set_name("orders");
    source.mutable_batch()->mutable_until_offsets()->Assign(offsets.begin(), offsets.end());
    return source;
  }

  const std::filesystem::path state_ =
      std::filesystem::path(::testing::TempDir()) /
      ::testing::UnitTest::GetInstance()->current_test_info()->name();
  const TaskId task_{"orders.batch", PartitionId(1)};
};

TEST_F(BackfillMark, TheSameEndFits) {
  for (const v1::Source& source : {EndsAt("2026-03-01T00:00:00Z"), EndsAt({1200, 0})}) {
    ASSERT_EQ(NoteUntil(state_, task_, source), absl::OkStatus());
    EXPECT_EQ(CheckUntil(state_, task_, source), absl::OkStatus());
  }
}

TEST_F(BackfillMark, AnotherEndIsRefusedWithBoth) {
  ASSERT_EQ(NoteUntil(state_, task_, EndsAt("2026-03-01T00:00:00Z")), absl::OkStatus());
  absl::Status other = CheckUntil(state_, task_, EndsAt("2026-03-01T00:00:00.000001Z"));
  EXPECT_TRUE(absl::IsFailedPrecondition(other));
  EXPECT_THAT(std::string(other.message()),
              HasSubstr("orders.batch/1: `until` of the files of source orders was "
                        "2026-03-01T00:00:00.000000Z when they were read, and is "
                        "2026-03-01T00:00:00.000001Z now"));
  other = CheckUntil(state_, task_, EndsAt({1200, 0}));
  EXPECT_THAT(std::string(other.message()), HasSubstr("and is [1200, 0] now"));
  ASSERT_EQ(NoteUntil(state_, task_, EndsAt({1200, 0})), absl::OkStatus());
  other = CheckUntil(state_, task_, EndsAt({1201, 0}));
  EXPECT_THAT(std::string(other.message()),
              HasSubstr("was [1200, 0] when they were read, and is [1201, 0] now"));
}

TEST_F(BackfillMark, AnyEndFitsWhereNoneWasNoted) {
  EXPECT_EQ(CheckUntil(state_, task_, EndsAt({1200, 0})), absl::OkStatus());
  ASSERT_EQ(NoteUntil(state_, {"orders.batch", PartitionId(0)}, EndsAt({1, 0})), absl::OkStatus());
  std::filesystem::create_directories(state_ / "orders.batch-1");
  ASSERT_EQ(MarkBackfilled(state_, task_), absl::OkStatus());
  EXPECT_EQ(CheckUntil(state_, task_, EndsAt({1200, 0})), absl::OkStatus());
}

}  // namespace
}  // namespace forebay
