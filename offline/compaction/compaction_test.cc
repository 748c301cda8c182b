#include "offline/compaction/compaction.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "offline/change_log/change_rows.h"
#include "offline/compaction/file_merge.h"
#include "offline/compaction/row_order.h"
#include "offline/compaction/row_reader.h"
#include "offline/delta/data_file.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kDay = kMicrosPerDay;
constexpr int64_t kStart = 19'700 * kDay;
constexpr int64_t kNow = kStart + 100 * kDay;

class CompactionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "compaction_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    store_ = OpenObjectStore(StoreUri::Folder(folder_));
    // A list, too: what has no way of its own through a merge.
    v1::Feature* list = project_.mutable_feature_views(0)->add_features();
    list->set_name("last_countries");
    list->set_type(v1::STRING_LIST);
    options_.now_us = [] { return kNow; };
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<DeltaTable> Table() {
    auto schema = ChangeSchema(project_.feature_views(0), project_.entities(0));
    auto table = DeltaTable::OpenOrCreate(store_, "t", *schema, kNow);
    EXPECT_TRUE(table.ok()) << table.status();
    return *std::move(table);
  }

  // Of a few keys, three to a hash; with the list.
  std::shared_ptr<arrow::RecordBatch> Rows(int64_t count, int64_t day) {
    v1::Project plain = TestProject();
    std::vector<TestRow> rows;
    arrow::Int64Builder hashes;
    arrow::ListBuilder lists(arrow::default_memory_pool(),
                             std::make_shared<arrow::StringBuilder>());
    for (int64_t i = 0; i < count; ++i) {
      const int key = static_cast<int>(random_() % 50);
      const bool known = random_() % 3 != 0;
      rows.push_back(
          {.offset = ++offset_,
           .key = "key " + std::to_string(key),
           .effective_time = kStart + day * kDay + offset_,
           .op = random_() % 4 == 0 ? "expire" : "event",
           .total = known ? std::optional(static_cast<double>(random_() % 1000) / 8) : std::nullopt,
           .events = offset_,
           .country = known ? std::optional("Č" + std::to_string(key)) : std::nullopt});
      EXPECT_TRUE(hashes.Append((key / 3 - 8) * (int64_t{1} << 59)).ok());
      EXPECT_TRUE(known ? lists.Append().ok() : lists.AppendNull().ok());
      auto* items = static_cast<arrow::StringBuilder*>(lists.value_builder());
      for (int item = 0; known && item < key % 3; ++item) EXPECT_TRUE(items->Append("CZ").ok());
    }
    auto batch = TestRows(plain, rows);
    auto schema = ChangeSchema(project_.feature_views(0), project_.entities(0));
    arrow::ArrayVector columns = batch->columns();
    auto list = lists.Finish().ValueOrDie();
    columns.insert(columns.begin() + 4, list->View(schema->field(4)->type()).ValueOrDie());
    columns[9] = hashes.Finish().ValueOrDie();
    return arrow::RecordBatch::Make(schema, count, columns);
  }

  void Append(DeltaTable* table, int64_t rows, int64_t day, int64_t complete_day = -1) {
    auto batch = Rows(rows, day);
    auto file = DataFileWriter::Create(store_.get(), "t", FormatDate(kStart + day * kDay),
                                       *batch->schema(), *table->snapshot().schema, {})
                    .value();
    ASSERT_EQ(file->Write({batch}), absl::OkStatus());
    AppendRequest request;
    request.files.push_back(file->Finish(kNow).value());
    request.transactions["demo/spend/v1/transactions-0"] = offset_ + 1;
    int64_t complete = complete_day < 0 ? kStart : kStart + complete_day * kDay;
    request.clocks["transactions-0"] = {complete, complete};
    ASSERT_TRUE(table->Append(request, kNow).ok());
  }

  struct Row {
    int64_t hash;
    std::string key;
    int64_t time;
    std::string text;  // of all columns

    auto operator<=>(const Row&) const = default;
  };

  std::vector<Row> ReadFile(const std::string& path) {
    auto schema = ChangeSchema(project_.feature_views(0), project_.entities(0));
    auto reader = RowReader::Open(*store_, "t", path, schema, 1000).value();
    std::vector<Row> rows;
    while (auto batch = reader->Next().value()) {
      for (int64_t i = 0; i < batch->num_rows(); ++i) {
        Row row{.hash = batch->column_data(9)->GetValues<int64_t>(1)[i],
                .key = std::static_pointer_cast<arrow::StringArray>(batch->column(0))->GetString(i),
                .time = batch->column_data(5)->GetValues<int64_t>(1)[i]};
        for (const auto& column : batch->columns())
          row.text += column->GetScalar(i).ValueOrDie()->ToString() + "|";
        rows.push_back(std::move(row));
      }
    }
    return rows;
  }

  std::vector<std::string> RowSet(const Snapshot& snapshot) {
    std::vector<std::string> texts;
    for (const auto& [path, file] : snapshot.files) {
      for (const Row& row : ReadFile(path)) texts.push_back(row.text);
    }
    std::sort(texts.begin(), texts.end());
    return texts;
  }

  // Each file in order, and no hash in two files of a run.
  void ExpectSorted(const Snapshot& snapshot) {
    std::map<std::string, std::map<int64_t, std::string>> file_of;  // by run, then hash
    for (const auto& [path, file] : snapshot.files) {
      if (file.tags.at(kStageTag) != "2") continue;
      std::vector<Row> rows = ReadFile(path);
      EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end())) << path;
      EXPECT_EQ(file.tags.at(kKeyHashMinTag), std::to_string(rows.front().hash));
      EXPECT_EQ(file.tags.at(kKeyHashMaxTag), std::to_string(rows.back().hash));
      for (const Row& row : rows) {
        const std::string& first =
            file_of[file.tags.at(kRunTag)].try_emplace(row.hash, path).first->second;
        EXPECT_EQ(first, path) << "hash " << row.hash;
      }
    }
  }

  std::string folder_;
  std::shared_ptr<ObjectStore> store_;
  v1::Project project_ = TestProject();
  CompactionOptions options_;
  std::mt19937_64 random_{7};
  int64_t offset_ = 0;
};

TEST_F(CompactionTest, ADateThatIsCompleteBecomesOneRunOfTheSameRows) {
  auto table = Table();
  for (int i = 0; i < 5; ++i) Append(table.get(), 1000, i % 2, /*complete_day=*/1);
  const std::vector<std::string> before = RowSet(table->snapshot());
  const int64_t version = table->snapshot().version;
  auto result = CompactTable(store_, table.get(), options_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->files_before, 3);  // of the first day
  EXPECT_EQ(result->files_after, 1);
  EXPECT_EQ(result->rows, 3000);
  EXPECT_EQ(RowSet(table->snapshot()), before);
  ExpectSorted(table->snapshot());
  EXPECT_EQ(table->snapshot().files.size(), 3);
  EXPECT_EQ(table->TransactionVersion("demo/spend/v1/transactions-0"), 5001);
  EXPECT_EQ(RowSet(LoadSnapshot(*store_, "t", version).value()), before);
  // Nothing is left to do.
  auto again = CompactTable(store_, table.get(), options_);
  EXPECT_EQ(again->commits, 0) << again.status();
}

TEST_F(CompactionTest, FilesAreSplitBetweenKeysAndMergedWithinLittleMemory) {
  auto table = Table();
  for (int i = 0; i < 12; ++i) Append(table.get(), 2000, 0, /*complete_day=*/1);
  const std::vector<std::string> before = RowSet(table->snapshot());
  options_.limits.memory_bytes = 1 << 20;  // so some files at a time, then runs
  options_.target_bytes = 1;
  auto result = CompactTable(store_, table.get(), options_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->rows, 24'000);
  EXPECT_EQ(RowSet(table->snapshot()), before);
  ExpectSorted(table->snapshot());
  std::set<std::string> runs;
  for (const auto& [path, file] : table->snapshot().files) runs.insert(file.tags.at(kRunTag));
  EXPECT_EQ(runs.size(), 1);
}

TEST_F(CompactionTest, RunsAreReadALittleAtATimeWhereverTheirRowsLie) {
  auto table = Table();
  const auto schema = table->DataSchema();
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> expected;
    MergeOptions options{.place = TablePlace(store_, "t"),
                         .file = {.stage = FileStage::kCompacted, .run = "x"},
                         .target_bytes = round % 2 == 0 ? 1 : 1 << 30,
                         .batch_rows = 1 + static_cast<int64_t>(random_() % 40),
                         .now_us = options_.now_us};
    FileMerge merge(*store_, "t", table->snapshot().schema, schema, "2023-12-09", options);
    for (int run = 0; run < 4; ++run) {
      auto batch = Rows(1 + static_cast<int64_t>(random_() % 300), 0);
      auto loose = DataFileWriter::Create(store_.get(), "t", "2023-12-09", *schema,
                                          *table->snapshot().schema, {})
                       .value();
      ASSERT_EQ(loose->Write({batch}), absl::OkStatus());
      std::string path = loose->Finish(kNow).value().path;
      for (const Row& row : ReadFile(path)) expected.push_back(row.text);
      if (run == 0) {
        merge.AddLoose({path});
        continue;
      }
      FileMerge sorting(*store_, "t", table->snapshot().schema, schema, "2023-12-09", options);
      sorting.AddLoose({path});
      std::vector<std::string> paths;
      const std::vector<AddAction> sorted = sorting.Run().value();
      for (const AddAction& file : sorted) paths.push_back(file.path);
      merge.AddRun(paths);
    }
    auto files = merge.Run();
    ASSERT_TRUE(files.ok()) << files.status();
    std::vector<Row> rows;
    for (const AddAction& file : *files) {
      for (Row& row : ReadFile(file.path)) rows.push_back(std::move(row));
    }
    EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
    std::vector<std::string> texts;
    for (const Row& row : rows) texts.push_back(row.text);
    std::sort(texts.begin(), texts.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(texts, expected);
  }
}

TEST_F(CompactionTest, TwoCompactionsBesideAWriterLoseAndDoubleNothing) {
  auto table = Table();
  for (int i = 0; i < 8; ++i) Append(table.get(), 50, 0, /*complete_day=*/1);
  std::atomic<bool> stop = false;
  absl::Status failed[2];
  std::vector<std::thread> compactions;
  for (absl::Status& status : failed) {
    compactions.emplace_back([&, this] {
      CompactionOptions options = options_;
      options.limits.loose_files = 2;
      while (!stop) {
        auto mine = DeltaTable::Open(store_, "t").value();
        if (auto result = CompactTable(store_, mine.get(), options); !result.ok())
          status.Update(result.status());
      }
    });
  }
  for (int i = 0; i < 60; ++i) Append(table.get(), 20, i % 3, 1);
  stop = true;
  for (std::thread& thread : compactions) thread.join();
  for (const absl::Status& status : failed) EXPECT_EQ(status, absl::OkStatus());
  ASSERT_EQ(table->Refresh(), absl::OkStatus());
  std::vector<std::string> rows = RowSet(table->snapshot());
  EXPECT_EQ(rows.size(), 8 * 50 + 60 * 20);
  EXPECT_EQ(std::adjacent_find(rows.begin(), rows.end()), rows.end());
  ExpectSorted(table->snapshot());
  // What was given up left no file behind.
  std::set<std::string> named;
  for (const auto& [path, file] : table->snapshot().files) named.insert(path);
  for (const auto& [path, file] : table->snapshot().removed) named.insert(path);
  for (const auto& entry : fs::recursive_directory_iterator(folder_ + "/t")) {
    if (entry.path().extension() == ".parquet" &&
        entry.path().string().find("_delta_log") == std::string::npos) {
      EXPECT_EQ(named.count(fs::relative(entry.path(), folder_ + "/t")), 1) << entry.path();
    }
  }
}

TEST_F(CompactionTest, ADamagedOrMissingFileIsNamedAndTheTableStaysAsItIs) {
  auto table = Table();
  for (int i = 0; i < 3; ++i) Append(table.get(), 100, 0, /*complete_day=*/1);
  const int64_t version = table->snapshot().version;
  const std::string path = folder_ + "/t/" + table->snapshot().files.begin()->first;
  fs::resize_file(path, fs::file_size(path) / 2);
  auto cut = CompactTable(store_, table.get(), options_);
  EXPECT_EQ(cut.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(cut.status().message()), HasSubstr(path));
  fs::remove(path);
  auto missing = CompactTable(store_, table.get(), options_);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("it is missing"));
  EXPECT_EQ(table->snapshot().version, version);
}

TEST(RowOrderTest, AFewRowsAreSortedHoweverFarApartTheirHashesAre) {
  for (uint32_t rows : {2, 3, 4, 5}) {
    std::vector<RowRef> refs;
    for (uint32_t i = 0; i < rows; ++i) refs.push_back({i == 0 ? INT64_MAX : INT64_MIN, i, 0, i});
    ASSERT_EQ(SortRefs(RowOrder(), {}, &refs), absl::OkStatus());
    EXPECT_EQ(refs.front().row, 1u);
    EXPECT_EQ(refs.back().row, 0u);
  }
}

AddAction File(const std::string& date, int number, int64_t bytes, const std::string& run = "") {
  AddAction file{.path = "date=" + date + "/" + std::to_string(number),
                 .partition_values = {{"date", date}},
                 .size = bytes,
                 .modified_ms = number,
                 .stats = R"({"numRecords":10})"};
  if (!run.empty()) file.tags = {{kStageTag, "2"}, {kRunTag, run}, {kPartTag, "0"}};
  return file;
}

class PlanTest : public ::testing::Test {
 protected:
  PlanTest() {
    v1::Project project = TestProject();
    table_.schema = ChangeSchema(project.feature_views(0), project.entities(0));
  }
  void Add(const AddAction& file) { table_.files[file.path] = file; }
  std::vector<CompactionStep> Plan(int64_t complete_before = INT64_MIN,
                                   int64_t quiet_before_ms = INT64_MIN) {
    return PlanCompaction(table_, {complete_before, quiet_before_ms}, limits_);
  }

  Snapshot table_;
  CompactionLimits limits_{.loose_files = 4};
};

TEST_F(PlanTest, AFewFilesOfADateThatIsWrittenToAreLeftAlone) {
  for (int i = 0; i < 3; ++i) Add(File("2024-01-01", i, 10));
  EXPECT_TRUE(Plan().empty());
  Add(File("2024-01-01", 3, 10));
  ASSERT_EQ(Plan().size(), 1);
  EXPECT_EQ(Plan()[0].loose.size(), 4);
  EXPECT_EQ(Plan()[0].bytes, 40);
  EXPECT_EQ(Plan()[0].rows, 40);
}

TEST_F(PlanTest, RunsThatAreNotMuchLargerAreMergedWithThem) {
  for (int i = 0; i < 4; ++i) Add(File("2024-01-01", i, 10));
  Add(File("2024-01-01", 4, 70, "a"));   // 70 <= 2 * 40
  Add(File("2024-01-01", 5, 220, "b"));  // 220 <= 2 * 110
  Add(File("2024-01-01", 6, 700, "c"));
  ASSERT_EQ(Plan().size(), 1);
  EXPECT_EQ(Plan()[0].runs.size(), 2);
}

TEST_F(PlanTest, ADateWithoutMoreRowsToComeBecomesOneRun) {
  Add(File("2024-01-01", 1, 10));
  Add(File("2024-01-01", 2, 50, "a"));
  const int64_t end = ParseTime("2024-01-02T00:00:00Z").value();
  EXPECT_TRUE(Plan(end - 1).empty());
  ASSERT_EQ(Plan(end).size(), 1);
  EXPECT_EQ(Plan(end)[0].paths().size(), 2);
  EXPECT_EQ(Plan(INT64_MIN, /*quiet_before_ms=*/3).size(), 1);
  EXPECT_TRUE(Plan(INT64_MIN, /*quiet_before_ms=*/2).empty());
}

TEST_F(PlanTest, ALargeRunIsNotRewrittenForALittle) {
  Add(File("2024-01-01", 1, 10));
  Add(File("2024-01-01", 2, 101, "a"));
  EXPECT_TRUE(Plan(INT64_MAX).empty());
  Add(File("2024-01-01", 3, 1));
  EXPECT_EQ(Plan(INT64_MAX).size(), 1);
}

TEST_F(PlanTest, WhatDoesNotFitInMemoryBecomesRunsFirst) {
  limits_.memory_bytes = 40 * 200;  // of which half, for about 180 bytes a row, 10 rows a file
  for (int i = 0; i < 4; ++i) Add(File("2024-01-01", i, 10));
  Add(File("2024-01-01", 4, 10, "a"));
  std::vector<CompactionStep> steps = Plan(INT64_MAX);
  ASSERT_EQ(steps.size(), 2);
  for (const CompactionStep& step : steps) EXPECT_EQ(step.runs.size(), 0);
}

}  // namespace
}  // namespace forebay
