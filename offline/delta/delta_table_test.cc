#include "offline/delta/delta_table.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "connectors/object_store/testing/s3_server.h"
#include "offline/change_log/change_rows.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/checkpoint.h"
#include "offline/delta/data_file.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kNow = 1'700'000'000'000'000;

class DeltaTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "delta_table_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    store_ = OpenObjectStore(StoreUri::Folder(folder_));
  }
  void TearDown() override { fs::remove_all(folder_); }

  // 4 writers, 10 commits each.
  void WriteConcurrently() {
    Table();
    std::vector<std::thread> writers;
    for (int w = 0; w < 4; ++w) {
      writers.emplace_back([&, w] {
        auto table = Table();
        for (int i = 0; i < 10; ++i) {
          std::string name = std::to_string(w) + "-" + std::to_string(i);
          ASSERT_EQ(table->Append(Request(name, 1), kNow).status(), absl::OkStatus());
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
    auto table = Table();
    EXPECT_EQ(table->snapshot().version, 40);
    EXPECT_EQ(table->snapshot().files.size(), 40u);
  }

  std::unique_ptr<DeltaTable> Table() {
    auto schema = ChangeSchema(project_.feature_views(0), project_.entities(0));
    auto table = DeltaTable::OpenOrCreate(store_, "t", *schema, kNow);
    EXPECT_TRUE(table.ok()) << table.status();
    return *std::move(table);
  }

  // An append of one file that does not exist: the log does not care.
  static AppendRequest Request(const std::string& name, int64_t transaction = 0) {
    AppendRequest request;
    request.files.push_back({.path = "date=2023-11-14/" + name,
                             .partition_values = {{"date", "2023-11-14"}},
                             .size = 7,
                             .modified_ms = 8,
                             .stats = R"({"numRecords":1})"});
    if (transaction > 0) request.transactions["app/" + name] = transaction;
    request.clocks[name] = {transaction * 10, transaction * 10 - 5};
    return request;
  }

  static std::vector<std::string> Lines(const Snapshot& snapshot) {
    std::vector<std::string> lines = {std::to_string(snapshot.version),
                                      std::to_string(snapshot.timestamp_ms),
                                      ToJsonLine(snapshot.protocol), ToJsonLine(snapshot.metadata),
                                      ToJsonLine(CommitInfoAction{.clocks = snapshot.clocks})};
    for (const auto& [app, action] : snapshot.transactions) lines.push_back(ToJsonLine(action));
    for (const auto& [path, action] : snapshot.removed) {
      RemoveAction remove = action;
      remove.data_change = false;
      lines.push_back(ToJsonLine(remove));
    }
    for (const auto& [path, action] : snapshot.files) {
      AddAction add = action;
      add.data_change = false;  // a checkpoint does not tell
      lines.push_back(ToJsonLine(add));
    }
    return lines;
  }

  AddAction WriteFile(const std::shared_ptr<arrow::RecordBatch>& rows,
                      ParquetEncoding encoding = ParquetEncoding::kCompatible) {
    auto file = DataFileWriter::Create(store_.get(), "t", "2023-11-14", *rows->schema(),
                                       *Table()->snapshot().schema, {.encoding = encoding})
                    .value();
    EXPECT_EQ(file->Write({rows}), absl::OkStatus());
    return file->Finish(kNow).value();
  }

  arrow::Result<std::shared_ptr<arrow::Table>> ReadParquet(const std::string& path) {
    try {
      ARROW_ASSIGN_OR_RAISE(auto reader, OpenParquet(OpenArrowFile(*store_, path).value()));
      ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Table> table, reader->ReadTable());
      ARROW_RETURN_NOT_OK(table->ValidateFull());
      return table;
    } catch (const std::exception& e) {
      return arrow::Status::IOError(e.what());
    }
  }

  std::string folder_;
  std::shared_ptr<ObjectStore> store_;
  v1::Project project_ = TestProject();
};

TEST_F(DeltaTableTest, ACheckpointHoldsWhatTheCommitsBeforeItSaid) {
  auto table = Table();
  for (int i = 1; i <= 12; ++i) {
    ASSERT_TRUE(table->Append(Request("file " + std::to_string(i), i), kNow + i).ok());
    ASSERT_TRUE(table->checkpoint_status().ok()) << table->checkpoint_status();
  }
  Snapshot replayed;
  ASSERT_TRUE(RefreshSnapshot(*store_, "t", std::nullopt, &replayed).ok());
  EXPECT_EQ(Lines(table->snapshot()), Lines(replayed));
  for (int version = 0; version < 10; ++version)
    fs::remove(folder_ + "/" + CommitPath("t", version));
  EXPECT_EQ(Lines(DeltaTable::Open(store_, "t").value()->snapshot()), Lines(replayed));
  EXPECT_EQ(LoadSnapshot(*store_, "t", 11)->files.size(), 11u);
  EXPECT_TRUE(absl::IsNotFound(LoadSnapshot(*store_, "t", 13).status()));

  // Without the hint, or with a damaged one, the checkpoint is found all the same.
  std::ofstream(folder_ + "/t/_delta_log/_last_checkpoint") << "{";
  EXPECT_EQ(Lines(DeltaTable::Open(store_, "t").value()->snapshot()), Lines(replayed));
}

TEST_F(DeltaTableTest, ALostOrDamagedCheckpointIsMadeAgainFromTheCommits) {
  auto table = Table();
  for (int i = 1; i <= 21; ++i) ASSERT_TRUE(table->Append(Request("f", i), kNow + i).ok());
  const std::string checkpoint = folder_ + "/" + CheckpointPath("t", 20);
  const std::vector<std::string> want = Lines(table->snapshot());
  std::ostringstream whole;
  whole << std::ifstream(checkpoint, std::ios::binary).rdbuf();
  for (int version = 0; version < 10; ++version)  // the checkpoint of version 10 stands for them
    fs::remove(folder_ + "/" + CommitPath("t", version));
  for (bool lost : {true, false}) {
    lost ? (void)fs::remove(checkpoint) : fs::resize_file(checkpoint, 100);
    auto opened = DeltaTable::Open(store_, "t");
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(Lines((*opened)->snapshot()), want);
    ASSERT_EQ((*opened)->MendCheckpoint(), absl::OkStatus());
    fs::rename(folder_ + "/" + CommitPath("t", 15), folder_ + "/kept");
    EXPECT_EQ(Lines(DeltaTable::Open(store_, "t").value()->snapshot()), want) << "it is whole";
    fs::rename(folder_ + "/kept", folder_ + "/" + CommitPath("t", 15));
  }
}

TEST_F(DeltaTableTest, ALostCheckpointWhoseCommitsAreNotAllThereIsNoEmptyTable) {
  auto table = Table();
  for (int i = 1; i <= 10; ++i) ASSERT_TRUE(table->Append(Request("f", i), kNow).ok());
  fs::remove(folder_ + "/" + CommitPath("t", 3));
  ASSERT_TRUE(DeltaTable::Open(store_, "t").ok());
  for (bool lost : {false, true}) {
    const std::string checkpoint = folder_ + "/" + CheckpointPath("t", 10);
    lost ? (void)fs::remove(checkpoint) : fs::resize_file(checkpoint, 100);
    absl::Status status = DeltaTable::Open(store_, "t").status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(CheckpointPath("t", 10)));
    EXPECT_THAT(std::string(status.message()), HasSubstr("up to version 2 alone: put the files"));
  }
}

TEST_F(DeltaTableTest, ACommitThatLacksInTheMiddleIsNamed) {
  auto table = Table();
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(table->Append(Request("f", i), kNow).ok());
  fs::remove(folder_ + "/" + CommitPath("t", 3));
  absl::Status status = DeltaTable::Open(store_, "t").status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(CommitPath("t", 3) + " is missing"));
  fs::remove(folder_ + "/" + CommitPath("t", 4));
  fs::remove(folder_ + "/" + CommitPath("t", 5));
  EXPECT_EQ(DeltaTable::Open(store_, "t").value()->snapshot().version, 2);
}

TEST_F(DeltaTableTest, ACommitCutAnywhereIsNoCommit) {
  auto table = Table();
  ASSERT_TRUE(table->Append(Request("f", 1), kNow).ok());
  const std::string path = folder_ + "/" + CommitPath("t", 1);
  for (auto size = static_cast<int64_t>(fs::file_size(path)) - 2; size >= 0; --size) {
    fs::resize_file(path, size);
    absl::Status status = DeltaTable::Open(store_, "t").status();
    ASSERT_TRUE(absl::IsDataLoss(status)) << size << status;
    ASSERT_THAT(std::string(status.message()), HasSubstr(CommitPath("t", 1) + " is damaged"));
    ASSERT_THAT(std::string(status.message()), HasSubstr("`forebay reset`"));
  }
}

// Whatever byte of its pages changes, a data file gives its rows or an error.
TEST_F(DeltaTableTest, AChangedByteInAPageIsNoOtherValue) {
  std::vector<TestRow> rows;
  for (int i = 0; i < 40; ++i) {
    rows.push_back({.offset = i,
                    .key = "user-" + std::to_string(i % 7),
                    .effective_time = kNow + i,
                    .total = 1.25 * i,
                    .events = i * 1000,
                    .country = std::string(1, static_cast<char>('A' + i % 20))});
  }
  AddAction file = WriteFile(TestRows(project_, rows));
  const std::string path = "t/" + file.path;
  std::shared_ptr<arrow::Table> whole = ReadParquet(path).ValueOrDie();
  ASSERT_EQ(whole->num_rows(), 40);
  const std::string bytes = store_->Get(path).value();
  uint32_t footer;
  std::memcpy(&footer, bytes.data() + bytes.size() - 8, sizeof footer);
  int caught = 0;
  for (size_t place = 4; place < bytes.size() - 8 - footer; ++place) {
    std::string changed = bytes;
    changed[place] = static_cast<char>(changed[place] ^ (1 << (place % 8)));
    ASSERT_TRUE(store_->Put(path, changed).ok());
    auto read = ReadParquet(path);
    if (read.ok()) {
      ASSERT_TRUE((*read)->Equals(*whole)) << "byte " << place;
    } else {
      caught += read.status().message().find("page") != std::string::npos ? 1 : 0;
    }
  }
  EXPECT_GT(caught, 0);
}

TEST_F(DeltaTableTest, AWriterThatCameSecondTakesTheNextVersion) {
  auto first = Table();
  auto second = Table();
  EXPECT_EQ(first->Append(Request("a", 1), kNow).value(), 1);
  EXPECT_EQ(second->Append(Request("b", 1), kNow).value(), 2);
  EXPECT_EQ(first->Append(Request("a", 2), kNow).value(), 3);
  EXPECT_EQ(first->TransactionVersion("app/a"), 2);
  EXPECT_EQ(first->TransactionVersion("app/b"), 1);
  EXPECT_EQ(first->snapshot().clocks, (TaskClocks{{"a", {20, 15}}, {"b", {10, 5}}}));
}

TEST_F(DeltaTableTest, AWriterWhoseTransactionAnotherMovedIsAborted) {
  auto first = Table();
  auto second = Table();
  ASSERT_TRUE(first->Append(Request("a", 1), kNow).ok());
  EXPECT_TRUE(absl::IsAborted(second->Append(Request("a", 1), kNow).status()));
  EXPECT_EQ(second->snapshot().version, 1);
}

TEST_F(DeltaTableTest, ConcurrentWritersLoseNoCommit) { WriteConcurrently(); }

TEST_F(DeltaTableTest, ConcurrentWritersToABucketThatDoesNotAnswerAllLoseNoCommit) {
  S3Server& server = S3Server::Get();
  server.MakeBucket("delta");
  store_ = OpenObjectStore(StoreUri::Parse("s3://delta/w").value(), server.Settings());
  // Each commit is done without an answer once, or refused for the time being.
  const char* faults[] = {"done_reset", "slow_down", "done_error"};
  for (int version = 1; version <= 40; ++version)
    server.Fail(faults[version % 3], "PUT", fmt::format("{:020}.json", version));
  WriteConcurrently();
  server.Mend();
}

TEST_F(DeltaTableTest, CommitTimesIncreaseThoughTheClockDoesNot) {
  auto table = Table();
  ASSERT_TRUE(table->Append(Request("a"), kNow).ok());
  ASSERT_TRUE(table->Append(Request("b"), kNow - 5'000'000).ok());
  std::vector<int64_t> times;
  auto objects = store_->List("t/_delta_log");
  for (const ObjectInfo& object : *objects) {
    times.push_back(object.modified_us);
  }
  EXPECT_THAT(times, ElementsAre(kNow, kNow + 1000, kNow + 2000));
}

TEST_F(DeltaTableTest, AddsNullableColumnsOnce) {
  auto table = Table();
  auto added = arrow::schema({arrow::field("extra", arrow::float64(), false)});
  ASSERT_TRUE(table->AddColumns(*added, kNow).ok());
  ASSERT_TRUE(table->AddColumns(*added, kNow).ok());
  EXPECT_EQ(table->snapshot().version, 1);
  auto again = DeltaTable::Open(store_, "t").value();
  EXPECT_TRUE(again->DataSchema()->GetFieldByName("extra")->nullable());
  auto other = arrow::schema({arrow::field("extra", arrow::utf8())});
  EXPECT_TRUE(absl::IsFailedPrecondition(table->AddColumns(*other, kNow)));
  auto another_case = arrow::schema({arrow::field("Extra", arrow::float64())});
  absl::Status status = table->AddColumns(*another_case, kNow);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("from which Extra differs in case only"));
}

TEST_F(DeltaTableTest, ChangesAPropertyThoughOthersDoAtTheSameTime) {
  auto table = Table();
  auto other = Table();
  auto append = [](std::string text) {
    return [text](const std::string& value) { return value + text; };
  };
  ASSERT_TRUE(table->ChangeProperty("words", append("a"), kNow).ok());
  ASSERT_TRUE(other->ChangeProperty("words", append("b"), kNow).ok());
  ASSERT_TRUE(table->ChangeProperty("words", append("c"), kNow).ok());
  ASSERT_TRUE(table->ChangeProperty("words", append(""), kNow).ok());
  auto again = DeltaTable::Open(store_, "t").value();
  EXPECT_EQ(again->snapshot().metadata.configuration.at("words"), "abc");
  EXPECT_EQ(again->snapshot().version, 3);
}

TEST_F(DeltaTableTest, RefusesATableOfANewerProtocol) {
  Table();
  std::ofstream(folder_ + "/" + CommitPath("t", 1))
      << R"({"protocol":{"minReaderVersion":1,"minWriterVersion":7}})";
  absl::Status status = Table()->Append(Request("a"), kNow).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  std::ofstream(folder_ + "/" + CommitPath("t", 2))
      << R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7}})";
  EXPECT_TRUE(absl::IsFailedPrecondition(DeltaTable::Open(store_, "t").status()));
}

TEST_F(DeltaTableTest, SaysWhichCommitIsDamaged) {
  Table();
  std::ofstream(folder_ + "/" + CommitPath("t", 1)) << "{\"txn\":{}}\n{";
  absl::Status status = DeltaTable::Open(store_, "t").status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("00000000000000000001.json is damaged: line 1"));
}

TEST_F(DeltaTableTest, IgnoresActionsThatMayBeIgnored) {
  Table();
  std::ofstream(folder_ + "/" + CommitPath("t", 1)) << R"({"cdc":{"path":"x"}})"
                                                    << "\n"
                                                    << R"({"add":null,"checkpointMetadata":{}})"
                                                    << "\n";
  EXPECT_EQ(DeltaTable::Open(store_, "t").value()->snapshot().version, 1);
}

TEST_F(DeltaTableTest, HoldsListsOfEveryType) {
  v1::FeatureView* view = project_.mutable_feature_views(0);
  for (int type = v1::BOOL_LIST; type <= v1::TIMESTAMP_LIST; ++type) {
    v1::Feature* feature = view->add_features();
    feature->set_name("list_" + std::to_string(type));
    feature->set_type(static_cast<v1::DataType>(type));
  }
  auto schema = ChangeSchema(*view, project_.entities(0));
  auto table = Table();
  EXPECT_THAT(table->snapshot().metadata.schema,
              HasSubstr(R"({"name":"list_22","type":{"type":"array","elementType":"timestamp",)"
                        R"("containsNull":false},"nullable":true,"metadata":)"
                        R"({"forebay.field_id":15,"forebay.element_id":16}})"));
  auto again = DeltaTable::Open(store_, "t").value();
  EXPECT_EQ(again->CheckColumns(*schema), absl::OkStatus());
  view->mutable_features(3)->set_type(v1::INT64_LIST);
  absl::Status status = again->CheckColumns(*ChangeSchema(*view, project_.entities(0)));
  EXPECT_THAT(std::string(status.message()), HasSubstr("its column list_17 is list<element: bool"));
}

TEST_F(DeltaTableTest, ACheckpointForgetsWhatWasRemovedBeforeTheRetention) {
  auto table = Table();
  constexpr int64_t kSecond = 1'000'000;
  ASSERT_EQ(table->SetProperties(RetentionProperties(absl::Seconds(100)), kNow), absl::OkStatus());
  ASSERT_TRUE(table->Append(Request("old"), kNow).ok());
  ASSERT_TRUE(table->Append(Request("newer"), kNow).ok());
  auto remove = [&](const std::string& name, int64_t at) {
    RewriteRequest request{.operation = "OPTIMIZE",
                           .replacements = {{.removed = {"date=2023-11-14/" + name}, .added = {}}}};
    EXPECT_EQ(table->Rewrite(request, at).value(), std::vector<bool>{true});
  };
  remove("old", kNow + kSecond);
  remove("newer", kNow + 60 * kSecond);
  while (table->snapshot().version < 10)
    ASSERT_TRUE(table->Append(Request("x"), kNow + 150 * kSecond).ok());
  std::vector<std::string> removed;
  const std::vector<Action> actions = ReadCheckpoint(*store_, "t", 10).value();
  for (const Action& action : actions) {
    if (const auto* tombstone = std::get_if<RemoveAction>(&action))
      removed.push_back(tombstone->path);
  }
  EXPECT_THAT(removed, ElementsAre("date=2023-11-14/newer"));
}

TEST_F(DeltaTableTest, OnlyCompactDataFilesHaveDoublesThatSparkRefuses) {
  auto rows = TestRows(project_, {{.offset = 1, .key = "b", .effective_time = kNow, .total = 1}});
  auto splits_bytes = [&](ParquetEncoding encoding) {
    AddAction file = WriteFile(rows, encoding);
    auto reader = parquet::ParquetFileReader::OpenFile(folder_ + "/t/" + file.path);
    auto total = reader->metadata()->RowGroup(0)->ColumnChunk(1);
    std::vector<parquet::Encoding::type> used = total->encodings();
    return std::count(used.begin(), used.end(), parquet::Encoding::BYTE_STREAM_SPLIT) > 0;
  };
  EXPECT_FALSE(splits_bytes(ParquetEncoding::kCompatible));
  EXPECT_TRUE(splits_bytes(ParquetEncoding::kCompact));
}

TEST_F(DeltaTableTest, DataFilesSayHowManyRowsAndNullsTheyHaveAndNoMore) {
  auto rows = TestRows(project_, {{.offset = 1, .key = "b", .effective_time = kNow, .total = 1},
                                  {.offset = 2, .key = "a", .effective_time = kNow + 1}});
  AddAction file = WriteFile(rows);
  EXPECT_THAT(file.path, ::testing::MatchesRegex("date=2023-11-14/part-[0-9a-f-]+\\.parquet"));
  EXPECT_EQ(file.size, static_cast<int64_t>(fs::file_size(folder_ + "/t/" + file.path)));
  EXPECT_THAT(file.stats, HasSubstr(R"("numRecords":2)"));
  EXPECT_THAT(file.stats,
              HasSubstr(R"("nullCount":{"user_id":0,"total":1,"events":0,"last_country":2)"));
  EXPECT_THAT(file.stats, ::testing::Not(HasSubstr("Values")));
}

}  // namespace
}  // namespace forebay
