#include "connectors/file/file_source.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "fmt/format.h"
#include "schemas/definition/project.h"

namespace forebay {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// A project whose source has files alone, in one partition unless said otherwise.
class FileSourceTest : public testing::Test {
 protected:
  struct Row {
    std::optional<std::string> key;
    double x;
    std::optional<int64_t> at;  // milliseconds
  };

  void SetUp() override {
    folder_ = testing::TempDir() + "files.XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    std::filesystem::create_directories(folder_ + "/features");
    std::filesystem::create_directories(folder_ + "/history");
    std::ofstream(folder_ + "/forebay.yaml") << "project: p\nkafka: {bootstrap.servers: none}\n";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string PathOf(const std::string& file) const { return folder_ + "/history/" + file; }

  void WriteCsv(const std::string& file, const std::string& text) const {
    std::ofstream(PathOf(file)) << text;
  }

  void WriteParquet(const std::string& file, const std::vector<Row>& rows) const {
    arrow::StringBuilder keys;
    arrow::DoubleBuilder xs;
    arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MILLI),
                                  arrow::default_memory_pool());
    for (const Row& row : rows) {
      ASSERT_TRUE((row.key ? keys.Append(*row.key) : keys.AppendNull()).ok());
      ASSERT_TRUE(xs.Append(row.x).ok());
      ASSERT_TRUE((row.at ? times.Append(*row.at) : times.AppendNull()).ok());
    }
    auto schema = arrow::schema({arrow::field("at", times.type()), arrow::field("k", arrow::utf8()),
                                 arrow::field("x", arrow::float64())});
    auto table = arrow::Table::Make(schema, {times.Finish().ValueOrDie(),
                                             keys.Finish().ValueOrDie(), xs.Finish().ValueOrDie()});
    auto out = arrow::io::FileOutputStream::Open(PathOf(file)).ValueOrDie();
    ASSERT_TRUE(
        parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, /*chunk_size=*/2)
            .ok());
    ASSERT_TRUE(out->Close().ok());
  }

  // `batch`: more keys of the source's batch.
  void Open(const std::string& batch = "partitions: 1", size_t most_rows = 1 << 19) {
    std::ofstream(folder_ + "/features/all.yaml") << fmt::format(R"(
sources:
  - name: s
    key: [k]
    schema: {{k: string, x: double, at: timestamp_ms}}
    event_time: at
    batch: {{path: history, {}}}
entities: [{{name: e, keys: {{k: string}}}}]
feature_views:
  - name: v
    version: 1
    source: s
    entity: e
    features: [{{name: sum, value: sum(x), windows: [1h]}}]
)",
                                                                 batch);
    absl::StatusOr<LoadedProject> loaded = LoadProject(folder_, nullptr);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    project_ = std::make_unique<LoadedProject>(*std::move(loaded));
    plans_ = PlanBatchTasks(*project_->project).value();
    ASSERT_EQ(plans_.size(), 1u);
    const v1::Source& source = *plans_[0].source;
    auto list = [&source] { return ListBatchFiles(source, {}, nullptr); };
    files_ = list();
    if (!files_.ok()) return;
    FileSourceOptions options{.most_rows = static_cast<int64_t>(most_rows)};
    options.owner.assigned =
        [this](
            absl::Span<const TaskId> tasks) -> absl::StatusOr<std::vector<std::optional<Offset>>> {
      tasks_.assign(tasks.begin(), tasks.end());
      return std::vector<std::optional<Offset>>(tasks.size(), position_);
    };
    source_ = std::make_unique<FileSource>(
        std::vector<FileTopic>{{.plan = plans_.data(),
                                .files = *files_,
                                .partitions = source.batch().partitions(),
                                .list_again = list}},
        options);
  }

  // "offset key x known_time" of each row, "offset reason" of those rejected, by offset.
  absl::StatusOr<std::vector<std::string>> Read(size_t max_records = 100) {
    absl::Status polled = source_->Poll(absl::ZeroDuration());
    if (!polled.ok()) return polled;
    std::map<std::pair<int32_t, int64_t>, std::string> lines;
    for (size_t ended = 0; ended < tasks_.size();) {
      ended = 0;
      for (const TaskId& task : tasks_) {
        auto batch = source_->Next(task, max_records, absl::ZeroDuration());
        if (!batch.ok()) return batch.status();
        ended += batch->at_end ? 1 : 0;
        AddLines(task.partition.value(), *batch, &lines);
      }
    }
    std::vector<std::string> all;
    for (const auto& [place, line] : lines) all.push_back(fmt::format("{} {}", place.second, line));
    return all;
  }

  static void AddLines(int32_t partition, const EventBatch& batch,
                       std::map<std::pair<int32_t, int64_t>, std::string>* lines) {
    for (size_t row = 0; row < batch.size(); ++row) {
      auto cell = [&](const char* column) {
        return batch.columns->GetColumnByName(column)
            ->GetScalar(static_cast<int64_t>(row))
            .ValueOrDie()
            ->ToString();
      };
      (*lines)[{partition, batch.records[row].offset.value()}] =
          fmt::format("{} {} {}", cell("k"), cell("x"), batch.known_times[row].value() / 1000);
    }
    for (const RejectedRecord& rejected : batch.rejected) {
      (*lines)[{partition, rejected.record.offset.value()}] =
          fmt::format("{} {}", RejectReasonName(rejected.reason),
                      batch.bytes->Value(rejected.record).value_or("none"));
    }
  }

  std::string folder_;
  std::unique_ptr<LoadedProject> project_;
  std::vector<TaskPlan> plans_;
  absl::StatusOr<BatchFiles> files_;
  std::vector<TaskId> tasks_;
  std::optional<Offset> position_;
  std::unique_ptr<FileSource> source_;
};

TEST_F(FileSourceTest, MergesFilesByKnownTimeThenFileThenRow) {
  WriteParquet("b.parquet", {{"k1", 1, 10}, {"k2", 2, 20}, {"k3", 3, 20}, {"k4", 4, 40}});
  WriteParquet("a.parquet", {{"k5", 5, 20}, {"k6", 6, 30}, {"k7", 7, 40}, {"k8", 8, 40}});
  WriteParquet("c.parquet", {{"k9", 9, 5}});
  for (size_t max_records : {1, 3, 100}) {
    Open();
    EXPECT_THAT(*Read(max_records),
                ElementsAre("0 k9 9 5", "1 k1 1 10", "2 k5 5 20", "3 k2 2 20", "4 k3 3 20",
                            "5 k6 6 30", "6 k7 7 40", "7 k8 8 40", "8 k4 4 40"));
  }
}

TEST_F(FileSourceTest, ReadsCsvLikeParquet) {
  WriteCsv("a.csv", "at,k,x,more\n10,k1,1,z\n20,\"\",2.5,z\n30,,3,z\n");
  Open();
  EXPECT_THAT(*Read(), ElementsAre("0 k1 1 10", "1  2.5 20", "2 null 3 30"));
}

TEST_F(FileSourceTest, RowsThatFailTheGateKeepTheirPlacesAndBytes) {
  WriteParquet("a.parquet", {{"k1", 1, 10}, {"k2", 2, std::nullopt}, {"k3", 3, 20}});
  Open();
  EXPECT_THAT(*Read(),
              ElementsAre("0 k1 1 10", "1 bad_known_time {\"k\":\"k2\",\"x\":2}", "2 k3 3 20"));
}

TEST_F(FileSourceTest, WhatIsKnownLaterThanUntilIsNotTaken) {
  WriteParquet("a.parquet", {{"k1", 1, 10}, {"k2", 2, 20}, {"k3", 3, 21}});
  Open("partitions: 1, until: 1970-01-01T00:00:00.020Z");
  EXPECT_THAT(*Read(), ElementsAre("0 k1 1 10"));
}

TEST_F(FileSourceTest, ATaskThatStartsAgainPassesOverWhatItHas) {
  WriteParquet("a.parquet", {{"k1", 1, 10}, {"k2", 2, 20}, {"k3", 3, 30}});
  position_ = Offset(1);
  Open();
  EXPECT_THAT(*Read(), ElementsAre("2 k3 3 30"));
}

TEST_F(FileSourceTest, FewRowsWaitingGiveTheSameAsMany) {
  std::vector<Row> rows;
  for (int i = 0; i < 500; ++i) rows.push_back({fmt::format("k{}", i % 17), 1.0 * i, 10 + i / 3});
  WriteParquet("a.parquet", rows);
  WriteParquet("b.parquet", {rows.begin() + 100, rows.begin() + 300});
  Open("partitions: 5");
  std::vector<std::string> many = *Read();
  EXPECT_EQ(many.size(), 700u);
  Open("partitions: 5", /*most_rows=*/1);
  EXPECT_EQ(*Read(3), many);
}

TEST_F(FileSourceTest, RowsFurtherBehindThanAllowedAreAnError) {
  WriteParquet("a.parquet", {{"k1", 1, 5000}, {"k2", 2, 6000}, {"k3", 3, 4000}});
  Open("partitions: 1, max_disorder: 2s");
  EXPECT_THAT(*Read(), ElementsAre("0 k1 1 5000", "1 k2 2 6000", "2 k3 3 4000"));
  Open("partitions: 1, max_disorder: 1s");
  EXPECT_THAT(Read().status().message(),
              AllOf(HasSubstr("a.parquet, row 2"), HasSubstr("1970-01-01T00:00:04.000000Z"),
                    HasSubstr("1970-01-01T00:00:06.000000Z"), HasSubstr("max_disorder (1s)")));
}

TEST_F(FileSourceTest, ADamagedOrShortenedFileIsAnError) {
  WriteParquet("a.parquet", {{"k1", 1, 10}});
  auto size = std::filesystem::file_size(PathOf("a.parquet"));
  std::filesystem::resize_file(PathOf("a.parquet"), size - 5);
  Open();
  EXPECT_THAT(Read().status().message(),
              AllOf(HasSubstr("a.parquet cannot be read"), HasSubstr("Put it back")));
}

TEST_F(FileSourceTest, FilesThatChangeWhileTheyAreReadAreAnError) {
  WriteParquet("a.parquet", {{"k1", 1, 10}});
  WriteParquet("b.parquet", {{"k1", 1, 10}});
  Open();
  WriteParquet("c.parquet", {{"k1", 1, 10}});
  EXPECT_THAT(Read().status().message(), HasSubstr("c.parquet is new"));
  Open();
  WriteParquet("b.parquet", {{"k1", 1, 10}, {"k2", 2, 20}, {"k3", 2, 20}});
  EXPECT_THAT(Read().status().message(), HasSubstr("b.parquet has"));
  Open();
  std::filesystem::remove(PathOf("b.parquet"));
  EXPECT_THAT(Read().status().message(), HasSubstr("b.parquet is gone"));
}

TEST_F(FileSourceTest, ASchemaThatDiffersIsAnError) {
  WriteCsv("a.csv", "at,key,x\n10,k1,1\n");
  Open();
  EXPECT_THAT(Read().status().message(), AllOf(HasSubstr("a.csv"), HasSubstr("'k'")));
  WriteCsv("a.csv", "at,k,x\n10,k1,one\n");
  Open();
  EXPECT_THAT(Read().status().message(), AllOf(HasSubstr("a.csv"), HasSubstr("'one'")));
  std::filesystem::remove(PathOf("a.csv"));
  auto table = arrow::Table::MakeEmpty(arrow::schema({arrow::field("at", arrow::utf8()),
                                                      arrow::field("k", arrow::utf8()),
                                                      arrow::field("x", arrow::float64())}))
                   .ValueOrDie();
  auto out = arrow::io::FileOutputStream::Open(PathOf("a.parquet")).ValueOrDie();
  ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 2).ok());
  ASSERT_TRUE(out->Close().ok());
  Open();
  EXPECT_THAT(Read().status().message(),
              AllOf(HasSubstr("a.parquet"), HasSubstr("column 'at' has the type string")));
}

TEST_F(FileSourceTest, AFolderWithoutFilesIsAnError) {
  Open();
  EXPECT_THAT(files_.status().message(),
              AllOf(HasSubstr("source s: there are no files"), HasSubstr("history")));
  WriteCsv("a.txt", "");
  Open();
  EXPECT_THAT(files_.status().message(), HasSubstr("say `format: parquet` or `format: csv`"));
}

}  // namespace
}  // namespace forebay
