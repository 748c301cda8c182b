#include "offline/history/key_history.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>

#include "engine/state/key.h"
#include "offline/change_log/change_rows.h"
#include "offline/history/paged_file.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kDay = 86'400 * kMicrosPerSecond;
constexpr int64_t kStart = 19'700 * kDay;  // a midnight

// How the files of a table are laid out.
struct Layout {
  bool sorted = true;  // by (key hash, key, time), else as the rows come
  bool page_index = true;
  bool statistics = true;
  bool tags = true;
  int64_t rows_per_group = 1000;
  int64_t rows_per_page = 100;
};

// Counts what is read of the store beneath.
class CountingStore : public ObjectStore {
 public:
  explicit CountingStore(std::shared_ptr<ObjectStore> store) : store_(std::move(store)) {}

  mutable std::atomic<int64_t> requests = 0;
  mutable std::atomic<int64_t> bytes = 0;

  std::string Describe(std::string_view path) const override { return store_->Describe(path); }
  absl::StatusOr<std::string> Get(std::string_view path) const override {
    ++requests;
    return store_->Get(path);
  }
  absl::StatusOr<std::unique_ptr<ObjectReader>> Open(std::string_view path) const override {
    auto reader = store_->Open(path);
    if (!reader.ok()) return reader;
    return std::make_unique<Reader>(this, *std::move(reader));
  }
  absl::StatusOr<std::vector<ObjectInfo>> ListAfter(std::string_view folder,
                                                    std::string_view after) const override {
    return store_->ListAfter(folder, after);
  }
  absl::StatusOr<std::vector<std::string>> ListFolders(std::string_view folder) const override {
    return store_->ListFolders(folder);
  }
  absl::Status Put(std::string_view path, std::string_view bytes) override {
    return store_->Put(path, bytes);
  }
  absl::StatusOr<std::unique_ptr<ObjectWriter>> Create(std::string_view path) override {
    return store_->Create(path);
  }
  absl::Status PutIfAbsent(std::string_view path, std::string_view bytes,
                           std::optional<int64_t> modified_us) override {
    return store_->PutIfAbsent(path, bytes, modified_us);
  }
  absl::Status Delete(std::string_view path) override { return store_->Delete(path); }
  absl::Status DeleteFolder(std::string_view folder) override {
    return store_->DeleteFolder(folder);
  }

 private:
  class Reader : public ObjectReader {
   public:
    Reader(const CountingStore* store, std::unique_ptr<ObjectReader> reader)
        : store_(*store), reader_(std::move(reader)) {}
    int64_t size() const override { return reader_->size(); }
    absl::StatusOr<int64_t> ReadAt(int64_t offset, int64_t length, void* out) const override {
      ++store_.requests;
      store_.bytes += length;
      return reader_->ReadAt(offset, length, out);
    }

   private:
    const CountingStore& store_;
    std::unique_ptr<ObjectReader> reader_;
  };

  std::shared_ptr<ObjectStore> store_;
};

class KeyHistoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "key_history_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    store_ = std::make_shared<CountingStore>(OpenObjectStore(StoreUri::Folder(folder_)));
    auto fields = ChangeSchema(project_.feature_views(0), project_.entities(0))->fields();
    fields.push_back(arrow::field("date", arrow::date32()));
    snapshot_.schema = arrow::schema(fields);
    snapshot_.metadata.partition_columns = {"date"};
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::vector<TestRow> Hashed(std::vector<TestRow> rows) {
    for (TestRow& row : rows) {
      if (!row.key_hash) row.key_hash = KeyHash(HashedKey(row.key));
    }
    return rows;
  }

  // A file of rows of one date.
  std::string AddFile(std::vector<TestRow> rows, const Layout& layout) {
    rows = Hashed(std::move(rows));
    auto hash = [](const TestRow& row) { return *row.key_hash; };
    if (layout.sorted) {
      std::sort(rows.begin(), rows.end(), [&](const TestRow& a, const TestRow& b) {
        return std::tuple(hash(a), a.key, a.effective_time) <
               std::tuple(hash(b), b.key, b.effective_time);
      });
    }
    const std::string date = FormatDate(rows[0].effective_time);
    AddAction add{.path = "date=" + date + "/" + std::to_string(snapshot_.files.size()),
                  .partition_values = {{"date", date}}};
    if (layout.tags) {
      auto [least, greatest] = std::minmax_element(
          rows.begin(), rows.end(),
          [&](const TestRow& a, const TestRow& b) { return hash(a) < hash(b); });
      auto [first, last] = std::minmax_element(
          rows.begin(), rows.end(),
          [](const TestRow& a, const TestRow& b) { return a.effective_time < b.effective_time; });
      add.tags = {{"forebay.key_hash_min", std::to_string(hash(*least))},
                  {"forebay.key_hash_max", std::to_string(hash(*greatest))},
                  {"forebay.effective_min", std::to_string(first->effective_time)},
                  {"forebay.effective_max", std::to_string(last->effective_time)}};
    }
    EXPECT_TRUE(store_->Put("t/" + add.path, Encode(TestRows(project_, rows), layout)).ok());
    return snapshot_.files.emplace(add.path, add).first->first;
  }

  static std::string Encode(const std::shared_ptr<arrow::RecordBatch>& rows, const Layout& layout) {
    parquet::WriterProperties::Builder properties;
    properties.max_row_group_length(layout.rows_per_group)
        ->max_rows_per_page(layout.rows_per_page)
        ->write_batch_size(layout.rows_per_page)
        ->enable_page_checksum()
        ->compression(arrow::Compression::ZSTD)
        ->disable_dictionary()
        ->enable_dictionary("user_id");
    if (layout.page_index) properties.enable_write_page_index();
    if (!layout.statistics) properties.disable_statistics();
    auto table = arrow::Table::FromRecordBatches({rows}).ValueOrDie();
    auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
    EXPECT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out,
                                           layout.rows_per_group, properties.build())
                    .ok());
    return out->Finish().ValueOrDie()->ToString();
  }

  absl::StatusOr<std::shared_ptr<arrow::Table>> History(const std::string& key,
                                                        TimeRange times = {}) {
    KeyHistoryRequest request{.store = store_,
                              .table = "t",
                              .snapshot = &snapshot_,
                              .entity = &project_.entities(0),
                              .key = key,
                              .times = times,
                              .cost = cost_};
    reads_ = {};
    arrow::RecordBatchVector batches;
    absl::Status status = ReadKeyHistory(
        request,
        [&](std::shared_ptr<arrow::RecordBatch> rows) {
          batches.push_back(std::move(rows));
          return absl::OkStatus();
        },
        &reads_);
    if (!status.ok()) return status;
    auto schema = ChangeSchema(project_.feature_views(0), project_.entities(0));
    return arrow::Table::FromRecordBatches(schema, batches)
        .ValueOrDie()
        ->CombineChunks()
        .ValueOrDie();
  }

  void ExpectHistory(const std::string& key, const std::vector<TestRow>& all,
                     TimeRange times = {}) {
    std::vector<TestRow> wanted;
    for (const TestRow& row : all) {
      if (row.key == key && times.Holds(row.effective_time)) wanted.push_back(row);
    }
    std::sort(wanted.begin(), wanted.end(), [](const TestRow& a, const TestRow& b) {
      return a.effective_time < b.effective_time;
    });
    auto found = History(key, times);
    ASSERT_TRUE(found.ok()) << found.status();
    auto expected =
        arrow::Table::FromRecordBatches({TestRows(project_, Hashed(wanted))}).ValueOrDie();
    EXPECT_TRUE((*found)->Equals(*expected->CombineChunks().ValueOrDie()))
        << key << "\n"
        << (*found)->ToString() << "\n"
        << expected->ToString();
  }

  v1::Project project_ = TestProject();
  std::string folder_;
  std::shared_ptr<CountingStore> store_;
  Snapshot snapshot_;
  ReadCost cost_;
  HistoryReads reads_;
};

// `keys` keys, each with one row every `step` of a day.
std::vector<TestRow> RowsOfADay(int64_t day, int keys, int64_t step) {
  std::vector<TestRow> rows;
  for (int64_t time = kStart + day * kDay; time < kStart + (day + 1) * kDay; time += step) {
    for (int key = 0; key < keys; ++key) {
      rows.push_back({.offset = static_cast<int64_t>(rows.size()),
                      .key = "user-" + std::to_string(key),
                      .effective_time = time + key,
                      .total = static_cast<double>(time % 1000 + key),
                      .events = key,
                      .country = "c" + std::to_string(key % 7)});
    }
  }
  return rows;
}

TEST_F(KeyHistoryTest, ReadsTheFewPagesThatHoldTheKey) {
  std::vector<TestRow> all;
  for (int64_t day = 0; day < 3; ++day) {
    auto rows = RowsOfADay(day, /*keys=*/500, /*step=*/kDay / 10);  // 5 row groups of 10 pages
    cost_.tail = 16;  // so that every read of an index counts
    AddFile(rows, {});
    all.insert(all.end(), rows.begin(), rows.end());
  }
  ExpectHistory("user-7", all);
  EXPECT_EQ(reads_.rows, 30);
  EXPECT_EQ(reads_.files, 3);
  EXPECT_EQ(reads_.row_groups, 3);
  const int64_t columns = snapshot_.schema->num_fields() - 1;
  EXPECT_EQ(reads_.pages,
            3 * (1 + columns));  // of each file the hashes, then a page of each column

  ExpectHistory("user-7", all, {kStart + kDay, kStart + 2 * kDay});
  EXPECT_EQ(reads_.files, 1);
  EXPECT_EQ(reads_.files_skipped, 2);
}

TEST_F(KeyHistoryTest, LeavesFilesOfOtherKeysAndTimesUnopened) {
  auto rows = RowsOfADay(0, 500, kDay / 10);
  std::sort(rows.begin(), rows.end(), [](const TestRow& a, const TestRow& b) {
    return KeyHash(HashedKey(a.key)) < KeyHash(HashedKey(b.key));
  });
  const auto middle = rows.begin() + 2500;
  AddFile({rows.begin(), middle}, {});
  AddFile({middle, rows.end()}, {});
  ExpectHistory("user-7", rows);
  EXPECT_EQ(reads_.files, 1);
  EXPECT_EQ(reads_.files_skipped, 1);
  ExpectHistory("user-7", rows, {kStart + kDay / 2, kStart + kDay / 2 + 1});
  EXPECT_EQ(reads_.files_skipped, 1);
  ExpectHistory("user-7", rows, {kStart + kDay - 1, INT64_MAX});  // after the last row
  EXPECT_EQ(reads_.files_skipped, 2);
}

TEST_F(KeyHistoryTest, AsksAnObjectStoreFewTimes) {
  auto rows = RowsOfADay(0, 2000, kDay / 50);
  AddFile(rows, {.rows_per_group = 20'000, .rows_per_page = 2'000});
  cost_ = {.gap = 4 << 10, .tail = 64 << 10, .files_at_once = 4, .overlap = true};
  store_->requests = store_->bytes = 0;
  ExpectHistory("user-7", rows);
  EXPECT_LE(store_->requests, 1 + 1 + 13);  // the file's end; hashes; each column once
  EXPECT_EQ(store_->requests, reads_.requests);
  EXPECT_EQ(store_->bytes, reads_.bytes);
  EXPECT_LT(
      store_->bytes,
      static_cast<int64_t>(fs::file_size(folder_ + "/t/" + snapshot_.files.begin()->first)) / 2);
  cost_ = ReadCost::OfObjectStore();
  store_->requests = 0;
  ExpectHistory("user-7", rows);
  EXPECT_LE(store_->requests, 3);
}

TEST_F(KeyHistoryTest, AgreesWithAScanOfRandomTablesOfAnyLayout) {
  std::mt19937 random(7);
  auto below = [&](int64_t n) { return static_cast<int64_t>(random() % n); };
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    snapshot_.files.clear();
    std::vector<TestRow> all;
    const int64_t keys = 1 + below(60);
    for (int64_t day = 0; day < 3; ++day) {
      for (int64_t file = below(3); file >= 0; --file) {
        std::vector<TestRow> rows;
        for (int64_t i = below(900); i >= 0; --i) {
          TestRow row{.offset = i,
                      .key = std::string(1, static_cast<char>('a' + below(keys))),
                      .effective_time = kStart + day * kDay + below(kDay),
                      .op = below(5) == 0 ? "expire" : "event",
                      .events = below(100)};
          if (below(4) != 0) row.total = static_cast<double>(below(1000)) / 8;
          if (below(4) != 0) row.country = std::string(below(20), 'x');
          rows.push_back(row);
        }
        const Layout layout{.sorted = below(2) == 0,
                            .page_index = below(3) != 0,
                            .statistics = below(3) != 0,
                            .tags = below(2) == 0,
                            .rows_per_group = 1 + below(500),
                            .rows_per_page = 1 + below(100)};
        AddFile(rows, layout);
        all.insert(all.end(), rows.begin(), rows.end());
      }
    }
    cost_ = below(2) == 0 ? ReadCost::OfDisk() : ReadCost::OfObjectStore();
    for (int question = 0; question < 6; ++question) {
      const std::string key(1, static_cast<char>('a' + below(keys)));
      TimeRange times;
      if (below(2) == 0) times.from = kStart + below(3 * kDay);
      if (below(2) == 0) times.to = kStart + below(3 * kDay);
      ExpectHistory(key, all, times);
    }
    ExpectHistory("nobody", all);
  }
}

TEST_F(KeyHistoryTest, KeysOfOneHashAreToldApart) {
  auto rows = RowsOfADay(0, 3, kDay / 10);
  for (TestRow& row : rows) row.key_hash = KeyHash(HashedKey("user-1"));
  AddFile(rows, {});
  ExpectHistory("user-1", rows);
  EXPECT_EQ(reads_.rows, 10);
}

TEST_F(KeyHistoryTest, ColumnsThatAFileLacksAreNullAndOtherWidthsAreConverted) {
  auto rows = RowsOfADay(0, 3, kDay / 10);
  auto batch = TestRows(project_, Hashed(rows));
  batch = batch->RemoveColumn(batch->schema()->GetFieldIndex("last_country")).ValueOrDie();
  const int events = batch->schema()->GetFieldIndex("events");
  arrow::Int32Builder narrow;
  for (const TestRow& row : rows) ASSERT_TRUE(narrow.Append(static_cast<int32_t>(row.events)).ok());
  batch = batch->SetColumn(events, arrow::field("events", arrow::int32()), *narrow.Finish())
              .ValueOrDie();
  ASSERT_TRUE(store_->Put("t/x", Encode(batch, {})).ok());
  snapshot_.files["x"] = {.path = "x"};
  for (TestRow& row : rows) row.country = std::nullopt;
  ExpectHistory("user-2", rows);
}

TEST_F(KeyHistoryTest, ADamagedPageIsNamed) {
  auto rows = RowsOfADay(0, 50, kDay / 10);
  const std::string path = AddFile(rows, {});
  std::string bytes = store_->Get("t/" + path).value();
  for (size_t i = 40; i < bytes.size() * 3 / 4; i += 16) bytes[i] ^= 0x55;
  ASSERT_TRUE(store_->Put("t/" + path, bytes).ok());
  auto found = History("user-7");
  EXPECT_TRUE(absl::IsDataLoss(found.status())) << found.status();
  EXPECT_THAT(std::string(found.status().message()), HasSubstr(path));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("page "));
}

TEST_F(KeyHistoryTest, FilesMayBeElsewhere) {
  auto rows = RowsOfADay(0, 5, kDay / 10);
  const std::string path = AddFile(rows, {});
  AddAction moved = snapshot_.files[path];
  fs::create_directories(folder_ + "/cold");
  fs::rename(folder_ + "/t/" + path, folder_ + "/cold/x.parquet");
  moved.path = "file://" + folder_ + "/cold/x.parquet";
  snapshot_.files = {{moved.path, moved}};
  ExpectHistory("user-3", rows);
}

TEST_F(KeyHistoryTest, AMissingFileIsNamed) {
  const std::string path = AddFile(RowsOfADay(0, 5, kDay / 10), {});
  ASSERT_TRUE(store_->Delete("t/" + path).ok());
  auto found = History("user-3");
  EXPECT_TRUE(absl::IsDataLoss(found.status())) << found.status();
  EXPECT_THAT(std::string(found.status().message()), HasSubstr(path + ": it is missing"));
}

}  // namespace
}  // namespace forebay
