#include "offline/training_set/live_keys.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/batch/arrow_type.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/data_file.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/key_column.h"
#include "offline/training_set/row_file.h"
#include "offline/upkeep/lease.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Which keys live at which times.
class LivingKeys {
 public:
  explicit LivingKeys(const std::vector<int64_t>& times) : times_(times) {}

  // One row of the view that is being read.
  void Add(const std::string& key, int64_t effective_time, bool deleted) {
    const auto step = std::lower_bound(times_.begin(), times_.end(), effective_time);
    if (step == times_.end()) return;
    const uint32_t number = numbers_.try_emplace(key, numbers_.size()).first->second;
    newest_.resize(numbers_.size() * times_.size());
    Newest& newest = newest_[number * times_.size() + (step - times_.begin())];
    if (newest.time > effective_time) return;
    newest = {.time = effective_time, .deleted = deleted};
  }

  void FinishView() {
    alive_.resize(numbers_.size() * times_.size());
    for (size_t key = 0; key < numbers_.size(); ++key) {
      bool alive = false;
      for (size_t step = 0; step < times_.size(); ++step) {
        const size_t cell = key * times_.size() + step;
        if (cell < newest_.size() && newest_[cell].time != INT64_MIN)
          alive = !newest_[cell].deleted;
        alive_[cell] |= alive ? 1 : 0;
      }
    }
    newest_.clear();
  }

  // In the order of their bytes, which is that of their values, whatever files they came from.
  std::vector<const std::string*> Sorted() const {
    std::vector<const std::string*> keys;
    for (const auto& [key, number] : numbers_) keys.push_back(&key);
    std::sort(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a < *b; });
    return keys;
  }

  bool IsAlive(const std::string& key, size_t step) const {
    return alive_[numbers_.at(key) * times_.size() + step] != 0;
  }

 private:
  // The last row of a key after the time before and up to this one.
  struct Newest {
    int64_t time = INT64_MIN;
    bool deleted = false;
  };

  const std::vector<int64_t>& times_;
  absl::flat_hash_map<std::string, uint32_t> numbers_;
  std::vector<Newest> newest_;  // by key and time
  std::vector<uint8_t> alive_;  // likewise, in any view
};

// Of a view: where its rows go, and which they are.
struct ViewRows {
  const v1::Entity* entity;
  const RowBounds* bounds;  // null: all
  LivingKeys* living;
};

arrow::Status ReadGroup(const RowFile& file, int group, const ViewRows& view) {
  const v1::Entity& entity = *view.entity;
  arrow::ArrayVector parts;
  for (const v1::Field& key : entity.keys()) {
    ARROW_ASSIGN_OR_RAISE(parts.emplace_back(), file.Read(group, key.name()));
    if (parts.back() == nullptr)
      return arrow::Status::Invalid("key column ", key.name(), " is missing");
    if (absl::Status fits = CheckKeyType(key, *parts.back()->type()); !fits.ok())
      return arrow::Status::Invalid(std::string(fits.message()));
  }
  ARROW_ASSIGN_OR_RAISE(auto times, file.Read(group, "_effective_time"));
  ARROW_ASSIGN_OR_RAISE(auto ops, file.Read(group, "_op"));
  if (times == nullptr || times->type_id() != arrow::Type::TIMESTAMP)
    return arrow::Status::Invalid("column _effective_time holds no times");
  if (ops == nullptr || !IsText(ops->type_id()))
    return arrow::Status::Invalid("column _op is no text");
  std::vector<uint8_t> within(times->length(), 1);
  if (view.bounds != nullptr) {
    ARROW_ASSIGN_OR_RAISE(within, RowsWithin({.file = &file, .group = group}, *view.bounds));
  }
  KeyReader keys(std::move(parts));
  std::string key;
  for (int64_t row = 0; row < times->length(); ++row) {
    if (within[row] != 0 && keys.Encode(row, &key))
      view.living->Add(key, IntegerAt(*times, row), TextAt(*ops, row) == "delete");
  }
  return arrow::Status::OK();
}

absl::Status ReadView(const LiveKeysRequest& request, const ViewId& view, TableVersion* version,
                      LivingKeys* living) {
  const std::string path = OfflineTablePath(view);
  absl::StatusOr<Snapshot> snapshot = LoadSnapshotAt(*request.warehouse, path, *version);
  if (absl::IsNotFound(snapshot.status()) && version->IsNewest()) return absl::OkStatus();
  RETURN_IF_ERROR(snapshot.status());
  // Who may not write there reads without a lease.
  absl::StatusOr<Lease> lease =
      Lease::Take(request.warehouse, path, snapshot->timestamp_ms, absl::ToUnixMicros(absl::Now()));
  if (version->IsNewest())
    RETURN_IF_ERROR(RefreshSnapshot(*request.warehouse, path, std::nullopt, &*snapshot));
  *version = {.number = snapshot->version};
  ViewRows rows{.entity = request.entity, .bounds = nullptr, .living = living};
  if (auto bounds = request.bounds->find(view); bounds != request.bounds->end())
    rows.bounds = &bounds->second;
  for (const auto& [name, file] : snapshot->files) {
    if (std::optional<int64_t> start = StartOfDate(file); start && *start > request.times.back())
      continue;
    if (lease.ok()) lease->Renew(absl::ToUnixMicros(absl::Now())).IgnoreError();
    RETURN_IF_ERROR(
        ReadGroups(*request.warehouse, path, *snapshot, name,
                   [&](const RowFile& file, int group) { return ReadGroup(file, group, rows); }));
  }
  living->FinishView();
  return absl::OkStatus();
}

arrow::Status AppendPart(const Value& part, v1::DataType type, arrow::ArrayBuilder* builder) {
  switch (type) {
    case v1::BOOL:
      return static_cast<arrow::BooleanBuilder*>(builder)->Append(std::get<bool>(part));
    case v1::INT64:
      return static_cast<arrow::Int64Builder*>(builder)->Append(std::get<int64_t>(part));
    case v1::TIMESTAMP:
      return static_cast<arrow::TimestampBuilder*>(builder)->Append(std::get<int64_t>(part));
    default:
      return static_cast<arrow::StringBuilder*>(builder)->Append(std::get<std::string>(part));
  }
}

// The columns of keys and of their times, in the making.
class KeyTable {
 public:
  KeyTable(const v1::Entity& entity, const std::string& time_column) : entity_(entity) {
    arrow::FieldVector fields;
    for (const v1::Field& key : entity.keys())
      fields.push_back(arrow::field(key.name(), ArrowType(static_cast<DataType>(key.type()))));
    fields.push_back(arrow::field(time_column, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));
    schema_ = arrow::schema(std::move(fields));
  }

  arrow::Status Open() {
    return arrow::RecordBatchBuilder::Make(schema_, arrow::default_memory_pool()).Value(&builder_);
  }

  arrow::Status Append(const std::vector<Value>& key, int64_t time) {
    for (int part = 0; part < entity_.keys_size(); ++part) {
      ARROW_RETURN_NOT_OK(
          AppendPart(key[part], entity_.keys(part).type(), builder_->GetField(part)));
    }
    return builder_->GetFieldAs<arrow::TimestampBuilder>(entity_.keys_size())->Append(time);
  }

  arrow::Result<std::shared_ptr<arrow::Table>> Finish() {
    ARROW_ASSIGN_OR_RAISE(auto batch, builder_->Flush());
    return arrow::Table::FromRecordBatches(schema_, {batch});
  }

 private:
  const v1::Entity& entity_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
};

}  // namespace

absl::StatusOr<Labels> ReadLiveKeys(const LiveKeysRequest& request) {
  for (const v1::Field& key : request.entity->keys()) {
    if (key.name() != request.time_column) continue;
    return absl::InvalidArgumentError(
        fmt::format("entity {} has a key '{}', which is to be the column of the times: name "
                    "another with --time",
                    request.entity->name(), key.name()));
  }
  LivingKeys living(request.times);
  for (size_t view = 0; view < request.views.size(); ++view) {
    RETURN_IF_ERROR(ReadView(request, request.views[view], &(*request.versions)[view], &living));
  }
  const std::vector<const std::string*> sorted = living.Sorted();
  std::vector<std::vector<Value>> values;
  for (const std::string* key : sorted) {
    ASSIGN_OR_RETURN(values.emplace_back(), DecodeKey(*request.entity, *key));
  }
  Labels labels{.path = "of all keys"};
  KeyTable table(*request.entity, request.time_column);
  arrow::Status status = table.Open();
  for (size_t step = 0; step < request.times.size(); ++step) {
    for (size_t key = 0; key < sorted.size() && status.ok(); ++key) {
      if (!living.IsAlive(*sorted[key], step)) continue;
      labels.times.emplace_back(request.times[step]);
      status = table.Append(values[key], request.times[step]);
    }
  }
  auto finished =
      status.ok() ? table.Finish() : arrow::Result<std::shared_ptr<arrow::Table>>(status);
  if (!finished.ok()) return absl::ResourceExhaustedError(finished.status().message());
  labels.table = *std::move(finished);
  return labels;
}

}  // namespace forebay
