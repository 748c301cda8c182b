#include "offline/delta/table_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "offline/change_log/change_rows.h"
#include "offline/delta/delta_table.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kMinute = 60'000'000;
constexpr int64_t kCreated = 1'700'000'000'000'000;

class TableVersionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "table_version_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    store_ = OpenObjectStore(StoreUri::Folder(folder_));
    auto schema = ChangeSchema(project_.feature_views(0), project_.entities(0));
    table_ = DeltaTable::OpenOrCreate(store_, "t", *schema, kCreated).value();
  }
  void TearDown() override { fs::remove_all(folder_); }

  // One more version, a minute after the one before, with one more file.
  void Append() {
    const int64_t version = table_->snapshot().version + 1;
    const std::string path = "date=2023-11-14/" + std::to_string(version);
    ASSERT_TRUE(store_->Put("t/" + path, "rows").ok());
    AppendRequest request;
    request.files.push_back({.path = path, .partition_values = {{"date", "2023-11-14"}}});
    ASSERT_TRUE(table_->Append(request, kCreated + version * kMinute).ok());
  }

  // As compaction does: one more version, in which the newest file stands for all.
  void RemoveOldFiles() {
    std::string text;
    const auto& files = table_->snapshot().files;
    for (const auto& [path, file] : files) {
      if (path != files.rbegin()->first)
        text += ToJsonLine(RemoveAction{.path = path, .data_change = false}) + "\n";
    }
    const int64_t version = table_->snapshot().version + 1;
    ASSERT_TRUE(store_->PutIfAbsent(CommitPath("t", version), text, std::nullopt).ok());
    ASSERT_TRUE(table_->Refresh().ok());
  }

  int64_t AsOf(int64_t time) {
    auto snapshot = LoadSnapshotAt(*store_, "t", {.as_of_us = time});
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot.ok() ? snapshot->version : -1;
  }

  std::string Message(const TableVersion& version) {
    auto snapshot = LoadSnapshotAt(*store_, "t", version);
    EXPECT_TRUE(absl::IsNotFound(snapshot.status())) << snapshot.status();
    return std::string(snapshot.status().message());
  }

  v1::Project project_ = TestProject();
  std::string folder_;
  std::shared_ptr<ObjectStore> store_;
  std::unique_ptr<DeltaTable> table_;
};

TEST_F(TableVersionTest, ATimeIsThatOfTheNewestVersionUpToIt) {
  for (int i = 0; i < 23; ++i) Append();
  for (int64_t version = 0; version <= 23; ++version) {
    EXPECT_EQ(AsOf(kCreated + version * kMinute), version);
    EXPECT_EQ(AsOf(kCreated + (version + 1) * kMinute - 1), version);
  }
  EXPECT_EQ(AsOf(kCreated + 999 * kMinute), 23);
  EXPECT_THAT(Message({.as_of_us = kCreated - 1}),
              HasSubstr("as of 2023-11-14T22:13:19.999999Z: the oldest version that can is 0, of "
                        "2023-11-14T22:13:20.000000Z"));
}

TEST_F(TableVersionTest, ANumberIsThatVersionAndNoOther) {
  Append();
  EXPECT_EQ(LoadSnapshotAt(*store_, "t", {.number = 0})->version, 0);
  EXPECT_EQ(LoadSnapshotAt(*store_, "t", {.number = 1})->files.size(), 1u);
  EXPECT_EQ(LoadSnapshotAt(*store_, "t", {})->version, 1);
  EXPECT_THAT(Message({.number = 2}), HasSubstr("has no version 2: its newest is 1"));
  EXPECT_TRUE(absl::IsNotFound(LoadSnapshotAt(*store_, "u", {.number = 0}).status()));
  EXPECT_TRUE(absl::IsNotFound(LoadSnapshotAt(*store_, "u", {.as_of_us = kCreated}).status()));
}

TEST_F(TableVersionTest, CommitsThatRetentionTookAreNamed) {
  for (int i = 0; i < 23; ++i) Append();
  for (int64_t version = 0; version <= 12; ++version)
    fs::remove(folder_ + "/" + CommitPath("t", version));
  // Version 13 on are commits; the checkpoint of 20 is the first that has all after it.
  EXPECT_EQ(ListVersions(*store_, "t")->oldest, 20);
  EXPECT_EQ(ListVersions(*store_, "t")->newest, 23);
  EXPECT_THAT(Message({.number = 19}),
              HasSubstr("at version 19: the oldest version that can is 20"));
  EXPECT_THAT(Message({.as_of_us = kCreated + 19 * kMinute}),
              HasSubstr("can is 20, of 2023-11-14"));
  EXPECT_EQ(LoadSnapshotAt(*store_, "t", {.number = 20})->files.size(), 20u);
  EXPECT_EQ(AsOf(kCreated + 21 * kMinute), 21);
  fs::remove(folder_ + "/" + CheckpointPath("t", 20));
  EXPECT_TRUE(absl::IsDataLoss(ListVersions(*store_, "t").status()));
}

TEST_F(TableVersionTest, ACheckpointWithoutItsCommitIsAVersion) {
  for (int i = 0; i < 12; ++i) Append();
  for (int64_t version = 0; version <= 10; ++version)
    fs::remove(folder_ + "/" + CommitPath("t", version));
  EXPECT_EQ(ListVersions(*store_, "t")->oldest, 10);
  EXPECT_EQ(LoadSnapshotAt(*store_, "t", {.number = 10})->files.size(), 10u);
}

TEST_F(TableVersionTest, FilesThatAVacuumTookAreNamedWithTheOldestVersionThatHasAll) {
  for (int i = 0; i < 5; ++i) Append();
  RemoveOldFiles();  // version 6
  for (int i = 0; i < 3; ++i) Append();
  EXPECT_EQ(*OldestWholeVersion(*store_, "t"), 0);
  const Snapshot old = *LoadSnapshotAt(*store_, "t", {.number = 4});
  ASSERT_TRUE(store_->Delete("t/date=2023-11-14/2").ok());
  EXPECT_EQ(*OldestWholeVersion(*store_, "t"), 6);
  absl::Status gone = ExplainMissingFile(*store_, "t", old, "date=2023-11-14/2");
  EXPECT_TRUE(absl::IsFailedPrecondition(gone)) << gone;
  EXPECT_THAT(std::string(gone.message()), HasSubstr("version 4 of the Delta table"));
  EXPECT_THAT(std::string(gone.message()), HasSubstr("the oldest version that can be read is 6"));

  // One that the newest version needs is lost.
  ASSERT_TRUE(store_->Delete("t/date=2023-11-14/9").ok());
  absl::Status lost = ExplainMissingFile(*store_, "t", table_->snapshot(), "date=2023-11-14/9");
  EXPECT_TRUE(absl::IsDataLoss(lost)) << lost;
}

}  // namespace
}  // namespace forebay
