#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "offline/change_log/change_rows.h"
#include "offline/delta/data_file.h"
#include "offline/upkeep/lease.h"
#include "offline/upkeep/table_upkeep.h"
#include "offline/upkeep/vacuum.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

class UpkeepTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "upkeep_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    store_ = OpenObjectStore(StoreUri::Folder(folder_));
    table_ = DeltaTable::OpenOrCreate(
                 store_, "t", *ChangeSchema(project_.feature_views(0), project_.entities(0)), Now())
                 .value();
  }
  void TearDown() override { fs::remove_all(folder_); }

  static int64_t Now() { return absl::ToUnixMicros(absl::Now()); }

  AddAction WriteFile() {
    auto rows = TestRows(project_, {{.offset = ++offset_, .key = "a", .effective_time = 1}});
    auto file = DataFileWriter::Create(store_.get(), "t", "1970-01-01", *rows->schema(),
                                       *table_->snapshot().schema, {})
                    .value();
    EXPECT_EQ(file->Write({rows}), absl::OkStatus());
    return file->Finish(Now()).value();
  }

  std::string Append() {
    AppendRequest request;
    request.files.push_back(WriteFile());
    EXPECT_TRUE(table_->Append(request, Now()).ok());
    return request.files[0].path;
  }

  // All files of the table as one.
  void Compact() {
    CompactionOptions options{.limits = {.loose_files = 1}, .now_us = Now};
    auto compacted = CompactTable(store_, table_.get(), options);
    ASSERT_TRUE(compacted.ok()) << compacted.status();
    ASSERT_GT(compacted->commits, 0);
  }

  VacuumResult Vacuum(VacuumOptions options) {
    auto result = VacuumTable(store_, table_.get(), options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(VacuumResult());
  }

  bool Exists(const std::string& path) { return fs::exists(folder_ + "/t/" + path); }

  void ExpectReadable(std::optional<int64_t> version) {
    auto snapshot = LoadSnapshot(*store_, "t", version);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    for (const auto& [path, file] : snapshot->files) EXPECT_TRUE(Exists(path)) << path;
  }

  std::string folder_;
  std::shared_ptr<ObjectStore> store_;
  v1::Project project_ = TestProject();
  std::unique_ptr<DeltaTable> table_;
  int64_t offset_ = 0;
};

TEST_F(UpkeepTest, VacuumKeepsWhatVersionsWithinTheRetentionName) {
  const std::string first = Append();
  const int64_t old = table_->snapshot().version;
  Append();
  Compact();
  EXPECT_EQ(Vacuum({.retention = absl::Hours(1)}).data_files, 0);
  ExpectReadable(old);
  EXPECT_EQ(Vacuum({.retention = absl::ZeroDuration(), .dry_run = true}).data_files, 2);
  EXPECT_TRUE(Exists(first));
  VacuumResult result = Vacuum({.retention = absl::ZeroDuration()});
  EXPECT_EQ(result.data_files, 2);
  EXPECT_GT(result.bytes, 0);
  EXPECT_FALSE(Exists(first));
  ExpectReadable(std::nullopt);
}

TEST_F(UpkeepTest, VacuumKeepsWhatALeaseIsForUntilItIsGivenBack) {
  const std::string first = Append();
  {
    Lease lease = Lease::Take(store_, "t", table_->snapshot().timestamp_ms, Now()).value();
    Append();
    Compact();
    VacuumResult result = Vacuum({.retention = absl::ZeroDuration()});
    EXPECT_EQ(result.data_files, 0);
    EXPECT_EQ(result.kept_for_leases, 2);
    EXPECT_TRUE(Exists(first));
  }
  EXPECT_EQ(Vacuum({.retention = absl::ZeroDuration()}).data_files, 2);
}

TEST_F(UpkeepTest, ALeaseEndsByTheClockOfTheStore) {
  Lease lease = Lease::Take(store_, "t", 5, Now()).value();
  EXPECT_EQ(OldestLease(*store_, "t", Now()).value(), 5);
  const int64_t later = Now() + (Lease::kSeconds + 1) * 1'000'000;
  EXPECT_EQ(OldestLease(*store_, "t", later).value(), std::nullopt);
  EXPECT_EQ(store_->Put("t/_forebay/leases/foreign.json", "?"), absl::OkStatus());
  EXPECT_EQ(OldestLease(*store_, "t", Now()).value(), INT64_MIN);
}

TEST_F(UpkeepTest, VacuumRemovesFilesOfNoVersionWhenTheyAreOld) {
  const std::string orphan = WriteFile().path;
  EXPECT_EQ(Vacuum({.retention = absl::ZeroDuration()}).data_files, 0);
  EXPECT_TRUE(Exists(orphan));
  const std::string live = Append();
  EXPECT_EQ(Vacuum({.retention = absl::Hours(1), .orphan_age = absl::ZeroDuration()}).data_files,
            1);
  EXPECT_FALSE(Exists(orphan));
  EXPECT_TRUE(Exists(live));
}

// The next version of a table that was opened before is free again, and not the newest.
TEST_F(UpkeepTest, WhoKnowsAVersionThatTheLogHasForgottenLearnsTheNewest) {
  Append();
  auto writer = DeltaTable::Open(store_, "t").value();
  auto reader = DeltaTable::Open(store_, "t").value();
  for (int i = 0; i < 25; ++i) Append();
  const int64_t newest = table_->snapshot().version;
  EXPECT_GT(Vacuum({.retention = absl::ZeroDuration()}).log_files, 0);

  AppendRequest request{.files = {WriteFile()}};
  auto version = writer->Append(request, Now());
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(*version, newest + 1);
  EXPECT_FALSE(Exists("_delta_log/00000000000000000002.json"));
  ASSERT_EQ(reader->Refresh(), absl::OkStatus());
  EXPECT_EQ(reader->snapshot().version, newest + 1);
  EXPECT_EQ(reader->snapshot().files.size(), 27u);
}

TEST_F(UpkeepTest, VacuumShortensTheLogToACheckpointThatCanBeRead) {
  for (int i = 0; i < 25; ++i) Append();
  EXPECT_EQ(Vacuum({.retention = absl::Hours(1)}).log_files, 0);
  const std::string checkpoint = CheckpointPath("t", 20);
  // One that is damaged is no ground to remove what it sums up.
  const std::string good = store_->Get(checkpoint).value();
  ASSERT_EQ(store_->Put(checkpoint, good.substr(0, good.size() / 2)), absl::OkStatus());
  EXPECT_EQ(VacuumTable(store_, table_.get(), {.retention = absl::ZeroDuration()}).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE(Exists("_delta_log/00000000000000000000.json"));
  ASSERT_EQ(store_->Put(checkpoint, good), absl::OkStatus());
  EXPECT_EQ(Vacuum({.retention = absl::ZeroDuration()}).log_files, 20 + 1);  // and a checkpoint
  EXPECT_FALSE(Exists("_delta_log/00000000000000000019.json"));
  EXPECT_TRUE(Exists("_delta_log/00000000000000000020.json"));
  auto again = DeltaTable::Open(store_, "t");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->snapshot().version, 25);
  EXPECT_EQ((*again)->snapshot().files.size(), 25);
  for (int version = 20; version <= 25; ++version) ExpectReadable(version);
}

TEST_F(UpkeepTest, OldDatesGoToTheColdFolderAndStayInTheTable) {
  Append();
  Append();
  const int64_t old = table_->snapshot().version;
  TieringOptions options{.cold = StoreUri::Folder(folder_ + "/cold"),
                         .dates_before = absl::ToUnixMicros(absl::FromUnixSeconds(86'399)),
                         .compaction = {.now_us = Now}};
  EXPECT_EQ(TierTable(store_, table_.get(), options)->commits, 0);  // the date ends a second later
  options.dates_before += 1'000'000;
  auto tiered = TierTable(store_, table_.get(), options);
  ASSERT_TRUE(tiered.ok()) << tiered.status();
  EXPECT_EQ(tiered->rows, 2);
  ASSERT_EQ(table_->snapshot().files.size(), 1);
  const std::string path = table_->snapshot().files.begin()->first;
  EXPECT_TRUE(path.starts_with("_cold/date=1970-01-01/part-")) << path;
  EXPECT_TRUE(fs::exists(folder_ + "/cold/t/" + path.substr(6)));
  ExpectReadable(std::nullopt);
  ExpectReadable(old);
  // Again there is nothing to move, and nothing of it is merged.
  EXPECT_EQ(TierTable(store_, table_.get(), options)->commits, 0);
  CompactionOptions compaction{.limits = {.loose_files = 1}, .now_us = Now};
  EXPECT_EQ(CompactTable(store_, table_.get(), compaction)->commits, 0);
  // What comes later joins it.
  Append();
  EXPECT_EQ(TierTable(store_, table_.get(), options)->rows, 1);
  EXPECT_EQ(Vacuum({.retention = absl::ZeroDuration()}).data_files, 3);
  ExpectReadable(std::nullopt);
  // Cold files that a version no longer names are vacuumed, too.
  ASSERT_TRUE(table_
                  ->Rewrite({.operation = "ERASE",
                             .data_change = true,
                             .replacements = {{.removed = {path}, .added = {}}}},
                            Now())
                  .ok());
  EXPECT_EQ(Vacuum({.retention = absl::ZeroDuration()}).data_files, 1);
  EXPECT_FALSE(fs::exists(folder_ + "/cold/t/" + path.substr(6)));
}

TEST_F(UpkeepTest, AColdFolderThatIsElsewhereOrAwayIsSaid) {
  Append();
  TieringOptions options{.cold = StoreUri::Folder(folder_ + "/cold"),
                         .dates_before = Now(),
                         .compaction = {.now_us = Now}};
  ASSERT_TRUE(TierTable(store_, table_.get(), options).ok());
  Append();
  fs::rename(folder_ + "/cold/t", folder_ + "/cold/moved");
  absl::Status away = TierTable(store_, table_.get(), options).status();
  EXPECT_EQ(away.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(away.message()), ::testing::HasSubstr(folder_ + "/cold/t"));
  options.cold = StoreUri::Folder(folder_ + "/other");
  EXPECT_EQ(TierTable(store_, table_.get(), options).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(table_->snapshot().files.size(), 2);
}

TEST_F(UpkeepTest, AThreadKeepsTablesInOrderAndTellsItsErrors) {
  for (int i = 0; i < 4; ++i) Append();
  absl::Notification merged;
  TableUpkeep upkeep(store_, {.interval = absl::Milliseconds(1),
                              .compaction = {.limits = {.loose_files = 2}, .now_us = Now}});
  upkeep.Start([&] {
    if (upkeep.counters().compactions > 0 && !merged.HasBeenNotified()) merged.Notify();
    return std::vector<std::string>{"t", "missing"};
  });
  merged.WaitForNotification();
  EXPECT_EQ(upkeep.last_error(), absl::OkStatus());
  EXPECT_EQ(upkeep.counters().rows_compacted, 4);
  upkeep.Stop();
  ASSERT_EQ(table_->Refresh(), absl::OkStatus());
  EXPECT_EQ(table_->snapshot().files.size(), 1);
}

TEST_F(UpkeepTest, AStoppedPaceEndsAMerge) {
  for (int i = 0; i < 4; ++i) Append();
  Pace pace({});
  pace.Stop();
  CompactionOptions options{.limits = {.loose_files = 1}, .now_us = Now};
  options.pace = [&](int64_t bytes) { return pace.Wait(bytes); };
  EXPECT_EQ(CompactTable(store_, table_.get(), options).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(table_->snapshot().files.size(), 4);
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder_ + "/t/date=1970-01-01")) {
    (void)entry;
    ++files;
  }
  EXPECT_EQ(files, 4);
}

}  // namespace
}  // namespace forebay
