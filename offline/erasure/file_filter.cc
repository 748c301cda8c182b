#include "offline/erasure/file_filter.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "engine/batch/take_rows.h"
#include "offline/compaction/step_merge.h"
#include "offline/compaction/row_reader.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/data_file.h"
#include "offline/delta/file_pruning.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Batch = std::shared_ptr<arrow::RecordBatch>;

constexpr int64_t kBatchRows = 32 * 1024;

// As the file was written. One of another program becomes as one of a flush: in no order that is
// known.
DataFileOptions OptionsOf(const AddAction& file, const FilePlace& place, ParquetEncoding encoding) {
  DataFileOptions options{.encoding = encoding, .cold = IsCold(file.path), .prefix = place.prefix};
  auto run = file.tags.find(kRunTag);
  const bool compacted = NumberTag(file, kStageTag) == static_cast<int>(FileStage::kCompacted);
  if (!compacted || run == file.tags.end()) return options;
  options.stage = FileStage::kCompacted;
  options.run = run->second;
  options.part = NumberTag(file, kPartTag).value_or(0);
  return options;
}

// The rows but for `erased`, which are in order.
Batch Without(const Batch& batch, const std::vector<int64_t>& erased) {
  std::vector<RowOfBatch> kept;
  kept.reserve(batch->num_rows() - erased.size());
  auto next = erased.begin();
  for (int64_t row = 0; row < batch->num_rows(); ++row) {
    if (next != erased.end() && *next == row) {
      ++next;
    } else {
      kept.push_back({batch.get(), row});
    }
  }
  return TakeRows(batch, kept);
}

// Makes the file with the first row.
class FilteredWriter {
 public:
  FilteredWriter(const DeltaTable& table, const AddAction& file, const arrow::Schema& schema,
                 const FilePlace& place, ParquetEncoding encoding)
      : table_(table), file_(file), schema_(schema), place_(place), encoding_(encoding) {}

  absl::Status Add(Batch rows) {
    if (rows->num_rows() == 0) return absl::OkStatus();
    pending_rows_ += rows->num_rows();
    pending_.push_back(std::move(rows));
    return pending_rows_ < kRowGroupRows ? absl::OkStatus() : WriteRowGroup();
  }

  absl::StatusOr<std::optional<AddAction>> Finish(int64_t now_us) {
    RETURN_IF_ERROR(WriteRowGroup());
    if (writer_ == nullptr) return std::nullopt;
    ASSIGN_OR_RETURN(AddAction added, writer_->Finish(now_us));
    return added;
  }

 private:
  absl::Status WriteRowGroup() {
    if (pending_.empty()) return absl::OkStatus();
    if (writer_ == nullptr) {
      auto date = file_.partition_values.find("date");
      if (date == file_.partition_values.end()) {
        return absl::FailedPreconditionError(fmt::format(
            "Delta table {} is not partitioned by date: another program made it anew; copy its "
            "rows to a new warehouse",
            table_.path()));
      }
      ASSIGN_OR_RETURN(
          writer_,
          DataFileWriter::Create(place_.store.get(), place_.folder, date->second, schema_,
                                 *table_.snapshot().schema, OptionsOf(file_, place_, encoding_)));
    }
    pending_rows_ = 0;
    return writer_->Write(std::exchange(pending_, {}));
  }

  const DeltaTable& table_;
  const AddAction& file_;
  const arrow::Schema& schema_;
  const FilePlace& place_;
  const ParquetEncoding encoding_;
  std::vector<Batch> pending_;
  int64_t pending_rows_ = 0;
  std::unique_ptr<DataFileWriter> writer_;
};

}  // namespace

absl::StatusOr<FilteredFile> FilterFile(const ObjectStore& store, const DeltaTable& table,
                                        const AddAction& file, const ErasedKey& key,
                                        const FilePlace& place, ParquetEncoding encoding,
                                        const std::function<int64_t()>& now_us) {
  const auto schema = ColumnsOfFiles(table.snapshot(), {file.path});
  ASSIGN_OR_RETURN(std::unique_ptr<RowReader> reader,
                   RowReader::Open(store, table.path(), file.path, schema, kBatchRows));
  FilteredWriter writer(table, file, *schema, place, encoding);
  FilteredFile filtered;
  int64_t rows = 0;
  while (true) {
    ASSIGN_OR_RETURN(Batch batch, reader->Next());
    if (batch == nullptr) break;
    rows += batch->num_rows();
    auto erased = FindErased(*batch, key);
    if (!erased.ok()) {
      return absl::DataLossError(fmt::format("cannot use data file {}: {}",
                                             DescribeDataFile(store, table.path(), file.path),
                                             erased.status().message()));
    }
    filtered.rows_erased += static_cast<int64_t>(erased->size());
    RETURN_IF_ERROR(writer.Add(Without(batch, *erased)));
  }
  if (std::optional<int64_t> wanted = RowsOf(file); wanted && *wanted != rows) {
    return absl::DataLossError(fmt::format(
        "data file {} has {} rows, and the log says {}: put it back from a copy of the table, or "
        "build its view anew with `forebay reset`",
        DescribeDataFile(store, table.path(), file.path), rows, *wanted));
  }
  ASSIGN_OR_RETURN(filtered.file, writer.Finish(now_us()));
  return filtered;
}

}  // namespace forebay
