#include "offline/sink/offline_sink.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>

#include <filesystem>
#include <fstream>

#include "connectors/object_store/testing/s3_server.h"
#include "engine/batch/archive_batch.h"
#include "engine/state/change.h"
#include "engine/task/change_rows.h"
#include "offline/change_log/change_rows.h"
#include "offline/change_log/file_size_limit.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/delta_table.h"
#include "offline/sink/leftovers.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kDay = 86'400'000'000;
constexpr int64_t kNow = 1'700'000'000'000'000;

class OfflineSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "offline_sink_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    Start();
  }
  void TearDown() override {
    sink_.reset();
    fs::remove_all(folder_);
  }

  // A new process: whatever the last one had in memory is gone.
  void Start() {
    sink_.reset();
    sink_ = std::make_unique<OfflineSink>(
        project_, OfflineSinkOptions{.state_folder = State(),
                                     .warehouse = Store(),
                                     .flush_interval = absl::InfiniteDuration(),
                                     .flush_bytes = flush_bytes_,
                                     .early_bytes = early_bytes_,
                                     .first_retry = absl::InfiniteDuration(),
                                     .longest_retry = absl::InfiniteDuration(),
                                     .now_us = [] { return kNow; },
                                     .say = [this](const std::string& said) { said_ += said; }});
  }

  std::string State() const { return folder_ + "/state"; }
  std::string Warehouse() const { return folder_ + "/warehouse"; }
  std::shared_ptr<ObjectStore> Store() const {
    return in_bucket_
               ? OpenObjectStore(StoreUri::Parse("s3://sink/w").value(), S3Server::Get().Settings())
               : OpenObjectStore(StoreUri::Folder(Warehouse()));
  }
  std::string LogFolder() const { return State() + "/transactions-0/change_log"; }

  absl::Status Commit(int64_t position, const std::vector<TestRow>& rows, int view = 0,
                      const TaskId* task = nullptr) {
    TaskOutput output{.task = task == nullptr ? task_ : *task,
                      .position = Offset(position),
                      .clock = KnownTime(position * 10),
                      .complete_before = KnownTime(position * 10 - 5)};
    if (!rows.empty()) SetRows(*sink_, rows, &output, view);
    const TaskOutput* outputs[] = {&output};
    return sink_->Commit(outputs);
  }

  // As a task gives them to the sink.
  void SetRows(const OfflineSink& sink, const std::vector<TestRow>& rows, TaskOutput* output,
               int view = 0) const {
    if (sink.Wants(view).which == WantedSteps::Which::kNone) return;
    PartitionId partition = output->task.partition;
    std::vector<ChangeBatch> batches = {{view, TestRows(project_, rows, view, partition.value())}};
    output->parts.emplace_back(
        &sink, std::make_unique<ChangeRows>(project_, partition, std::move(batches)));
  }

  // As a worker does whose state knows of this last row of the view spend.
  absl::Status OpenAndCheck(std::optional<Offset> last_row) {
    if (absl::Status status = sink_->Open(task_).status(); !status.ok()) return status;
    LastRow rows[] = {{.view = 0, .offset = last_row}};
    return sink_->CheckRows(task_, rows);
  }

  std::unique_ptr<DeltaTable> Table(const std::string& view = "spend") {
    return DeltaTable::Open(Store(), "offline/" + view + "/v1").value();
  }

  // "partition:offset:key" of every row of the table, files in the order of their commits.
  std::vector<std::string> TableRows(const std::string& view = "spend") {
    auto store = Store();
    std::vector<std::string> rows;
    int64_t newest = Table(view)->snapshot().version;
    for (int64_t version = 0; version <= newest; ++version) {
      auto actions = ReadCommit(*store, "offline/" + view + "/v1", version);
      for (const Action& action : *actions) {
        if (const AddAction* add = std::get_if<AddAction>(&action)) {
          AppendRows(*store, "offline/" + view + "/v1/" + add->path, &rows);
        }
      }
    }
    return rows;
  }

  static void AppendRows(const ObjectStore& store, const std::string& path,
                         std::vector<std::string>* out) {
    auto reader =
        parquet::arrow::OpenFile(OpenArrowFile(store, path).value(), arrow::default_memory_pool())
            .ValueOrDie();
    auto table = reader->ReadTable().ValueOrDie()->CombineChunks().ValueOrDie();
    auto text = [&](const char* name, int64_t i) {
      return table->GetColumnByName(name)->GetScalar(i).ValueOrDie()->ToString();
    };
    for (int64_t i = 0; i < table->num_rows(); ++i) {
      out->push_back(fmt::format("{}:{}:{}", text("_source_partition", i),
                                 text("_source_offset", i), text("user_id", i)));
    }
  }

  // What a task has made since its last cut: a step of key "a" at each of some offsets.
  TaskOutput Output() {
    TaskOutput output{.task = task_};
    output.parts.emplace_back(sink_.get(), sink_->Prepare(task_));
    return output;
  }
  static void Apply(int64_t offset, TaskOutput* output) {
    std::vector<Scalar> features = {Scalar::Double(0.5), Scalar::Int64(1), Scalar::String("US")};
    SinkPart& part = *output->parts[0].second;
    part.Take(0,
              {.key = HashedKey("a"),
               .effective_time = offset,
               .event_time = offset,
               .known_time = offset,
               .op = ChangeOp::kEvent,
               .offset = offset,
               .ordinal = 0},
              features.data());
    output->position = Offset(offset);
    output->clock = output->complete_before = KnownTime(offset);
    part.Review(output);
  }
  absl::Status Commit(TaskOutput output) {
    output.parts[0].second->Finish(output);
    const TaskOutput* outputs[] = {&output};
    return sink_->Commit(outputs);
  }
  absl::Status CommitStepsAt(std::initializer_list<int64_t> offsets) {
    TaskOutput output = Output();
    for (int64_t offset : offsets) Apply(offset, &output);
    return Commit(std::move(output));
  }

  int64_t flush_bytes_ = 64 << 20;
  size_t early_bytes_ = size_t{2} << 20;
  std::string folder_;
  std::string said_;
  v1::Project project_ = TestProject();
  TaskId task_{"transactions", PartitionId(0)};
  bool in_bucket_ = false;  // the warehouse
  std::unique_ptr<OfflineSink> sink_;
};

TEST_F(OfflineSinkTest, FlushesCommittedRowsOfEachViewAndDateWithPositionsAndClocks) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 1, .key = "a", .effective_time = 10},
                         {.offset = 2, .key = "b", .effective_time = kDay + 5}})
                  .ok());
  ASSERT_TRUE(Commit(5, {{.offset = 4, .key = "a", .effective_time = kDay + 7}}).ok());
  ASSERT_TRUE(Commit(6, {{.offset = 6, .key = "a", .effective_time = 11}}, 1).ok());
  EXPECT_GT(sink_->pending_bytes(), 0);
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_EQ(sink_->pending_bytes(), 0);

  EXPECT_THAT(TableRows(), ElementsAre("0:1:a", "0:2:b", "0:4:a"));
  EXPECT_THAT(TableRows("visits"), ElementsAre("0:6:a"));
  auto table = Table();
  EXPECT_EQ(table->snapshot().version, 1);
  EXPECT_EQ(table->snapshot().files.size(), 2u);
  EXPECT_THAT(table->snapshot().files.begin()->first, HasSubstr("date=1970-01-01/part-"));
  EXPECT_EQ(table->TransactionVersion("demo/spend/v1/transactions-0"), 6);
  EXPECT_EQ(table->snapshot().clocks.at("transactions-0"), (TaskClock{60, 55}));
  EXPECT_TRUE(fs::is_empty(LogFolder()));
}

TEST_F(OfflineSinkTest, AFlushIntoABucketAsksFourTimes) {
  S3Server& server = S3Server::Get();
  server.MakeBucket("sink");
  in_bucket_ = true;
  Start();
  ASSERT_EQ(sink_->CheckWritable(), absl::OkStatus());
  EXPECT_THAT(server.Requests(), SizeIs(3)) << "a probe is made, once alone, and removed";
  ASSERT_TRUE(sink_->Open(task_).ok());
  for (int64_t offset = 1; offset <= 11; ++offset) {
    ASSERT_TRUE(Commit(offset, {{.offset = offset, .key = "a", .effective_time = offset}}).ok());
    server.Requests();
    const int64_t before = sink_->store_requests().total();
    ASSERT_EQ(sink_->FlushAll(), absl::OkStatus());
    const std::string log = "/sink/w/offline/spend/v1/_delta_log/";
    const std::string next = fmt::format("{}{:020}", log, offset);
    const auto look = HasSubstr("GET /sink?");
    const std::string check = fmt::format("GET {}{:020}.json", log, offset - 1);
    const auto data = HasSubstr("PUT /sink/w/offline/spend/v1/date%3D1970-01-01/part-");
    std::vector<std::string> requests = server.Requests();
    EXPECT_EQ(sink_->store_requests().total() - before, std::ssize(requests));
    if (offset == 1) continue;  // which also finds that there is no table, and makes it
    if (offset == 10) {
      EXPECT_THAT(requests, ElementsAre(look, data, "PUT " + next + ".json", check,
                                        "PUT " + next + ".checkpoint.parquet",
                                        "PUT " + log + "_last_checkpoint"));
    } else {
      EXPECT_THAT(requests, ElementsAre(look, data, "PUT " + next + ".json", check));
    }
  }
  EXPECT_THAT(TableRows(), SizeIs(11));
}

TEST_F(OfflineSinkTest, TasksThatAreOpenedTogetherLookAtATableOnce) {
  S3Server& server = S3Server::Get();
  server.MakeBucket("sink");
  ASSERT_TRUE(OpenObjectStore(StoreUri::Parse("s3://sink/w").value(), server.Settings())
                  ->DeleteFolder("offline")
                  .ok());
  in_bucket_ = true;
  Start();
  std::vector<TaskId> tasks;
  for (int partition = 0; partition < 8; ++partition)
    tasks.push_back({"transactions", PartitionId(partition)});
  auto open_all = [&] {
    server.Requests();
    std::vector<Offset> held;
    sink_->Expect(tasks);
    for (const TaskId& task : tasks) held.push_back(sink_->Open(task).value());
    return held;
  };
  EXPECT_EQ(open_all(), std::vector<Offset>(8, Offset(-1)));
  EXPECT_THAT(server.Requests(), SizeIs(2 * 3)) << "of two views, that there is no table";
  ASSERT_TRUE(Commit(7, {{.offset = 7, .key = "a", .effective_time = 7}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_EQ(open_all()[0], Offset(7));
  EXPECT_THAT(server.Requests(), SizeIs(1 + 3)) << "of one, whether there is a later commit";

  // Another worker has had a task meanwhile.
  {
    OfflineSink other(project_, {.state_folder = folder_ + "/other",
                                 .warehouse = Store(),
                                 .flush_interval = absl::InfiniteDuration()});
    ASSERT_TRUE(other.Open(tasks[3]).ok());
    TaskOutput output{.task = tasks[3], .position = Offset(9), .clock = KnownTime(90)};
    SetRows(other, {{.offset = 9, .key = "b", .effective_time = 9}}, &output);
    const TaskOutput* outputs[] = {&output};
    ASSERT_TRUE(other.Commit(outputs).ok());
    ASSERT_TRUE(other.Close(tasks[3]).ok());
  }
  std::vector<Offset> held = open_all();
  EXPECT_EQ(held[0], Offset(7));
  EXPECT_EQ(held[3], Offset(9));
}

// Records of one time write, one after the other, the steps that are due by then.
TEST_F(OfflineSinkTest, ATableGetsMoreCompleteThoughTheClockStandsStill) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  for (int64_t i : {1, 2}) {
    TaskOutput output{.task = task_,
                      .position = Offset(i),
                      .clock = KnownTime(60),
                      .complete_before = KnownTime(20 * i)};
    SetRows(*sink_, {{.offset = i, .key = "a"}}, &output);
    const TaskOutput* outputs[] = {&output};
    ASSERT_TRUE(sink_->Commit(outputs).ok());
    ASSERT_TRUE(sink_->FlushAll().ok());
    EXPECT_EQ(Table()->snapshot().clocks.at("transactions-0"), (TaskClock{60, 20 * i}));
  }
}

TEST_F(OfflineSinkTest, AViewWithHistoryOffHasNeitherTableNorRowsInTheLog) {
  project_.mutable_feature_views(1)->set_history(v1::FeatureView::OFF);
  Start();
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 2, .key = "a"}}, 1).ok());
  EXPECT_EQ(sink_->pending_bytes(), 0);
  ASSERT_TRUE(Commit(4, {{.offset = 4, .key = "b"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_THAT(TableRows(), ElementsAre("0:4:b"));
  EXPECT_FALSE(fs::exists(Warehouse() + "/offline/visits"));
}

TEST_F(OfflineSinkTest, WithoutAnyHistoryThereIsNoChangeLogAndNoWarehouse) {
  for (v1::FeatureView& view : *project_.mutable_feature_views()) {
    view.set_history(v1::FeatureView::OFF);
  }
  Start();
  ASSERT_TRUE(sink_->CheckWritable().ok());
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 2, .key = "a"}}).ok());
  ASSERT_TRUE(sink_->Close(task_).ok());
  EXPECT_FALSE(fs::exists(LogFolder()));
  EXPECT_FALSE(fs::exists(Warehouse()));
}

TEST_F(OfflineSinkTest, KeepsCommittedRowsThroughAKillAndDropsReplayedOnes) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 1, .key = "a"}, {.offset = 2, .key = "b"}}).ok());
  Start();
  EXPECT_EQ(sink_->Open(task_).value(), Offset(2));
  ASSERT_TRUE(Commit(3, {{.offset = 2, .key = "b"}, {.offset = 3, .key = "c"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  Start();
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(4, {{.offset = 1, .key = "a"}, {.offset = 3, .key = "c"}}).ok());
  ASSERT_TRUE(Commit(5, {{.offset = 5, .key = "d"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_THAT(TableRows(), ElementsAre("0:1:a", "0:2:b", "0:3:c", "0:5:d"));
}

TEST_F(OfflineSinkTest, FlushesAgainAfterACrashBetweenCommitAndDeleteWithoutRepeatingRows) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 1, .key = "a"}, {.offset = 2, .key = "b"}}).ok());
  fs::copy(LogFolder(), folder_ + "/kept", fs::copy_options::recursive);
  ASSERT_TRUE(sink_->FlushAll().ok());
  fs::remove_all(LogFolder());
  fs::rename(folder_ + "/kept", LogFolder());
  Start();
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(3, {{.offset = 3, .key = "c"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_THAT(TableRows(), ElementsAre("0:1:a", "0:2:b", "0:3:c"));
  EXPECT_TRUE(fs::is_empty(LogFolder()));
}

TEST_F(OfflineSinkTest, KeepsRowsInTheLogWhileTheWarehouseCannotBeWritten) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  std::ofstream(Warehouse()) << "a file in the way";
  EXPECT_THAT(std::string(sink_->CheckWritable().message()),
              HasSubstr("the warehouse is not writable"));
  ASSERT_TRUE(Commit(1, {{.offset = 1, .key = "a"}}).ok());
  absl::Status failed = sink_->FlushAll();
  EXPECT_TRUE(absl::IsFailedPrecondition(failed)) << failed;
  EXPECT_EQ(sink_->last_flush_error(), failed);
  ASSERT_TRUE(Commit(2, {{.offset = 2, .key = "b"}}).ok());
  fs::remove(Warehouse());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_TRUE(sink_->last_flush_error().ok());
  EXPECT_THAT(TableRows(), ElementsAre("0:1:a", "0:2:b"));
}

TEST_F(OfflineSinkTest, ClosingATaskFlushesIt) {
  TaskId other{"transactions", PartitionId(1)};
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(sink_->Open(other).ok());
  ASSERT_TRUE(Commit(1, {{.offset = 1, .key = "a"}}).ok());
  ASSERT_TRUE(Commit(1, {{.offset = 1, .key = "b"}}, 0, &other).ok());
  ASSERT_TRUE(sink_->Close(task_).ok());
  EXPECT_THAT(TableRows(), ElementsAre("0:1:a", "1:1:b"));
  EXPECT_TRUE(absl::IsInternal(Commit(2, {{.offset = 2, .key = "a"}})));
  EXPECT_TRUE(Commit(2, {{.offset = 2, .key = "b"}}, 0, &other).ok());
}

TEST_F(OfflineSinkTest, FlushesByItselfWhenEnoughIsPending) {
  flush_bytes_ = 1;
  Start();
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(1, {{.offset = 1, .key = "a"}}).ok());
  for (int i = 0; i < 10'000 && sink_->pending_bytes() > 0; ++i) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_EQ(sink_->pending_bytes(), 0);
  EXPECT_THAT(TableRows(), ElementsAre("0:1:a"));
}

TEST_F(OfflineSinkTest, RefusesRowsAbovePositionOfTheirTask) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  EXPECT_TRUE(absl::IsInternal(Commit(1, {{.offset = 2, .key = "a"}})));
}

TEST_F(OfflineSinkTest, RefusesATableMadeForOtherColumns) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(1, {{.offset = 1, .key = "a"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  project_.mutable_feature_views(0)->mutable_features(1)->set_name("renamed");
  Start();
  absl::Status status = sink_->Open(task_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("it lacks column renamed"));
}

TEST_F(OfflineSinkTest, AFlushSlowerThanAnotherWriterOfTheSameTaskAddsNothingTwice) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(1, {{.offset = 1, .key = "a"}}).ok());
  OfflineSink other(project_, {.state_folder = folder_ + "/other_state",
                               .warehouse = Store(),
                               .flush_interval = absl::InfiniteDuration()});
  ASSERT_TRUE(other.Open(task_).ok());
  TaskOutput output{.task = task_, .position = Offset(2)};
  SetRows(other, {{.offset = 1, .key = "a"}, {.offset = 2, .key = "b"}}, &output);
  const TaskOutput* outputs[] = {&output};
  ASSERT_TRUE(other.Commit(outputs).ok());
  ASSERT_TRUE(other.FlushAll().ok());
  EXPECT_EQ(sink_->FlushAll(), absl::OkStatus());
  EXPECT_THAT(TableRows(), ElementsAre("0:1:a", "0:2:b"));
}

// Rows that are gone for good. The state of the task, which reads on behind them, tells.

TEST_F(OfflineSinkTest, NoticesThatTheNewestCommitOfATableIsGone) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 2, .key = "a"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  ASSERT_TRUE(Commit(7, {{.offset = 4, .key = "a"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  ASSERT_EQ(Table()->snapshot().version, 2);
  Start();
  EXPECT_EQ(OpenAndCheck(Offset(4)), absl::OkStatus());
  fs::remove(Warehouse() + "/" + CommitPath("offline/spend/v1", 2));
  Start();
  absl::Status status = OpenAndCheck(Offset(4));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  for (const std::string& said :
       {std::string("rows of spend@1 are missing: task transactions/0 made one at offset 4"),
        Warehouse() + "/offline/spend/v1", LogFolder(),
        std::string("its rows up to offset 2 alone"), std::string("`forebay reset spend@1`")}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(said));
  }
  Start();
  EXPECT_EQ(OpenAndCheck(Offset(2)), absl::OkStatus()) << "the state of the same age";
}

TEST_F(OfflineSinkTest, NoticesThatACommitIsGoneThoughLaterRowsAreInTheLog) {
  ASSERT_TRUE(OpenAndCheck(Offset(-1)).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 2, .key = "a"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  ASSERT_TRUE(Commit(4, {{.offset = 4, .key = "a"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  ASSERT_TRUE(Commit(6, {{.offset = 6, .key = "a"}}).ok());
  Start();
  EXPECT_EQ(OpenAndCheck(Offset(6)), absl::OkStatus());
  fs::remove(Warehouse() + "/" + CommitPath("offline/spend/v1", 2));
  Start();
  absl::Status status = OpenAndCheck(Offset(6));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("made one at offset 4"));
}

TEST_F(OfflineSinkTest, NoticesThatTheLastFrameOfTheLogIsGone) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 2, .key = "a"}}).ok());
  std::string segment = fs::directory_iterator(LogFolder())->path();
  uintmax_t one_frame = fs::file_size(segment);
  ASSERT_TRUE(Commit(4, {{.offset = 4, .key = "a"}}).ok());
  sink_.reset();
  fs::resize_file(segment, one_frame);
  Start();
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenAndCheck(Offset(4))));
}

// What is replayed and dropped comes before what is new, too.
TEST_F(OfflineSinkTest, NoticesARowThatWasMadeInAnEarlierLifeIsGone) {
  ASSERT_TRUE(OpenAndCheck(Offset(-1)).ok());
  ASSERT_TRUE(Commit(4, {{.offset = 2, .key = "a"}, {.offset = 4, .key = "a"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  Start();
  ASSERT_TRUE(OpenAndCheck(Offset(2)).ok());
  ASSERT_TRUE(Commit(6, {{.offset = 4, .key = "a"}}).ok());
  ASSERT_TRUE(Commit(7, {{.offset = 7, .key = "a"}}).ok());
  fs::remove(Warehouse() + "/" + CommitPath("offline/spend/v1", 1));
  Start();
  absl::Status status = OpenAndCheck(Offset(2));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("at offset 4"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no rows of that task"));
}

TEST_F(OfflineSinkTest, AViewWithoutNewRowsOrWhoseStateDoesNotSayIsFine) {
  ASSERT_TRUE(OpenAndCheck(Offset(-1)).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 2, .key = "a"}}).ok());
  ASSERT_TRUE(Commit(90, {}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  for (std::optional<Offset> last :
       {std::optional(Offset(2)), std::optional(Offset(-1)), std::optional<Offset>()}) {
    Start();
    EXPECT_EQ(OpenAndCheck(last), absl::OkStatus());
    EXPECT_EQ(sink_->Commit({}), absl::OkStatus());
  }
  ASSERT_TRUE(Commit(95, {{.offset = 95, .key = "a"}}).ok());
  Start();
  EXPECT_EQ(OpenAndCheck(Offset(95)), absl::OkStatus());
}

// After a failed write the same rows come again.
TEST_F(OfflineSinkTest, RowsThatAreCommittedASecondTimeLeaveNoHole) {
  ASSERT_TRUE(OpenAndCheck(Offset(-1)).ok());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Commit(2, {{.offset = 1, .key = "a"}, {.offset = 2, .key = "a"}}).ok());
  }
  ASSERT_TRUE(Commit(4, {{.offset = 4, .key = "a"}}).ok());
  Start();
  EXPECT_EQ(OpenAndCheck(Offset(4)), absl::OkStatus());
}

TEST_F(OfflineSinkTest, RowsThatAreManyAreInTheLogBeforeTheyAreCommitted) {
  early_bytes_ = 300;  // two or three rows
  Start();
  ASSERT_TRUE(sink_->Open(task_).ok());
  TaskOutput output = Output();
  for (int64_t offset = 1; offset <= 6; ++offset) Apply(offset, &output);
  EXPECT_GT(sink_->pending_bytes(), 0);
  EXPECT_LT(output.parts[0].second->bytes(), 300u);
  Apply(7, &output);
  ASSERT_TRUE(Commit(std::move(output)).ok());
  ASSERT_TRUE(CommitStepsAt({9}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_THAT(TableRows(),
              ElementsAre("0:1:a", "0:2:a", "0:3:a", "0:4:a", "0:5:a", "0:6:a", "0:7:a", "0:9:a"));
}

TEST_F(OfflineSinkTest, RowsThatWereInTheLogBeforeAKillAreNotTakenTwice) {
  early_bytes_ = 1;
  Start();
  ASSERT_TRUE(OpenAndCheck(Offset(-1)).ok());
  TaskOutput killed = Output();
  for (int64_t offset : {1, 2}) Apply(offset, &killed);
  Start();
  EXPECT_EQ(sink_->Open(task_).value(), Offset(2));
  ASSERT_TRUE(CommitStepsAt({1, 2, 4}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_THAT(TableRows(), ElementsAre("0:1:a", "0:2:a", "0:4:a"));
  Start();
  EXPECT_EQ(OpenAndCheck(Offset(4)), absl::OkStatus());
}

// The group may give a task back while what was made of it before is still there.
TEST_F(OfflineSinkTest, ATaskThatIsLostWritesNothingMore) {
  early_bytes_ = 1;
  Start();
  ASSERT_TRUE(sink_->Open(task_).ok());
  TaskOutput lost = Output();
  Apply(1, &lost);
  sink_->Lose(task_);
  EXPECT_EQ(sink_->Open(task_).value(), Offset(1));
  Apply(2, &lost);
  lost.parts[0].second->Finish(lost);
  ASSERT_TRUE(Commit(3, {{.offset = 1, .key = "a"}, {.offset = 3, .key = "b"}}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_THAT(TableRows(), ElementsAre("0:1:a", "0:3:b"));
}

// A file size limit stands in for a full disk. What comes after the rows that could not be written
// must not be in the log without them.
TEST_F(OfflineSinkTest, AfterRowsThatCouldNotBeWrittenEarlyTheLogTakesNoOthers) {
  early_bytes_ = 1;
  Start();
  ASSERT_TRUE(sink_->Open(task_).ok());
  TaskOutput output = Output();
  Apply(1, &output);
  {
    FileSizeLimit full(sink_->pending_bytes() + 100);
    Apply(2, &output);
  }
  Apply(3, &output);
  EXPECT_TRUE(absl::IsResourceExhausted(Commit(std::move(output))));
  EXPECT_TRUE(absl::IsResourceExhausted(sink_->FlushAll()));
  EXPECT_EQ(sink_->Open(task_).value(), Offset(1));
  ASSERT_TRUE(CommitStepsAt({1, 2, 3}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_THAT(TableRows(), ElementsAre("0:1:a", "0:2:a", "0:3:a"));
}

// A worker that was killed has left rows of both views in the change log; one is reset.
TEST_F(OfflineSinkTest, LeavesALogFromWhichTheRowsOfAViewCanBeDropped) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(1, {{.offset = 1, .key = "a"}}, 1).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  ASSERT_TRUE(Commit(2, {{.offset = 2, .key = "b"}}, 1).ok());
  ASSERT_TRUE(Commit(3, {{.offset = 3, .key = "c"}}, 0).ok());
  sink_.reset();

  ChangeLogsToFlush logs{
      .warehouse = Store(), .project = project_.name(), .state_folder = State(), .now_us = [] {
        return kNow;
      }};
  EXPECT_EQ(ListUnflushed(State(), task_).value(),
            (std::set<TableId>{{"spend", 1}, {"visits", 1}}));
  for (int i = 0; i < 2; ++i) {
    absl::Status status = FlushWithout({{"spend", 1}}, {task_}, logs);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_THAT(TableRows("visits"), ElementsAre("0:1:a", "0:2:b"));
    EXPECT_FALSE(HasTable(logs.warehouse, "demo", {"spend", 1}).value());
    EXPECT_TRUE(ListUnflushed(State(), task_)->empty());
  }
}

TEST_F(OfflineSinkTest, LeavesTablesThatAreFoundByProject) {
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(1, {{.offset = 1, .key = "a"}}, 0).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  project_.set_name("other");  // which shares the warehouse
  Start();
  ASSERT_TRUE(sink_->Open(task_).ok());
  ASSERT_TRUE(Commit(2, {{.offset = 2, .key = "b"}}, 1).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());

  std::shared_ptr<ObjectStore> warehouse = Store();
  EXPECT_EQ(ListTables(warehouse, "demo").value(), (std::set<TableId>{{"spend", 1}}));
  EXPECT_EQ(ListTables(warehouse, "other").value(), (std::set<TableId>{{"visits", 1}}));
  EXPECT_FALSE(HasTable(warehouse, "demo", {"visits", 1}).value());
  EXPECT_FALSE(HasTable(warehouse, "demo", {"spend", 2}).value());
  ASSERT_TRUE(HasTable(warehouse, "demo", {"spend", 1}).value());

  ASSERT_TRUE(warehouse->DeleteFolder("offline/spend/v1/_delta_log").ok());
  EXPECT_TRUE(HasTable(warehouse, "demo", {"spend", 1}).value()) << "a part is left";
  ASSERT_TRUE(RemoveTable(warehouse.get(), {"spend", 1}).ok());
  EXPECT_FALSE(HasTable(warehouse, "demo", {"spend", 1}).value());
  EXPECT_EQ(TableRows("visits"), std::vector<std::string>{"0:2:b"});
}

// Source "payments" of topic "transactions": user_id (string).
class ArchiveTest : public OfflineSinkTest {
 protected:
  ArchiveTest() {
    v1::Source& source = *project_.add_sources();
    source.set_name("payments");
    source.set_topic("transactions");
    source.set_archive(true);
    AddColumn("user_id", v1::STRING);
  }

  void AddColumn(const char* name, v1::DataType type) {
    v1::Field& field = *project_.mutable_sources(0)->add_schema();
    field.set_name(name);
    field.set_type(type);
  }

  // Of one user; the columns that the source has beside are null.
  std::shared_ptr<arrow::RecordBatch> Events(std::initializer_list<int64_t> offsets) const {
    auto schema = ArchiveSchema(project_.sources(0));
    auto rows = arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()).ValueOrDie();
    for (int64_t offset : offsets) {
      for (int c = 0; c < schema->num_fields(); ++c) {
        arrow::ArrayBuilder* column = rows->GetField(c);
        if (schema->field(c)->name() == "_source_offset") {
          EXPECT_TRUE(static_cast<arrow::Int64Builder*>(column)->Append(offset).ok());
        } else if (schema->field(c)->name() == "user_id") {
          EXPECT_TRUE(static_cast<arrow::StringBuilder*>(column)->Append("a").ok());
        } else {
          EXPECT_TRUE(
              (schema->field(c)->nullable() ? column->AppendNull() : column->AppendEmptyValue())
                  .ok());
        }
      }
    }
    return rows->Flush().ValueOrDie();
  }

  // As a task does that made a row for the archive of each of the offsets.
  absl::Status CommitEvents(std::initializer_list<int64_t> offsets) {
    TaskOutput output = Output();
    for (int64_t offset : offsets) output.parts[0].second->TakeEvents(Events({offset}));
    output.position = Offset(std::max(offsets));
    output.clock = output.complete_before = KnownTime(1);
    return Commit(std::move(output));
  }

  // As a worker does whose state says that the archive has made rows up to `last_row`, and was
  // switched on behind `after`.
  absl::Status OpenAndCheckArchive(Offset last_row, Offset after = Offset(-1)) {
    if (absl::Status status = sink_->Open(task_).status(); !status.ok()) return status;
    LastRow rows[] = {{.view = ChangeBatch::kEvents, .offset = last_row, .after = after}};
    return sink_->CheckRows(task_, rows);
  }

  std::unique_ptr<DeltaTable> Archive() {
    return DeltaTable::Open(Store(), "events/payments").value();
  }
  std::string Gaps() { return Archive()->snapshot().metadata.configuration.at("forebay.gaps"); }
  std::vector<std::string> ArchivedRows() {
    auto store = Store();
    std::vector<std::string> rows;
    auto archive = Archive();
    for (const auto& [path, file] : archive->snapshot().files)
      AppendRows(*store, "events/payments/" + path, &rows);
    std::sort(rows.begin(), rows.end());
    return rows;
  }
};

TEST_F(ArchiveTest, HasTheEventsOfItsTopicThroughKillsAndReplays) {
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1)).ok());
  ASSERT_TRUE(CommitEvents({1, 2, 4}).ok());
  Start();
  ASSERT_TRUE(OpenAndCheckArchive(Offset(2)).ok());
  ASSERT_TRUE(CommitEvents({2, 4, 5}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  ASSERT_TRUE(CommitEvents({6}).ok());
  Start();
  EXPECT_EQ(sink_->Open(task_).value(), Offset(6));
  ASSERT_TRUE(OpenAndCheckArchive(Offset(1)).ok());
  ASSERT_TRUE(CommitEvents({2, 4, 5, 6, 7}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_THAT(ArchivedRows(), ElementsAre("0:1:a", "0:2:a", "0:4:a", "0:5:a", "0:6:a", "0:7:a"));
  EXPECT_EQ(Archive()->TransactionVersion("demo/events/payments/transactions-0"), 8);
  EXPECT_EQ(Archive()->snapshot().metadata.configuration.at("forebay.topic"), "transactions");
  EXPECT_EQ(said_, "");
}

TEST_F(ArchiveTest, IsNoMatterOfOtherTopics) {
  TaskId other{"transactions.by.user", PartitionId(0)};
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1)).ok());
  ASSERT_TRUE(CommitEvents({3}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_EQ(sink_->Open(other).value(), Offset(-1));
}

TEST_F(ArchiveTest, NoticesRowsThatAreGone) {
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1)).ok());
  ASSERT_TRUE(CommitEvents({1}).ok());
  fs::remove_all(LogFolder());
  Start();
  absl::Status status = OpenAndCheckArchive(Offset(1));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("rows of events/payments are missing"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("`forebay reset events/payments`"));
}

// Switched off at 4, and on again at 9; the second time no event was read between.
TEST_F(ArchiveTest, TellsWhatItLacksSinceItWasOff) {
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1), Offset(1)).ok());
  EXPECT_EQ(Gaps(), "transactions-0:0-1");
  ASSERT_TRUE(CommitEvents({2, 4}).ok());
  Start();
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1), Offset(9)).ok());
  EXPECT_THAT(said_, HasSubstr("lacks the records of transactions/0 from offset 5 to 9"));
  Start();
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1), Offset(9)).ok());
  EXPECT_EQ(Gaps(), "transactions-0:0-1 transactions-0:5-9");
  ASSERT_TRUE(CommitEvents({11}).ok());
  Start();
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1), Offset(9)).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  EXPECT_EQ(Gaps(), "transactions-0:0-1 transactions-0:5-9");
  EXPECT_THAT(ArchivedRows(), ElementsAre("0:11:a", "0:2:a", "0:4:a"));
}

// The disk is full: nothing is begun that could not be told, and the next time it is told.
TEST_F(ArchiveTest, DoesNotBeginBeforeWhatItLacksIsTold) {
  {
    FileSizeLimit full(10);
    EXPECT_FALSE(OpenAndCheckArchive(Offset(-1), Offset(1)).ok());
  }
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1), Offset(1)).ok());
  EXPECT_EQ(Gaps(), "transactions-0:0-1");
}

TEST_F(ArchiveTest, GetsColumnsThatItsSourceGets) {
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1)).ok());
  ASSERT_TRUE(CommitEvents({1}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  ASSERT_TRUE(CommitEvents({2}).ok());
  AddColumn("amount", v1::INT64);
  Start();
  ASSERT_TRUE(OpenAndCheckArchive(Offset(2)).ok());
  ASSERT_TRUE(CommitEvents({3}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());  // rows of both kinds, of one date
  EXPECT_THAT(ArchivedRows(), ElementsAre("0:1:a", "0:2:a", "0:3:a"));
  EXPECT_EQ(Archive()->snapshot().schema->fields().back()->name(), "amount");
  EXPECT_EQ(Archive()->snapshot().files.size(), 3u);
}

TEST_F(ArchiveTest, RefusesAColumnOfAnotherTypeAndAnotherTopic) {
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1)).ok());
  ASSERT_TRUE(CommitEvents({1}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  project_.mutable_sources(0)->mutable_schema(0)->set_type(v1::BYTES);
  Start();
  absl::Status status = sink_->Open(task_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("column user_id of Delta table"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("archived columns keep their names and types"));
  project_.mutable_sources(0)->mutable_schema(0)->set_type(v1::STRING);
  project_.mutable_sources(0)->set_topic("payments");
  Start();
  status = sink_->Open({"payments", PartitionId(0)}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("holds the events of topic transactions, and source payments reads "
                        "payments now"));
}

TEST_F(ArchiveTest, OfAnotherProjectIsNotWrittenTo) {
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1)).ok());
  ASSERT_TRUE(CommitEvents({1}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  project_.set_name("other");
  fs::remove_all(State());
  Start();
  absl::Status status = sink_->Open(task_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("is that of project demo"));
}

TEST_F(ArchiveTest, IsFoundAndRemovedWithWhatIsInTheLogs) {
  ASSERT_TRUE(OpenAndCheckArchive(Offset(-1)).ok());
  ASSERT_TRUE(CommitEvents({1}).ok());
  ASSERT_TRUE(sink_->FlushAll().ok());
  ASSERT_TRUE(CommitEvents({2}).ok());
  sink_.reset();
  const TableId archive = TableId::OfEvents("payments");
  auto warehouse = Store();
  EXPECT_EQ(ListUnflushed(State(), task_).value(), std::set<TableId>{archive});
  EXPECT_EQ(ListTables(warehouse, "demo").value(), std::set<TableId>{archive});
  EXPECT_TRUE(HasTable(warehouse, "demo", archive).value());
  EXPECT_FALSE(HasTable(warehouse, "other", archive).value());
  ASSERT_TRUE(FlushWithout({archive}, {task_},
                           {.warehouse = warehouse,
                            .project = "demo",
                            .state_folder = State(),
                            .now_us = [] { return kNow; }})
                  .ok());
  EXPECT_EQ(ListUnflushed(State(), task_).value(), std::set<TableId>());
  ASSERT_TRUE(RemoveTable(warehouse.get(), archive).ok());
  EXPECT_EQ(ListTables(warehouse, "demo").value(), std::set<TableId>());
}

}  // namespace
}  // namespace forebay
