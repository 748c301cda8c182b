// Writes a compacted offline table of made-up steps of the 22 features of bench/transactions, for
// bench/history.py: what takes hours of events otherwise.
//
//   history_table --project /tmp/project --rows 100000000 --dates 30 --keys 1000000
//
// Every date has some steps of most keys; a file has the rows of a range of key hashes, sorted by
// (key hash, key, effective time). Deterministic.
#include <arrow/api.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "connectors/object_store/object_store.h"
#include "engine/batch/change_batch.h"
#include "engine/state/key.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/data_file.h"
#include "offline/delta/delta_table.h"
#include "offline/sink/table_flush.h"
#include "schemas/definition/lookup.h"
#include "schemas/definition/project.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int64_t kDay = 86'400 * kMicrosPerSecond;
constexpr int64_t kFirstDate = 20'000 * kDay;
constexpr int64_t kGroupRows = 128 * 1024;

struct Flags {
  std::string project;
  int64_t rows = 100'000'000;
  int64_t dates = 30;
  int64_t keys = 1'000'000;
  int64_t file_bytes = 256 << 20;
};

struct TableKey {
  int64_t hash;
  std::string text;
};

uint64_t Mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccd;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53;
  return x ^ (x >> 33);
}

std::vector<TableKey> SortedKeys(int64_t count) {
  std::vector<TableKey> keys;
  for (int64_t i = 0; i < count; ++i) {
    std::string text = fmt::format("u{}", i);
    const int64_t hash = KeyHash(HashedKey(text));
    keys.push_back({hash, std::move(text)});
  }
  std::sort(keys.begin(), keys.end(),
            [](const TableKey& a, const TableKey& b) { return a.hash < b.hash; });
  return keys;
}

// The rows of one row group, column by column.
class RowGroup {
 public:
  explicit RowGroup(std::shared_ptr<arrow::Schema> schema)
      : schema_(std::move(schema)),
        builder_(
            arrow::RecordBatchBuilder::Make(schema_, arrow::default_memory_pool()).ValueOrDie()) {}

  void Add(const TableKey& key, int64_t time, uint64_t random) {
    const int first_time = EffectiveTimeColumn(*schema_);
    (void)builder_->GetFieldAs<arrow::StringBuilder>(0)->Append(key.text);
    for (int c = 1; c < first_time; ++c) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      if (schema_->field(c)->type()->id() == arrow::Type::INT64) {
        (void)builder_->GetFieldAs<arrow::Int64Builder>(c)->Append((random >> 40) % 100);
      } else {
        (void)builder_->GetFieldAs<arrow::DoubleBuilder>(c)->Append(
            static_cast<double>((random >> 40) % 20'000) / 100);
      }
    }
    for (int c = first_time; c < first_time + 3; ++c)
      (void)builder_->GetFieldAs<arrow::TimestampBuilder>(c)->Append(time);
    (void)builder_->GetFieldAs<arrow::StringBuilder>(first_time + kOpColumn)
        ->Append(random % 4 == 0 ? "expire" : "event");
    (void)builder_->GetFieldAs<arrow::Int64Builder>(first_time + kKeyHashColumn)->Append(key.hash);
    (void)builder_->GetFieldAs<arrow::Int32Builder>(first_time + kSourcePartitionColumn)
        ->Append(static_cast<int32_t>(key.hash & 3));
    (void)builder_->GetFieldAs<arrow::Int64Builder>(first_time + kSourceOffsetColumn)
        ->Append((time - kFirstDate) / 1000);
    (void)builder_->GetFieldAs<arrow::Int32Builder>(first_time + kOrdinalColumn)->Append(0);
    (void)builder_->GetFieldAs<arrow::Int32Builder>(first_time + kViewVersionColumn)->Append(1);
    ++rows_;
  }

  int64_t rows() const { return rows_; }
  std::shared_ptr<arrow::RecordBatch> Flush() {
    rows_ = 0;
    return builder_->Flush().ValueOrDie();
  }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
  int64_t rows_ = 0;
};

class TableWriter {
 public:
  TableWriter(const Flags& flags, std::shared_ptr<ObjectStore> store,
              std::unique_ptr<DeltaTable> table, std::shared_ptr<arrow::Schema> schema)
      : flags_(flags),
        store_(std::move(store)),
        table_(std::move(table)),
        schema_(std::move(schema)),
        group_(schema_) {}

  absl::Status Run() {
    std::vector<TableKey> keys = SortedKeys(flags_.keys);
    const double mean = static_cast<double>(flags_.rows) / flags_.dates / flags_.keys;
    for (int64_t date = 0; date < flags_.dates; ++date) {
      AppendRequest request;
      start_ = kFirstDate + date * kDay;
      part_ = 0;
      for (size_t i = 0; i < keys.size(); ++i) {
        const uint64_t random = Mix(keys[i].hash ^ (date + 1) * 0x9e3779b97f4a7c15);
        RETURN_IF_ERROR(AddSteps(keys[i], random, mean, &request));
      }
      RETURN_IF_ERROR(FinishFile(&request));
      request.clocks["transactions-0"] = {start_ + kDay, start_ + kDay};
      ASSIGN_OR_RETURN(int64_t version, table_->Append(request, start_ + kDay));
      fmt::print("date {} of {}: {} files, {} rows so far, version {}\n", date + 1, flags_.dates,
                 request.files.size(), written_, version);
      std::fflush(stdout);
    }
    return absl::OkStatus();
  }

 private:
  // From none to twice the mean number of steps of a key.
  absl::Status AddSteps(const TableKey& key, uint64_t random, double mean, AppendRequest* request) {
    const auto steps =
        static_cast<int64_t>(static_cast<double>(random >> 11) * 0x1p-53 * 2 * mean + 0.5);
    if (file_ != nullptr && file_->size() >= flags_.file_bytes)
      RETURN_IF_ERROR(FinishFile(request));
    for (int64_t step = 0; step < steps; ++step) {
      const int64_t stretch = kDay / steps;
      group_.Add(key, start_ + step * stretch + static_cast<int64_t>(random % stretch),
                 Mix(random + step));
      if (group_.rows() == kGroupRows) RETURN_IF_ERROR(WriteGroup());
    }
    return absl::OkStatus();
  }

  absl::Status WriteGroup() {
    if (file_ == nullptr) {
      DataFileOptions options{
          .stage = FileStage::kCompacted, .run = FormatDate(start_), .part = part_++};
      ASSIGN_OR_RETURN(
          file_, DataFileWriter::Create(store_.get(), table_->path(), FormatDate(start_), *schema_,
                                        *table_->snapshot().schema, options));
    }
    written_ += group_.rows();
    return file_->Write({group_.Flush()});
  }

  absl::Status FinishFile(AppendRequest* request) {
    if (group_.rows() > 0) RETURN_IF_ERROR(WriteGroup());
    if (file_ == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(AddAction add, file_->Finish(start_ + kDay));
    request->files.push_back(std::move(add));
    file_.reset();
    return absl::OkStatus();
  }

  const Flags flags_;
  std::shared_ptr<ObjectStore> store_;
  std::unique_ptr<DeltaTable> table_;
  std::shared_ptr<arrow::Schema> schema_;
  RowGroup group_;
  int64_t start_ = 0;  // of the date
  int64_t part_ = 0;   // likewise
  int64_t written_ = 0;
  std::unique_ptr<DataFileWriter> file_;
};

absl::Status Write(const Flags& flags) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadProject(flags.project, nullptr));
  const v1::FeatureView& view = loaded.project->feature_views(0);
  const v1::Entity* entity = FindEntity(*loaded.project, view.entity());
  std::shared_ptr<ObjectStore> store = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  auto schema = ChangeSchema(view, *entity);
  ASSIGN_OR_RETURN(auto table,
                   DeltaTable::OpenOrCreate(store, OfflineTablePath({view.name(), view.version()}),
                                            *schema, kFirstDate));
  return TableWriter(flags, store, std::move(table), schema).Run();
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  forebay::Flags flags;
  CLI::App app("Writes a table of made-up steps");
  app.add_option("--project", flags.project)->required();
  app.add_option("--rows", flags.rows)->capture_default_str();
  app.add_option("--dates", flags.dates)->capture_default_str();
  app.add_option("--keys", flags.keys)->capture_default_str();
  app.add_option("--file-bytes", flags.file_bytes)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  absl::Status status = forebay::Write(flags);
  if (status.ok()) return 0;
  fmt::print(stderr, "{}\n", status.ToString());
  return 1;
}
