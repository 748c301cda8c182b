#include "offline/range/range_table.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include "engine/state/key.h"
#include "offline/change_log/change_rows.h"
#include "offline/compaction/row_reader.h"
#include "offline/delta/data_file.h"
#include "offline/delta/delta_table.h"
#include "offline/delta/table_range.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr int64_t kDay = kMicrosPerDay;
constexpr int64_t kStart = 19'700 * kDay;
constexpr int64_t kNow = kStart + 100 * kDay;
constexpr char kTable[] = "offline/spend/v1";
constexpr char kAppId[] = "demo/spend/v1/transactions-0";

class RangeTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    folder_ = ::testing::TempDir() + "range_" + name;
    fs::remove_all(folder_);
    request_.whole = OpenObjectStore(StoreUri::Folder(folder_ + "/whole"));
    request_.warehouse = OpenObjectStore(StoreUri::Folder(folder_ + "/warehouse"));
    request_.view = &project_.feature_views(0);
    request_.entity = &project_.entities(0);
    request_.fingerprint = "total:1 window:2";
    request_.range = {.from = kStart + 3 * kDay + kDay / 2, .to = kStart + 6 * kDay + kDay / 3};
    request_.now_us = [] { return kNow; };
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::shared_ptr<arrow::Schema> Schema() const {
    return ChangeSchema(project_.feature_views(0), project_.entities(0));
  }

  // A table with so many days of rows, each day's in a few files that overlap in time and keys.
  void MakeWhole(int64_t days, int64_t rows_a_day) {
    auto table = DeltaTable::OpenOrCreate(request_.whole, kTable, *Schema(), kNow).value();
    for (int64_t day = 0; day < days; ++day) {
      constexpr int kFiles = 3;
      std::vector<std::vector<TestRow>> files(kFiles);
      for (int64_t i = 0; i < rows_a_day; ++i)
        files[random_() % kFiles].push_back(NextRow(day, i * kDay / rows_a_day));
      for (const auto& rows : files) Append(table.get(), day, rows);
    }
  }

  TestRow NextRow(int64_t day, int64_t time) {
    const std::string key = "key-" + std::to_string(random_() % 40);
    ++offset_;
    return {.offset = offset_,
            .key = key,
            .effective_time = kStart + day * kDay + time,
            .op = random_() % 4 == 0 ? "delete" : "event",
            .total = static_cast<double>(random_() % 1000),
            .events = offset_,
            .country = "C" + std::to_string(random_() % 9),
            .key_hash = KeyHash(HashedKey(key))};
  }

  void Append(DeltaTable* table, int64_t day, const std::vector<TestRow>& rows) {
    if (rows.empty()) return;
    auto batch = TestRows(project_, rows);
    auto file =
        DataFileWriter::Create(request_.whole.get(), kTable, FormatDate(kStart + day * kDay),
                               *batch->schema(), *table->snapshot().schema, {})
            .value();
    ASSERT_EQ(file->Write({batch->Slice(0, rows.size() / 2), batch->Slice(rows.size() / 2)}),
              absl::OkStatus());
    AppendRequest request;
    request.files.push_back(file->Finish(kNow).value());
    request.transactions[kAppId] = offset_ + 1;
    request.clocks["transactions-0"] = {kStart + (day + 1) * kDay, kStart + day * kDay};
    ASSERT_TRUE(table->Append(request, kNow).ok());
  }

  struct Row {
    std::string key;
    int64_t time;
    std::string op;
    std::string text;  // of all columns

    auto operator<=>(const Row&) const = default;
  };

  std::vector<Row> RowsOf(const ObjectStore& store) const {
    Snapshot table = LoadSnapshot(store, kTable, std::nullopt).value();
    std::vector<Row> rows;
    for (const auto& [path, file] : table.files) {
      auto reader = RowReader::Open(store, kTable, path, Schema(), 1000).value();
      while (auto batch = reader->Next().value()) {
        for (int64_t i = 0; i < batch->num_rows(); ++i) {
          Row row{.time = batch->column_data(4)->GetValues<int64_t>(1)[i]};
          row.key = std::static_pointer_cast<arrow::StringArray>(batch->column(0))->GetString(i);
          row.op = std::static_pointer_cast<arrow::StringArray>(batch->column(7))->GetString(i);
          for (const auto& column : batch->columns())
            row.text += column->GetScalar(i).ValueOrDie()->ToString() + "|";
          EXPECT_EQ(FormatDate(row.time), file.partition_values.at("date"));
          rows.push_back(std::move(row));
        }
      }
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  // By looking at every row.
  std::vector<Row> Expected(const TimeRange& range) const {
    std::vector<Row> expected;
    std::map<std::string, Row> newest;
    for (const Row& row : RowsOf(*request_.whole)) {
      if (range.Holds(row.time)) expected.push_back(row);
      if (row.time < range.from) newest[row.key] = row;  // rows of a key come by their times
    }
    for (const auto& [key, row] : newest) {
      if (row.op != "delete") expected.push_back(row);
    }
    std::sort(expected.begin(), expected.end());
    return expected;
  }

  std::vector<std::string> FilesInWarehouse() const {
    std::vector<std::string> files;
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ + "/warehouse", error)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
    return files;
  }

  absl::StatusOr<bool> Has() const {
    return HasRangeTable(*request_.warehouse, {"spend", 1}, request_.fingerprint, request_.range);
  }

  std::string folder_;
  v1::Project project_ = TestProject();
  RangeTableRequest request_;
  std::mt19937 random_{7};
  int64_t offset_ = 0;
};

class RangeTableKeysTest : public RangeTableTest, public ::testing::WithParamInterface<size_t> {};

TEST_P(RangeTableKeysTest, HasTheRowsWithinTheRangeAndThoseThatHoldWhenItBegins) {
  MakeWhole(/*days=*/9, /*rows_a_day=*/50);
  request_.most_keys = GetParam();
  for (const TimeRange& range :
       {request_.range, TimeRange{kStart + 2 * kDay, kStart + 5 * kDay},  // whole dates
        TimeRange{kStart + kDay / 4, kStart + kDay / 3},
        TimeRange{kStart - kDay, kStart + 20 * kDay},
        TimeRange{kStart + 20 * kDay, kStart + 21 * kDay}}) {
    request_.range = range;
    const std::vector<Row> expected = Expected(range);
    absl::StatusOr<RangeTable> made = WriteRangeTable(request_);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(RowsOf(*request_.warehouse), expected) << DescribeRange(range);
    EXPECT_EQ(made->rows + made->held, std::ssize(expected));
    EXPECT_EQ(made->rows, std::count_if(expected.begin(), expected.end(),
                                        [&](const Row& row) { return range.Holds(row.time); }));
    fs::remove_all(folder_ + "/warehouse");
  }
}

INSTANTIATE_TEST_SUITE_P(MostKeys, RangeTableKeysTest, ::testing::Values(2'000'000, 7, 1));

TEST_F(RangeTableTest, IsOneCommitWithThePositionsAndClocksUpToItsEnd) {
  MakeWhole(/*days=*/9, /*rows_a_day=*/20);
  absl::StatusOr<RangeTable> made = WriteRangeTable(request_);
  ASSERT_TRUE(made.ok()) << made.status();
  Snapshot table = LoadSnapshot(*request_.warehouse, kTable, std::nullopt).value();
  EXPECT_EQ(table.version, 0);
  EXPECT_EQ(table.transactions.at(kAppId).version, offset_ + 1);
  const TaskClock end{request_.range.to, request_.range.to};
  EXPECT_THAT(table.clocks, ElementsAre(Pair("transactions-0", end)));
  EXPECT_EQ(made->complete_before, request_.range.to);
  const auto range = RangeOf(table);
  ASSERT_TRUE(range.ok() && *range) << range.status();
  EXPECT_EQ((*range)->from, request_.range.from);
  EXPECT_EQ((*range)->to, request_.range.to);
  EXPECT_EQ(table.metadata.configuration.at("forebay.fingerprint"), request_.fingerprint);
}

TEST_F(RangeTableTest, IsCompleteOnlyAsFarAsTheWholeTableIs) {
  MakeWhole(/*days=*/5, /*rows_a_day=*/20);
  absl::StatusOr<RangeTable> made = WriteRangeTable(request_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->complete_before, kStart + 4 * kDay);
  Snapshot table = LoadSnapshot(*request_.warehouse, kTable, std::nullopt).value();
  EXPECT_EQ(CompleteBefore(table), kStart + 4 * kDay);
}

TEST_F(RangeTableTest, IsThereForTheSameRangeAndDefinitionAlone) {
  MakeWhole(/*days=*/9, /*rows_a_day=*/20);
  EXPECT_EQ(Has().value(), false);
  ASSERT_TRUE(WriteRangeTable(request_).ok());
  EXPECT_EQ(Has().value(), true);
  request_.range.to += 1;
  EXPECT_THAT(Has().status().message(), HasSubstr("Give the view a new version"));
  request_.range.to -= 1;
  request_.fingerprint = "total:9 window:2";
  EXPECT_THAT(Has().status().message(), HasSubstr("view spend version 1 was changed"));
  std::swap(request_.warehouse, request_.whole);
  EXPECT_THAT(Has().status().message(), HasSubstr("holds all of its history"));
}

TEST_F(RangeTableTest, HistoriesDoNotGoIntoIt) {
  MakeWhole(/*days=*/9, /*rows_a_day=*/20);
  ASSERT_TRUE(WriteRangeTable(request_).ok());
  Snapshot table = LoadSnapshot(*request_.warehouse, kTable, std::nullopt).value();
  EXPECT_THAT(CheckOfWholeHistory(table, "spend@1", "place").message(),
              HasSubstr("holds the range " + DescribeRange(request_.range) + " only"));
  Snapshot whole = LoadSnapshot(*request_.whole, kTable, std::nullopt).value();
  EXPECT_EQ(CheckOfWholeHistory(whole, "spend@1", "place"), absl::OkStatus());
}

TEST_F(RangeTableTest, WhatIsBrokenOffLeavesNothing) {
  MakeWhole(/*days=*/9, /*rows_a_day=*/50);
  for (int end = 0; end < 12; end += 3) {
    request_.go_on = [left = end]() mutable {
      return left-- > 0 ? absl::OkStatus() : absl::CancelledError("enough");
    };
    EXPECT_TRUE(absl::IsCancelled(WriteRangeTable(request_).status())) << end;
    EXPECT_THAT(FilesInWarehouse(), ElementsAre()) << end;
  }
}

TEST_F(RangeTableTest, WhoComesSecondLeavesTheTableOfTheFirst) {
  MakeWhole(/*days=*/9, /*rows_a_day=*/50);
  ASSERT_TRUE(WriteRangeTable(request_).ok());
  const std::vector<Row> rows = RowsOf(*request_.warehouse);
  // Another range, so that no file is the same.
  request_.range = {.from = kStart + kDay / 4, .to = kStart + kDay / 2};
  const size_t files = FilesInWarehouse().size();
  EXPECT_TRUE(absl::IsAlreadyExists(WriteRangeTable(request_).status()));
  EXPECT_EQ(FilesInWarehouse().size(), files);
  EXPECT_EQ(RowsOf(*request_.warehouse), rows);
}

TEST_F(RangeTableTest, AViewWithoutRowsHasAnEmptyTable) {
  absl::StatusOr<RangeTable> made = WriteRangeTable(request_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->rows + made->held, 0);
  EXPECT_EQ(Has().value(), true);
  EXPECT_THAT(RowsOf(*request_.warehouse), ElementsAre());
}

}  // namespace
}  // namespace forebay
