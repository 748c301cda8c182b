// The same events through files and through Kafka's partitioner give the same bits.
#include <arrow/api.h>
#include <arrow/csv/writer.h>
#include <arrow/io/file.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <fstream>
#include <random>

#include "connectors/decode/event_decoder.h"
#include "connectors/file/file_source.h"
#include "connectors/kafka/repartition_record.h"
#include "engine/task/rows_sink.h"
#include "engine/task/task.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "online/store/store_factory.h"
#include "schemas/definition/project.h"
#include "schemas/types/time.h"
#include "tests/scenarios/scenario_run.h"

namespace forebay {
namespace {

constexpr int kPartitions = 3;
constexpr const char* kDefinitions = R"(
sources:
  - name: events
    {}
    key: [k]
    schema: {{k: {}, x: double, n: int64, s: string, b: bool, time: timestamp_ms}}
    event_time: time
    max_future: 10m
entities:
  - {{name: thing, keys: {{k: {}}}}}
feature_views:
  - name: short
    version: 1
    source: events
    entity: thing
    where: n is distinct from 3
    features:
      - {{name: sum, value: sum(x), windows: [10m, 1h]}}
      - {{name: spread, value: stddev(x) filter (where b), windows: [1h]}}
      - {{name: least, value: min(s), windows: [10m, {{tumbling: 5m}}]}}
      - {{name: some, value: 'last_n(s, 3)', windows: [10m]}}
  - name: long
    version: 1
    source: events
    entity: thing
    features:
      - {{name: count, value: count(*), windows: [{{sawtooth: 1m, hop: 20s}}, lifetime]}}
      - {{name: first, value: first(x), windows: [lifetime]}}
)";

struct Event {
  int64_t known_time = 0;  // microseconds; of no two alike
  std::string key;
  std::optional<double> x;
  int64_t n = 0;
  std::optional<std::string> s;
  bool b = false;
  int64_t time = 0;  // milliseconds

  std::string Json(bool text_key) const {
    return fmt::format(R"({{"k":{},"x":{},"n":{},"s":{},"b":{},"time":{}}})",
                       text_key ? '"' + key + '"' : key, x ? fmt::format("{}", *x) : "null", n,
                       s ? '"' + *s + '"' : "null", b, time);
  }
};

std::vector<Event> RandomEvents(uint64_t seed, bool text_key) {
  std::mt19937_64 random(seed);
  auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  std::vector<Event> events;
  int64_t now = 1'767'225'600'000'000;
  for (int i = 0; i < 300; ++i) {
    now += 1 + (below(3) == 0 ? below(200'000'000) : below(1000));
    // Late ones, and some too far ahead of their known time.
    int64_t lag[] = {0, below(600'000), below(8'000'000), -below(700'000)};
    Event& event = events.emplace_back();
    event.known_time = now;
    event.key = fmt::format("{}{}", text_key ? "k" : "-", 1 + below(9));
    if (below(5) > 0) event.x = static_cast<double>(below(2000) - 1000) / 7;
    event.n = below(6);
    if (below(5) > 0) event.s = std::string(below(3), 'a') + static_cast<char>('a' + below(4));
    event.b = below(2) == 0;
    event.time = now / 1000 - lag[below(4)];
  }
  return events;
}

std::shared_ptr<arrow::Table> TableOf(const std::vector<Event>& events, bool text_key) {
  arrow::StringBuilder k, s;
  arrow::Int32Builder numbers;
  arrow::DoubleBuilder x;
  arrow::Int64Builder n, time;
  arrow::BooleanBuilder b;
  arrow::TimestampBuilder stamped(arrow::timestamp(arrow::TimeUnit::MICRO, "Europe/Oslo"),
                                  arrow::default_memory_pool());
  arrow::Status status;
  for (const Event& event : events) {
    status &= text_key ? k.Append(event.key) : numbers.Append(std::stoi(event.key));
    status &= event.x ? x.Append(*event.x) : x.AppendNull();
    status &= n.Append(event.n);
    status &= event.s ? s.Append(*event.s) : s.AppendNull();
    status &= b.Append(event.b);
    status &= time.Append(event.time);
    status &= stamped.Append(event.known_time);
  }
  EXPECT_TRUE(status.ok()) << status;
  arrow::ArrayVector arrays;
  arrow::ArrayBuilder* keys = &k;
  if (!text_key) keys = &numbers;
  for (arrow::ArrayBuilder* builder :
       std::vector<arrow::ArrayBuilder*>{&s, &stamped, &b, keys, &x, &time, &n})
    arrays.push_back(builder->Finish().ValueOrDie());
  arrow::FieldVector fields;
  const char* const names[] = {"s", "stamped", "b", "k", "x", "time", "n"};
  for (size_t i = 0; i < arrays.size(); ++i)
    fields.push_back(arrow::field(names[i], arrays[i]->type()));
  return arrow::Table::Make(arrow::schema(std::move(fields)), std::move(arrays));
}

// Its known times as RFC 3339 text.
std::shared_ptr<arrow::Table> WithTextTimes(const arrow::Table& table) {
  arrow::StringBuilder texts;
  const auto times = table.GetColumnByName("stamped");
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    const auto time = times->GetScalar(row).ValueOrDie();
    EXPECT_TRUE(
        texts.Append(FormatTime(static_cast<const arrow::TimestampScalar&>(*time).value)).ok());
  }
  auto column = std::make_shared<arrow::ChunkedArray>(texts.Finish().ValueOrDie());
  return table
      .SetColumn(table.schema()->GetFieldIndex("stamped"), arrow::field("stamped", arrow::utf8()),
                 column)
      .ValueOrDie();
}

// The tasks of one plan, each with a store of its own; what they yield.
class Tasks {
 public:
  Tasks(const v1::Project& project, const TaskPlan& plan)
      : project_(project), sink_(project), stores_(folder_.path(), StoreLimits()) {
    for (int i = 0; i < kPartitions; ++i) {
      TaskId id{plan.topic, PartitionId(i)};
      tasks_.push_back(Task::Open(plan, id, kPartitions, {.next = Offset::Max()},
                                  stores_.Open(id).value(), size_t{1} << 30)
                           .value());
      tasks_.back()->DeliverTo({&sink_});
    }
  }

  void Apply(int partition, const EventBatch& batch) {
    absl::Status applied = tasks_[partition]->Apply(batch);
    ASSERT_TRUE(applied.ok()) << applied;
  }

  // All change records and dead letters, bit for bit.
  std::string Yield() {
    std::string text;
    for (auto& task : tasks_) {
      TaskCut cut = task->Cut(CutOf::kOutputs);
      for (int i = 0; i < project_.feature_views_size(); ++i) {
        TextTable table{
            ChangeSchema(project_.feature_views(i), project_.entities(0))->field_names(), {}};
        for (const ChangeBatch& batch : sink_.RowsOf(cut.output)) {
          if (batch.view == i) AppendRows(*batch.rows, &table);
        }
        text += fmt::format("{} {}\n{}", task->id().partition.value(), i, Text(table));
      }
      for (const DeadLetter& letter : cut.output.dead_letters) {
        text += fmt::format("{} {} {} {}\n", letter.offset.value(), RejectReasonName(letter.reason),
                            letter.view, *letter.key);
      }
    }
    return text;
  }

 private:
  const v1::Project& project_;
  TemporaryFolder folder_;
  RowsSink sink_;
  StoreFactory stores_;
  std::vector<std::unique_ptr<Task>> tasks_;
};

class FilesTest : public testing::TestWithParam<std::tuple<uint64_t, bool>> {
 protected:
  // `origin`: the topic of the source, or its batch.
  LoadedProject Load(const char* origin) const {
    std::filesystem::create_directories(folder_.path() / "features");
    std::ofstream(folder_.path() / "forebay.yaml") << "project: p\n"
                                                      "kafka: {bootstrap.servers: none}\n";
    const char* type = text_key_ ? "string" : "int64";
    std::ofstream(folder_.path() / "features" / "all.yaml")
        << fmt::format(fmt::runtime(kDefinitions), origin, type, type);
    return LoadProject(folder_.path(), nullptr).value();
  }

  std::string ThroughKafka() const {
    const LoadedProject loaded = Load("topic: events");
    std::vector<TaskPlan> plans = PlanTasks(*loaded.project).value();
    Tasks tasks(*loaded.project, plans[0]);
    std::vector<std::string> values;
    for (const Event& event : events_) values.push_back(event.Json(text_key_));
    std::vector<std::vector<RawRecord>> records(kPartitions);
    for (size_t i = 0; i < events_.size(); ++i) {
      auto& partition = records[PartitionOf(events_[i].key, kPartitions).value()];
      partition.push_back({.offset = Offset(static_cast<int64_t>(partition.size())),
                           .timestamp = events_[i].known_time,
                           .key = events_[i].key,
                           .value = values[i]});
    }
    EventDecoder decoder = EventDecoder::Make(*plans[0].source, plans[0].columns).value();
    for (int i = 0; i < kPartitions; ++i) tasks.Apply(i, decoder.Decode(records[i]).value());
    return tasks.Yield();
  }

  std::string ThroughFiles(size_t max_records) const {
    const LoadedProject loaded = Load("batch: {path: history, known_time: stamped, partitions: 3}");
    std::vector<TaskPlan> plans = PlanBatchTasks(*loaded.project).value();
    Tasks tasks(*loaded.project, plans[0]);
    auto list = [&] { return ListBatchFiles(*plans[0].source, {}, nullptr); };
    FileSourceOptions options;
    options.owner.assigned = [](absl::Span<const TaskId> ids) {
      return std::vector<std::optional<Offset>>(ids.size());
    };
    FileSource source({{.plan = plans.data(),
                        .files = list().value(),
                        .partitions = kPartitions,
                        .list_again = list}},
                      options);
    EXPECT_TRUE(source.Poll(absl::ZeroDuration()).ok());
    for (int i = 0; i < kPartitions; ++i) {
      for (bool at_end = false; !at_end;) {
        auto batch =
            source.Next({plans[0].topic, PartitionId(i)}, max_records, absl::ZeroDuration());
        EXPECT_TRUE(batch.ok()) << batch.status();
        if (!batch.ok()) return "";
        if (batch->last_offset.value() >= 0 && batch->size() + batch->rejected.size() > 0)
          tasks.Apply(i, *batch);
        at_end = batch->at_end;
      }
    }
    return tasks.Yield();
  }

  // Each event in one of them, in the order of known time.
  std::vector<std::shared_ptr<arrow::Table>> Dealt(size_t files) const {
    std::mt19937_64 random(files);
    std::vector<std::vector<Event>> dealt(files);
    for (const Event& event : events_) dealt[random() % files].push_back(event);
    std::vector<std::shared_ptr<arrow::Table>> tables;
    tables.reserve(files);
    for (const auto& events : dealt) tables.push_back(TableOf(events, text_key_));
    return tables;
  }

  template <typename Write>
  void WriteFiles(size_t files, const char* extension, const Write& write) const {
    std::filesystem::remove_all(folder_.path() / "history");
    std::filesystem::create_directories(folder_.path() / "history");
    size_t number = 0;
    for (const auto& table : Dealt(files)) {
      auto path = folder_.path() / "history" / fmt::format("{}.{}", number++, extension);
      auto out = arrow::io::FileOutputStream::Open(path).ValueOrDie();
      arrow::Status written = write(*table, out);
      ASSERT_TRUE(written.ok()) << written;
      ASSERT_TRUE(out->Close().ok());
    }
  }

  TemporaryFolder folder_;
  const bool text_key_ = std::get<1>(GetParam());
  const std::vector<Event> events_ = RandomEvents(std::get<0>(GetParam()), text_key_);
};

TEST_P(FilesTest, GiveTheBitsThatKafkaGives) {
  const std::string expected = ThroughKafka();
  EXPECT_GT(expected.size(), 10'000u);
  EXPECT_NE(expected.find(" future "), std::string::npos);
  for (size_t files : {1, 5}) {
    WriteFiles(files, "parquet", [](const arrow::Table& table, const auto& out) {
      return parquet::arrow::WriteTable(table, arrow::default_memory_pool(), out,
                                        /*chunk_size=*/7);
    });
    for (size_t max_records : {1, 1000}) EXPECT_EQ(ThroughFiles(max_records), expected) << files;
  }
  WriteFiles(3, "csv", [](const arrow::Table& table, const auto& out) {
    return arrow::csv::WriteCSV(*WithTextTimes(table), arrow::csv::WriteOptions::Defaults(),
                                out.get());
  });
  EXPECT_EQ(ThroughFiles(10), expected);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FilesTest,
                         testing::Combine(testing::Range<uint64_t>(0, 3), testing::Bool()));

}  // namespace
}  // namespace forebay
