#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "offline/compaction/row_reader.h"
#include "offline/delta/delta_table.h"
#include "offline/served/served_log.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

constexpr int64_t kDay = 86'400'000'000;

// Whose rows are of a version of service "fraud".
class ServedLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "served_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    store_ = OpenObjectStore(StoreUri::Folder(folder_));
  }
  void TearDown() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }

  ServedLogOptions Options() {
    return {.warehouse = store_,
            .project = "shop",
            .worker = "0",
            .flush_interval = absl::InfiniteDuration(),
            .say = [this](const std::string& message) { said_.push_back(message); }};
  }

  static std::shared_ptr<const ServedColumns> Columns(uint32_t version = 1) {
    ServedColumns columns{.service = "fraud",
                          .version = version,
                          .views = {"spend@1", "visits@2"},
                          .keys = {{"user_id", DataType::kString}, {"day", DataType::kTimestamp}},
                          .features = {{"spend.paid_1h", DataType::kDouble},
                                       {"visits.last", ListOf(DataType::kInt64)}}};
    return std::make_shared<const ServedColumns>(std::move(columns));
  }

  // An answer of one row, in which the entity is missing.
  static ServedLog::Answer AnswerAt(int64_t time_us, const std::string& id = "r",
                                    std::shared_ptr<const ServedColumns> columns = Columns()) {
    return {.rows = 1, .bytes = 100, .write = [=](const ServedLog::AddRow& add) {
              const std::vector<Value> keys = {"u7", int64_t{5}};
              const Value paid = 12.5, visits = ValueList{int64_t{1}, int64_t{2}};
              const std::vector<const Value*> values = {&paid, &visits};
              const std::vector<std::string_view> statuses = {"PRESENT", "NOT_FOUND"};
              add(columns, {.request_id = id,
                            .entity = 3,
                            .time_us = time_us,
                            .model = "m",
                            .model_version = 8,
                            .shadow_of = 7,
                            .catalog_version = 4,
                            .keys = keys,
                            .values = values,
                            .statuses = statuses});
            }};
  }

  // All rows of a table, as Arrow writes them, by file.
  std::vector<std::string> Rows(uint32_t version = 1) {
    const std::string path = ServedTablePath("shop", "fraud", version);
    auto table = DeltaTable::Open(store_, path);
    if (!table.ok()) return {std::string(table.status().message())};
    std::vector<std::string> rows;
    for (const auto& [file, add] : (*table)->snapshot().files) {
      auto reader =
          RowReader::Open(*store_, path, file, ServedSchema(*Columns(version)), 1000).value();
      while (auto batch = reader->Next().value()) {
        for (int64_t i = 0; i < batch->num_rows(); ++i) {
          std::string text = add.partition_values.at("date");
          for (const auto& column : batch->columns())
            text += " " + column->GetScalar(i).ValueOrDie()->ToString();
          rows.push_back(text);
        }
      }
    }
    std::ranges::sort(rows);
    return rows;
  }

  std::string folder_;
  std::shared_ptr<ObjectStore> store_;
  std::vector<std::string> said_;
};

TEST_F(ServedLogTest, RowsAreInTheTableOfTheirServiceVersionOnceItStops) {
  ServedLog log(Options());
  log.Take(AnswerAt(1, "one"));
  log.Take(AnswerAt(2, "two", Columns(2)));
  log.Stop();
  EXPECT_EQ(log.counts().written, 2);
  EXPECT_THAT(Rows(), ElementsAre("1970-01-01 one 3 1970-01-01 00:00:00.000001Z null 1 "
                                  "list<element: string not null>[spend@1, visits@2] m 8 7 4 u7 "
                                  "1970-01-01 00:00:00.000005Z 12.5 PRESENT "
                                  "list<element: int64 not null>[1, 2] NOT_FOUND"));
  EXPECT_THAT(Rows(2), ElementsAre(HasSubstr("two")));
}

TEST_F(ServedLogTest, EachDayHasAFileOfItsOwn) {
  ServedLog log(Options());
  for (int64_t time : {kDay - 1, kDay, int64_t{-1}}) log.Take(AnswerAt(time));
  log.Stop();
  EXPECT_THAT(Rows(), ElementsAre(HasSubstr("1969-12-31 r"), HasSubstr("1970-01-01 r"),
                                  HasSubstr("1970-01-02 r")));
}

TEST_F(ServedLogTest, WhatThereIsNoRoomForIsDroppedAndCounted) {
  ServedLogOptions options = Options();
  options.most_bytes = 250;
  ServedLog log(std::move(options));
  absl::Notification writing, go_on;
  ServedLog::Answer slow = AnswerAt(1, "slow");
  slow.write = [&, write = slow.write](const ServedLog::AddRow& add) {
    writing.Notify();
    go_on.WaitForNotification();
    write(add);
  };
  log.Take(std::move(slow));
  writing.WaitForNotification();
  for (int i = 0; i < 4; ++i) log.Take(AnswerAt(1, std::to_string(i)));
  EXPECT_EQ(log.counts().dropped, 3) << "one of 100 bytes fits in beside the one being written";
  go_on.Notify();
  log.Stop();
  EXPECT_EQ(log.counts().written, 2);
  log.Take(AnswerAt(1));
  EXPECT_EQ(log.counts().dropped, 4) << "it has stopped";
}

TEST_F(ServedLogTest, FlushesWhenItIsDueOrHasMuch) {
  ServedLogOptions options = Options();
  options.flush_bytes = 200;
  ServedLog log(std::move(options));
  log.Take(AnswerAt(1));
  log.Take(AnswerAt(2));
  while (log.counts().written < 2) absl::SleepFor(absl::Milliseconds(1));
  options = Options();
  options.flush_interval = absl::ZeroDuration();
  options.worker = "1";
  ServedLog eager(std::move(options));
  eager.Take(AnswerAt(3));
  while (eager.counts().written < 1) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(Rows().size(), 3u);
}

TEST_F(ServedLogTest, ATableOfOtherColumnsKeepsItsOwnAndTheRowsAreDropped) {
  const arrow::Schema other({arrow::field("_request_id", arrow::int64())});
  ASSERT_TRUE(DeltaTable::OpenOrCreate(store_, ServedTablePath("shop", "fraud", 1), other, 1).ok());
  ServedLog log(Options());
  log.Take(AnswerAt(1));
  log.Take(AnswerAt(1, "r", Columns(2)));
  log.Stop();
  EXPECT_EQ(log.counts().dropped, 1);
  EXPECT_EQ(log.counts().written, 1);
  EXPECT_THAT(said_, ElementsAre(HasSubstr("1 row was dropped")));
}

// One whose commits fail, or seem to.
class TroubledStore : public ObjectStore {
 public:
  explicit TroubledStore(std::shared_ptr<ObjectStore> store) : store_(std::move(store)) {}

  std::string Describe(std::string_view path) const override { return store_->Describe(path); }
  absl::StatusOr<std::string> Get(std::string_view path) const override {
    return store_->Get(path);
  }
  absl::StatusOr<std::unique_ptr<ObjectReader>> Open(std::string_view path) const override {
    return store_->Open(path);
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
    if (failing_creates > 0 && failing_creates-- > 0) return absl::UnavailableError("away");
    return store_->Create(path);
  }
  absl::Status PutIfAbsent(std::string_view path, std::string_view bytes,
                           std::optional<int64_t> modified_us) override {
    if (path.ends_with("00000.json")) return store_->PutIfAbsent(path, bytes, modified_us);
    if (failing_commits > 0 && failing_commits-- > 0) return absl::UnavailableError("away");
    absl::Status put = store_->PutIfAbsent(path, bytes, modified_us);
    if (lost_answers > 0 && lost_answers-- > 0) return absl::UnavailableError("reset");
    return put;
  }
  absl::Status Delete(std::string_view path) override { return store_->Delete(path); }
  absl::Status DeleteFolder(std::string_view folder) override {
    return store_->DeleteFolder(folder);
  }

  std::atomic<int> failing_creates = 0, failing_commits = 0, lost_answers = 0;

 private:
  const std::shared_ptr<ObjectStore> store_;
};

TEST_F(ServedLogTest, RowsWaitForAStoreThatIsAwayAndAreWrittenOnce) {
  auto troubled = std::make_shared<TroubledStore>(store_);
  ServedTable table(troubled, "shop", "0", Columns());
  auto add = [&](const std::string& id) {
    AnswerAt(1, id).write([&](const auto&, const ServedRow& row) { table.Add(row); });
  };
  auto ids = [&] {
    std::string ids;
    for (const std::string& row : Rows()) ids += row.substr(11, 1);
    return ids;
  };
  add("a");
  troubled->failing_creates = 1;
  EXPECT_TRUE(absl::IsUnavailable(table.Flush(1)));
  add("b");
  troubled->failing_commits = 1;
  EXPECT_FALSE(table.Flush(2).ok());
  EXPECT_EQ(table.rows(), 2);
  add("c");
  EXPECT_EQ(table.Flush(3), absl::OkStatus());
  EXPECT_EQ(ids(), "abc");
  add("d");
  troubled->lost_answers = 1;
  (void)table.Flush(4);
  add("e");
  EXPECT_EQ(table.Flush(5), absl::OkStatus());
  EXPECT_EQ(ids(), "abcde") << "none twice";
  EXPECT_EQ(table.rows(), 0);
}

}  // namespace
}  // namespace forebay
