#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "engine/batch/archive_batch.h"
#include "engine/state/key.h"
#include "offline/change_log/change_rows.h"
#include "offline/compaction/compaction.h"
#include "offline/compaction/row_reader.h"
#include "offline/delta/checkpoint.h"
#include "offline/delta/data_file.h"
#include "offline/delta/table_version.h"
#include "offline/erasure/key_bounds.h"
#include "offline/erasure/key_traces.h"
#include "offline/erasure/table_erasure.h"
#include "offline/upkeep/lease.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kDay = kMicrosPerDay;
constexpr int64_t kStart = 19'700 * kDay;
constexpr int64_t kNow = kStart + 100 * kDay;
constexpr int kKeys = 7;

class ErasureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "erasure_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    store_ = OpenObjectStore(StoreUri::Folder(folder_ + "/warehouse"));
    options_.now_us = [] { return kNow; };
    options_.alone = true;
    table_ = DeltaTable::OpenOrCreate(store_, "t", *Schema(), kNow).value();
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::shared_ptr<arrow::Schema> Schema() const {
    return ChangeSchema(project_.feature_views(0), project_.entities(0));
  }
  ErasedKey Key(const std::string& key) const { return ErasedKey::Of(project_.entities(0), key); }

  // Appends rows with the next offsets, of one of the keys each, as a file; returns its path.
  std::string Append(int64_t rows, int64_t day = 0, int partition = 0) {
    std::vector<TestRow> made;
    for (int64_t i = 0; i < rows; ++i) {
      const std::string key = "key-" + std::to_string(random_() % kKeys);
      ++offset_;
      made.push_back({.offset = offset_,
                      .key = key,
                      .effective_time = kStart + day * kDay + offset_,
                      .op = random_() % 4 == 0 ? "delete" : "event",
                      .total = random_() % 3 == 0
                                   ? std::nullopt
                                   : std::optional(static_cast<double>(random_() % 1000)),
                      .events = offset_,
                      .country = "C" + std::to_string(random_() % 9),
                      .key_hash = KeyHash(HashedKey(key))});
    }
    auto batch = TestRows(project_, made, 0, partition);
    auto file = DataFileWriter::Create(store_.get(), "t", FormatDate(kStart + day * kDay),
                                       *batch->schema(), *table_->snapshot().schema, {})
                    .value();
    EXPECT_EQ(file->Write({batch}), absl::OkStatus());
    AppendRequest request;
    request.files.push_back(file->Finish(kNow).value());
    request.transactions["demo/spend/v1/transactions-0"] = offset_ + 1;
    request.clocks["transactions-0"] = {kStart + 50 * kDay, kStart + 50 * kDay};
    EXPECT_TRUE(table_->Append(request, kNow).ok());
    return request.files[0].path;
  }

  void Compact() {
    CompactionOptions compaction{.limits = {.loose_files = 2}, .now_us = options_.now_us};
    auto compacted = CompactTable(store_, table_.get(), compaction);
    ASSERT_TRUE(compacted.ok()) << compacted.status();
    ASSERT_GT(compacted->commits, 0);
  }

  struct Row {
    std::string key;
    int32_t partition;
    int64_t offset;
    std::string text;  // of all columns

    auto operator<=>(const Row&) const = default;
  };

  std::vector<Row> ReadFile(const std::string& path) {
    auto reader = RowReader::Open(*store_, "t", path, Schema(), 1000).value();
    std::vector<Row> rows;
    while (auto batch = reader->Next().value()) {
      for (int64_t i = 0; i < batch->num_rows(); ++i) {
        Row row{.key = std::static_pointer_cast<arrow::StringArray>(batch->column(0))->GetString(i),
                .partition = batch->column_data(9)->GetValues<int32_t>(1)[i],
                .offset = batch->column_data(10)->GetValues<int64_t>(1)[i]};
        for (const auto& column : batch->columns())
          row.text += column->GetScalar(i).ValueOrDie()->ToString() + "|";
        rows.push_back(std::move(row));
      }
    }
    return rows;
  }

  std::vector<Row> Rows() {
    EXPECT_EQ(table_->Refresh(), absl::OkStatus());
    std::vector<Row> rows;
    for (const auto& [path, file] : table_->snapshot().files) {
      for (Row& row : ReadFile(path)) rows.push_back(std::move(row));
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  static std::vector<Row> Without(std::vector<Row> rows, const ErasedKey& key) {
    std::erase_if(rows, [&](const Row& row) {
      if (row.key != key.bytes) return false;
      if (!key.up_to || !key.up_to->contains(PartitionId(row.partition))) return true;
      return row.offset <= key.up_to->at(PartitionId(row.partition)).value();
    });
    return rows;
  }

  ErasureResult Erase(const ErasedKey& key) {
    auto result = EraseFromTable(store_, table_.get(), key, options_);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(ErasureResult());
  }

  KeyTraces Traces(const ErasedKey& key) {
    auto traces = FindKeyTraces(
        {.store = store_, .table = "t", .alone = options_.alone, .now_us = kNow}, key);
    EXPECT_TRUE(traces.ok()) << traces.status();
    return traces.value_or(KeyTraces());
  }

  // No data file under the table has a row of the key, whoever names it.
  void ExpectNowhere(const std::string& key) {
    for (const auto& entry : fs::recursive_directory_iterator(folder_ + "/warehouse/t")) {
      const std::string path = entry.path();
      if (entry.path().extension() != ".parquet" || path.find("_delta_log") != std::string::npos)
        continue;
      for (const Row& row : ReadFile(fs::relative(entry.path(), folder_ + "/warehouse/t")))
        EXPECT_NE(row.key, key) << path;
    }
  }

  std::string folder_;
  std::shared_ptr<ObjectStore> store_;
  v1::Project project_ = TestProject();
  std::unique_ptr<DeltaTable> table_;
  ErasureOptions options_;
  std::mt19937_64 random_{11};
  int64_t offset_ = 0;
};

TEST_F(ErasureTest, TakesTheRowsOfTheKeyAndNoOther) {
  for (int i = 0; i < 4; ++i) Append(60, i % 2);
  Compact();
  for (int i = 0; i < 3; ++i) Append(30, i % 2);
  const std::vector<Row> before = Rows();
  const ErasedKey key = Key("key-3");
  EXPECT_GT(Traces(key).rows, 0);
  EXPECT_GT(Traces(key).old_files, 0);
  const int64_t version = table_->snapshot().version;
  const ErasureResult result = Erase(key);
  const std::vector<Row> after = Rows();
  EXPECT_EQ(after, Without(before, key));
  EXPECT_EQ(result.rows, std::ssize(before) - std::ssize(after));
  EXPECT_EQ(result.version, version + 1);
  EXPECT_GT(result.old_files, result.files_rewritten);
  EXPECT_EQ(table_->TransactionVersion("demo/spend/v1/transactions-0"), offset_ + 1);
  EXPECT_EQ(CompleteBefore(table_->snapshot()), kStart + 50 * kDay);
  ExpectNowhere("key-3");
  const KeyTraces traces = Traces(key);
  EXPECT_EQ(traces.rows + traces.files + traces.old_files + traces.unfinished, 0);
  // Nothing is left to do.
  const ErasureResult again = Erase(key);
  EXPECT_EQ(again.files_rewritten + again.old_files, 0);
  EXPECT_EQ(again.version, result.version);
}

TEST_F(ErasureTest, FilesKeepTheirOrderAndTheirRun) {
  for (int i = 0; i < 4; ++i) Append(200);
  Compact();
  const std::string compacted = table_->snapshot().files.begin()->first;
  const StringMap tags = table_->snapshot().files.begin()->second.tags;
  const std::string flushed = Append(50);
  std::vector<Row> expected = ReadFile(compacted);
  std::vector<Row> expected_flushed = ReadFile(flushed);
  const ErasedKey key = Key("key-0");
  Erase(key);
  for (const auto& [path, file] : table_->snapshot().files) {
    const bool stage_2 = file.tags.at(kStageTag) == "2";
    if (stage_2) {
      EXPECT_EQ(file.tags.at(kRunTag), tags.at(kRunTag));
      EXPECT_EQ(file.tags.at(kPartTag), tags.at(kPartTag));
    }
    EXPECT_EQ(ReadFile(path), Without(stage_2 ? expected : expected_flushed, key)) << path;
  }
  EXPECT_EQ(table_->snapshot().files.size(), 2);
  // Compaction goes on with what it left.
  const std::vector<Row> before = Rows();
  Append(100);
  CompactionOptions compaction{.limits = {.loose_files = 2}, .now_us = options_.now_us};
  auto merged = CompactTable(store_, table_.get(), compaction);
  EXPECT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(Rows().size(), before.size() + 100);
}

TEST_F(ErasureTest, RowsAfterThePositionStayAsOfASubjectThatCameBack) {
  for (int partition = 0; partition < 3; ++partition) {
    for (int i = 0; i < 2; ++i) Append(80, i, partition);
  }
  const std::vector<Row> before = Rows();
  ErasedKey key = Key("key-5");
  // Of partition 0 some, of 1 none, of 2 all.
  key.up_to = {{PartitionId(0), Offset(90)}, {PartitionId(1), Offset(0)}};
  const std::vector<Row> expected = Without(before, key);
  ASSERT_LT(expected.size(), before.size());
  ASSERT_GT(expected.size(), Without(before, Key("key-5")).size());
  Erase(key);
  EXPECT_EQ(Rows(), expected);
  EXPECT_EQ(Traces(key).rows, 0);
  EXPECT_GT(Traces(Key("key-5")).rows, 0);
}

TEST_F(ErasureTest, AFileThatLosesAllRowsGoesWithoutAnother) {
  for (int i = 0; i < 30; ++i) Append(1);
  const std::vector<Row> before = Rows();
  const ErasedKey key = Key("key-1");
  Erase(key);
  EXPECT_EQ(Rows(), Without(before, key));
  for (const auto& [path, file] : table_->snapshot().files)
    EXPECT_THAT(file.stats, HasSubstr("\"numRecords\":1"));
  EXPECT_EQ(table_->snapshot().files.size(), Rows().size());
}

TEST_F(ErasureTest, OlderVersionsSayThatAnErasureTookTheirFiles) {
  Append(50);
  const Snapshot old = table_->snapshot();
  // Neither retention nor a reader's lease keeps what must go.
  auto lease = Lease::Take(store_, "t", old.timestamp_ms, kNow);
  ASSERT_TRUE(lease.ok()) << lease.status();
  Erase(Key("key-2"));
  const absl::Status gone = ExplainMissingFile(*store_, "t", old, old.files.begin()->first);
  EXPECT_EQ(gone.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(gone.message()),
              HasSubstr("was removed by an erasure (forebay erase), that of version 2"));
  EXPECT_EQ(OldestWholeVersion(*store_, "t").value(), 2);
}

TEST_F(ErasureTest, ColdFilesStayCold) {
  for (int i = 0; i < 3; ++i) Append(100);
  TieringOptions tiering{.cold = StoreUri::Folder(folder_ + "/cold"),
                         .dates_before = kNow,
                         .compaction = {.now_us = options_.now_us}};
  ASSERT_TRUE(TierTable(store_, table_.get(), tiering).ok());
  Append(50, 1);
  const std::vector<Row> before = Rows();
  const ErasedKey key = Key("key-6");
  Erase(key);
  EXPECT_EQ(Rows(), Without(before, key));
  std::vector<bool> cold;
  for (const auto& [path, file] : table_->snapshot().files) cold.push_back(IsCold(path));
  EXPECT_THAT(cold, ::testing::UnorderedElementsAre(true, false));
  ExpectNowhere("key-6");
  for (const auto& entry : fs::recursive_directory_iterator(folder_ + "/cold")) {
    if (entry.is_regular_file()) {
      EXPECT_TRUE(table_->snapshot().files.contains(
          "_cold/" + fs::relative(entry.path(), folder_ + "/cold/t").string()));
    }
  }
}

TEST_F(ErasureTest, BesideWritersAndCompactionsNothingElseIsLostOrDouble) {
  for (int i = 0; i < 6; ++i) Append(40);
  ErasedKey key = Key("key-4");
  key.up_to = {{PartitionId(0), Offset(offset_)}};
  std::atomic<bool> stop = false;
  absl::Status failed;
  std::thread compactor([&, this] {
    CompactionOptions compaction{.limits = {.loose_files = 2}, .now_us = options_.now_us};
    while (!stop) {
      auto mine = DeltaTable::Open(store_, "t").value();
      failed.Update(CompactTable(store_, mine.get(), compaction).status());
    }
  });
  absl::Status erased;
  std::thread eraser([&, this] {
    ErasureOptions options = options_;
    options.alone = false;
    for (int i = 0; i < 10; ++i) {
      auto mine = DeltaTable::Open(store_, "t").value();
      erased.Update(EraseFromTable(store_, mine.get(), key, options).status());
    }
  });
  for (int i = 0; i < 40; ++i) Append(20, i % 2);
  eraser.join();
  stop = true;
  compactor.join();
  EXPECT_EQ(failed, absl::OkStatus());
  EXPECT_EQ(erased, absl::OkStatus());
  std::set<int64_t> offsets;
  for (const Row& row : Rows()) {
    EXPECT_TRUE(offsets.insert(row.offset).second) << row.offset;
    if (row.key == key.bytes) {
      EXPECT_GT(row.offset, 240);
    }
  }
  for (int64_t offset = 241; offset <= offset_; ++offset) EXPECT_TRUE(offsets.contains(offset));
  const KeyTraces traces = Traces(key);
  EXPECT_EQ(traces.rows + traces.old_files, 0);
}

TEST_F(ErasureTest, WhatAKilledWriterLeftGoesOnceItIsNobodysAnyMore) {
  Append(20);
  const fs::path left = folder_ + "/warehouse/t/date=2023-12-09/part-x.parquet.0123abcd";
  std::ofstream(left) << "PAR1 half a file with key-0";
  fs::last_write_time(left, fs::file_time_type::clock::now());
  options_.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
  options_.alone = false;
  EXPECT_EQ(Erase(Key("key-0")).unfinished, 1);
  EXPECT_TRUE(fs::exists(left));
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(Erase(Key("key-0")).unfinished, 0);
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(ErasureTest, AnAppendOnlyTableIsRefusedByName) {
  Append(20);
  ASSERT_EQ(table_->SetProperties({{"delta.appendOnly", "true"}}, kNow), absl::OkStatus());
  const std::vector<Row> before = Rows();
  auto refused = EraseFromTable(store_, table_.get(), Key("key-0"), options_);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("delta.appendOnly"));
  EXPECT_EQ(Rows(), before);
  // A key that it does not have is no matter.
  EXPECT_EQ(Erase(Key("nobody")).rows, 0);
}

TEST_F(ErasureTest, AKeyInTheStatisticsOfAnotherProgramIsForgotten) {
  AddAction file{.path = Append(20)};
  // As another program's OPTIMIZE would have written it.
  const AddAction ours = table_->snapshot().files.at(file.path);
  AddAction theirs = ours;
  theirs.tags.clear();
  theirs.stats =
      R"({"numRecords":20,"minValues":{"user_id":"key-0"},"maxValues":{"user_id":"key-6"}})";
  AppendRequest request;
  request.files.push_back(theirs);
  ASSERT_TRUE(table_->Append(request, kNow).ok());
  const ErasedKey key = Key("key-6");
  EXPECT_EQ(Traces(key).log_keys, 0);  // of the newest version rows are looked at themselves
  const std::vector<Row> before = Rows();
  Erase(key);
  EXPECT_EQ(Traces(key).log_keys, 1);
  EXPECT_EQ(Traces(Key("key-5")).log_keys, 0);
  const int64_t version = table_->snapshot().version;
  ASSERT_EQ(WriteCheckpoint(store_.get(), "t", LoadSnapshot(*store_, "t", version - 1).value()),
            absl::OkStatus());
  EXPECT_EQ(Traces(key).log_keys, 2);
  ASSERT_EQ(ForgetBounds(store_.get(), "t", table_->snapshot(), key), absl::OkStatus());
  EXPECT_EQ(Traces(key).log_keys, 0);
  for (int64_t old = 0; old <= version; ++old)
    EXPECT_TRUE(LoadSnapshot(*store_, "t", old).ok()) << old;
  EXPECT_EQ(LoadSnapshot(*store_, "t", version - 1).value().files.at(theirs.path).stats,
            R"({"numRecords":20})");
  auto reopened = DeltaTable::Open(store_, "t");
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ((*reopened)->TransactionVersion("demo/spend/v1/transactions-0"), offset_ + 1);
  EXPECT_EQ(CompleteBefore((*reopened)->snapshot()), kStart + 50 * kDay);
  EXPECT_EQ(Rows(), Without(before, key));
  Append(10);
  EXPECT_EQ(Rows().size(), Without(before, key).size() + 10);
}

TEST_F(ErasureTest, OfAnArchiveRowsAreFoundByTheColumnsOfTheKey) {
  v1::Source source;
  source.set_name("transactions");
  for (const char* name : {"user_id", "card"}) {
    v1::Field* column = source.add_schema();
    column->set_name(name);
    column->set_type(v1::STRING);
  }
  auto schema = ArchiveSchema(source);
  ASSERT_TRUE(HasKeyColumns(*schema, project_.entities(0)));
  auto archive = DeltaTable::OpenOrCreate(store_, "events/transactions", *schema, kNow).value();
  auto builder = arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()).ValueOrDie();
  for (int64_t offset = 0; offset < 100; ++offset) {
    auto* user = builder->GetFieldAs<arrow::StringBuilder>(0);
    (void)(offset % 5 == 4 ? user->AppendNull()
                           : user->Append("key-" + std::to_string(offset % 5)));
    (void)builder->GetFieldAs<arrow::StringBuilder>(1)->Append("card " + std::to_string(offset));
    for (int c = 2; c < 5; ++c)
      (void)builder->GetFieldAs<arrow::TimestampBuilder>(c)->Append(kStart + offset);
    (void)builder->GetFieldAs<arrow::BinaryBuilder>(5)->Append("card");
    (void)builder->GetFieldAs<arrow::Int64Builder>(6)->Append(offset * 1'000'003);
    (void)builder->GetFieldAs<arrow::Int32Builder>(7)->Append(0);
    (void)builder->GetFieldAs<arrow::Int64Builder>(8)->Append(offset);
  }
  auto rows = builder->Flush().ValueOrDie();
  auto file = DataFileWriter::Create(store_.get(), "events/transactions", FormatDate(kStart),
                                     *schema, *archive->snapshot().schema, {})
                  .value();
  ASSERT_EQ(file->Write({rows}), absl::OkStatus());
  AppendRequest request;
  request.files.push_back(file->Finish(kNow).value());
  ASSERT_TRUE(archive->Append(request, kNow).ok());
  ErasedKey key = Key("key-2");
  key.up_to = {{PartitionId(0), Offset(49)}};
  auto erased = EraseFromTable(store_, archive.get(), key, options_);
  ASSERT_TRUE(erased.ok()) << erased.status();
  EXPECT_EQ(erased->rows, 10);
  auto reader = RowReader::Open(*store_, "events/transactions",
                                archive->snapshot().files.begin()->first, schema, 1000)
                    .value();
  std::vector<int64_t> left;
  while (auto batch = reader->Next().value()) {
    const int64_t* offsets = batch->column_data(8)->GetValues<int64_t>(1);
    left.insert(left.end(), offsets, offsets + batch->num_rows());
  }
  std::vector<int64_t> expected;
  for (int64_t offset = 0; offset < 100; ++offset) {
    if (offset % 5 != 2 || offset > 49) expected.push_back(offset);
  }
  EXPECT_EQ(left, expected);
}

}  // namespace
}  // namespace forebay
