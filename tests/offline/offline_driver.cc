// Drives the offline sink and the training set from tests in other languages.
//
//   offline_driver write FOLDER < commands.jsonl
//       {"task": 0, "position": 9, "clock": 90, "complete_before": 80, "view": 0,
//        "rows": [{"offset": 7, "key": "a", ...}]}
//       {"task": 0, "position": 9, "clock": 90, "view": 3, "ipc": "rows.arrow"}
//           with "hash": true, `_key_hash` becomes that of the rows' keys
//       {"flush": true}
//       {"restart": true}          as if the process had been killed
//   offline_driver generate FOLDER ROWS KEYS
//   offline_driver iceberg FOLDER TABLE      prints where the metadata is
//   offline_driver join FOLDER LABELS TIME_COLUMN FEATURE,FEATURE... OUTPUT [TIME_ENCODING [BYTES]]
//
// FOLDER gets state/ and warehouse/. If it is a project, with forebay.yaml, its views are written,
// to its warehouse; rows come from Arrow IPC files then, in the columns of the offline table. Else
// the project is that of offline/change_log/change_rows.h, with view 3, `kinds`, besides: a key and
// a feature of every type, named after it ("key_int64", "list_double").
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/strings/str_split.h"
#include "engine/state/key.h"
#include "engine/task/change_rows.h"
#include "offline/change_log/change_rows.h"
#include "offline/iceberg/iceberg_export.h"
#include "offline/sink/offline_sink.h"
#include "offline/training_set/key_column.h"
#include "offline/training_set/training_set.h"
#include "schemas/definition/lookup.h"
#include "schemas/definition/project.h"
#include "schemas/types/data_type.h"

namespace forebay {
namespace {

using Json = nlohmann::json;

void OrDie(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << "\n";
  std::exit(1);
}

constexpr v1::DataType kTypes[] = {v1::BOOL,   v1::INT64, v1::DOUBLE,
                                   v1::STRING, v1::BYTES, v1::TIMESTAMP};

void AddKinds(v1::Project* project) {
  v1::Entity* entity = project->add_entities();
  entity->set_name("kind");
  v1::FeatureView* view = project->add_feature_views();
  view->set_name("kinds");
  view->set_version(1);
  view->set_source("transactions");
  view->set_entity("kind");
  for (v1::DataType type : kTypes) {
    auto scalar = static_cast<DataType>(type);
    v1::Feature* feature = view->add_features();
    feature->set_name(std::string(DataTypeName(scalar)));
    feature->set_type(type);
    feature = view->add_features();
    feature->set_name(fmt::format("list_{}", DataTypeName(scalar)));
    feature->set_type(static_cast<v1::DataType>(ListOf(scalar)));
    if (type == v1::DOUBLE || type == v1::BYTES) continue;  // no type of a key
    v1::Field* key = entity->add_keys();
    key->set_name(fmt::format("key_{}", DataTypeName(scalar)));
    key->set_type(type);
  }
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> ReadIpc(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path));
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchFileReader::Open(file));
  return reader->ReadRecordBatch(0);
}

class Driver {
 public:
  explicit Driver(std::string folder)
      : folder_(std::move(folder)), warehouse_(StoreUri::Folder(folder_ + "/warehouse")) {
    if (std::filesystem::exists(folder_ + "/forebay.yaml")) {
      auto loaded = LoadProject(folder_, nullptr);
      OrDie(loaded.status());
      project_ = *loaded->project;
      warehouse_ = loaded->config.warehouse;
      s3_ = loaded->config.s3;
    } else {
      AddMoreViews();
    }
    Restart();
  }

  void AddMoreViews() {
    // delta-rs must see max_age used: visits are too old after an hour.
    project_.mutable_feature_views(1)->set_max_age_us(3'600'000'000);
    v1::FeatureView* unkept = project_.add_feature_views();
    *unkept = project_.feature_views(0);
    unkept->set_name("unkept");
    unkept->set_history(v1::FeatureView::OFF);
    v1::FeatureService* service = project_.add_feature_services();
    service->set_name("fraud");
    v1::FeatureReference* reference = service->add_features();
    reference->set_view("visits");
    reference->set_version(1);
    reference->set_feature("events");
    reference->set_name("visits.events");
    AddKinds(&project_);
  }

  std::shared_ptr<ObjectStore> Warehouse() const { return OpenObjectStore(warehouse_, s3_); }

  void Restart() {
    sink_.reset();
    sink_ = std::make_unique<OfflineSink>(
        project_, OfflineSinkOptions{.state_folder = folder_ + "/state",
                                     .warehouse = Warehouse(),
                                     .flush_interval = absl::InfiniteDuration()});
    open_.clear();
  }

  void Commit(int task, int64_t position, int64_t clock, int64_t complete_before, int view,
              std::shared_ptr<arrow::RecordBatch> rows) {
    TaskId id{"transactions", PartitionId(task)};
    if (open_.insert(task).second) OrDie(sink_->Open(id).status());
    TaskOutput output{.task = id,
                      .position = Offset(position),
                      .clock = KnownTime(clock),
                      .complete_before = KnownTime(complete_before)};
    std::vector<ChangeBatch> batches = {{view, std::move(rows)}};
    output.parts.emplace_back(
        sink_.get(), std::make_unique<ChangeRows>(project_, id.partition, std::move(batches)));
    const TaskOutput* outputs[] = {&output};
    OrDie(sink_->Commit(outputs));
  }

  void Run(const Json& command) {
    if (command.contains("flush")) return OrDie(sink_->FlushAll());
    if (command.contains("restart")) return Restart();
    int view = command.value("view", 0);
    int task = command.value("task", 0);
    auto rows = command.contains("ipc") ? ReadIpc(command["ipc"]).ValueOrDie()
                                        : TestRows(project_, RowsOf(command), view, task);
    if (command.value("hash", false)) rows = Hashed(view, *rows);
    int64_t clock = command["clock"];
    Commit(task, command["position"], clock, command.value("complete_before", clock), view,
           std::move(rows));
  }

  std::shared_ptr<arrow::RecordBatch> Hashed(int view, const arrow::RecordBatch& rows) const {
    const v1::Entity* entity = FindEntity(project_, project_.feature_views(view).entity());
    arrow::ArrayVector parts;
    for (const v1::Field& key : entity->keys()) parts.push_back(rows.GetColumnByName(key.name()));
    KeyReader keys(std::move(parts));
    arrow::Int64Builder hashes;
    std::string key;
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      keys.Encode(row, &key);
      (void)hashes.Append(KeyHash(HashedKey(key)));
    }
    const int column = rows.schema()->GetFieldIndex("_key_hash");
    return rows.SetColumn(column, rows.schema()->field(column), *hashes.Finish()).ValueOrDie();
  }

  static std::vector<TestRow> RowsOf(const Json& command) {
    std::vector<TestRow> rows;
    for (const Json& row : command["rows"]) {
      TestRow r{.offset = row["offset"],
                .key = row["key"],
                .effective_time = row["effective_time"],
                .op = row.value("op", "event"),
                .events = row.value("events", 0),
                .ordinal = row.value("ordinal", 0),
                .key_hash = KeyHash(HashedKey(row["key"].get_ref<const std::string&>()))};
      if (row.contains("total") && !row["total"].is_null()) r.total = row["total"].get<double>();
      if (row.contains("country") && !row["country"].is_null()) {
        r.country = row["country"].get<std::string>();
      }
      rows.push_back(std::move(r));
    }
    return rows;
  }

  void Write() {
    std::string line;
    while (std::getline(std::cin, line)) Run(Json::parse(line));
  }

  void Generate(int64_t rows, int64_t keys) {
    constexpr int64_t kBatch = 50'000;
    uint64_t random = 42;
    for (int64_t first = 0; first < rows; first += kBatch) {
      std::vector<TestRow> batch;
      for (int64_t i = first; i < std::min(rows, first + kBatch); ++i) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        batch.push_back({.offset = i,
                         .key = fmt::format("user-{}", (random >> 33) % keys),
                         .effective_time = 1'600'000'000'000'000 + i * 10'000,
                         .total = static_cast<double>(random >> 40) / 100,
                         .events = static_cast<int64_t>((random >> 20) % 100),
                         .country = "US"});
      }
      int64_t clock = batch.back().effective_time;
      Commit(0, first + kBatch - 1, clock, clock, 0, TestRows(project_, batch));
      if (sink_->pending_bytes() > (64 << 20)) OrDie(sink_->FlushAll());
    }
    OrDie(sink_->FlushAll());
  }

  void Export(const std::string& table) {
    auto location = IcebergLocation(warehouse_, table);
    OrDie(location.status());
    auto done = ExportToIceberg(Warehouse().get(), table, *location);
    OrDie(done.status());
    std::cout << done->metadata << "\n";
  }

  void Join(const std::string& labels, const std::string& time_column, const std::string& features,
            const std::string& output, const std::string& encoding, int64_t memory_bytes) {
    v1::TimeEncoding unit = v1::TIME_ENCODING_UNSPECIFIED;
    v1::TimeEncoding_Parse(encoding, &unit);
    TrainingSetRequest request{.labels = {labels},
                               .time_column = time_column,
                               .time_unit = unit,
                               .features = absl::StrSplit(features, ','),
                               .output = {.path = output},
                               .warehouse = Warehouse(),
                               .memory_bytes = memory_bytes};
    absl::StatusOr<TrainingSetSummary> summary = BuildTrainingSet(project_, request);
    OrDie(summary.status());
    Json views = Json::array();
    for (const TrainingSetSummary::View& view : summary->views) {
      views.push_back({{"name", view.name},
                       {"table_version", view.table_version},
                       {"matched", view.matched},
                       {"rows_read", view.reads.rows},
                       {"files_read", view.files_read},
                       {"files_skipped", view.files_skipped}});
    }
    std::cout << Json{{"labels", summary->labels},
                      {"views", views},
                      {"seconds", summary->seconds},
                      {"notes", summary->notes},
                      {"warnings", summary->warnings}}
              << "\n";
  }

 private:
  std::string folder_;
  StoreUri warehouse_;
  S3Settings s3_;
  v1::Project project_ = TestProject();
  std::unique_ptr<OfflineSink> sink_;
  std::set<int> open_;
};

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2) return 2;
  forebay::Driver driver(arguments[1]);
  if (arguments[0] == "write") {
    driver.Write();
  } else if (arguments[0] == "iceberg" && arguments.size() == 3) {
    driver.Export(arguments[2]);
  } else if (arguments[0] == "generate" && arguments.size() == 4) {
    driver.Generate(std::stoll(arguments[2]), std::stoll(arguments[3]));
  } else if (arguments[0] == "join" && arguments.size() >= 6 && arguments.size() <= 8) {
    driver.Join(arguments[2], arguments[3], arguments[4], arguments[5],
                arguments.size() >= 7 ? arguments[6] : "",
                arguments.size() == 8 ? std::stoll(arguments[7]) : 0);
  } else {
    return 2;
  }
  return 0;
}
