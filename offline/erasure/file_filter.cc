#include "offline/erasure/file_filter.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "engine/batch/take_rows.h"
#include "offline/compaction/row_reader.h"
#include "offline/compaction/step_merge.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/data_file.h"
#include "offline/delta/file_pruning.h"
#include "offline/delta/gathered_file.h"
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

absl::StatusOr<std::unique_ptr<DataFileWriter>> MakeFiltered(const DeltaTable& table,
                                                             const AddAction& file,
                                                             const arrow::Schema& schema,
                                                             const FilePlace& place,
                                                             ParquetEncoding encoding) {
  auto date = file.partition_values.find("date");
  if (date == file.partition_values.end()) {
    return absl::FailedPreconditionError(fmt::format(
        "Delta table {} is not partitioned by date: another program made it anew; copy its "
        "rows to a new warehouse",
        table.path()));
  }
  return DataFileWriter::Create(place.store.get(), place.folder, date->second, schema,
                                *table.snapshot().schema, OptionsOf(file, place, encoding));
}

}  // namespace

absl::StatusOr<FilteredFile> FilterFile(const ObjectStore& store, const DeltaTable& table,
                                        const AddAction& file, const ErasedKey& key,
                                        const FilePlace& place, ParquetEncoding encoding,
                                        const std::function<int64_t()>& now_us) {
  const auto schema = ColumnsOfFiles(table.snapshot(), {file.path});
  ASSIGN_OR_RETURN(std::unique_ptr<RowReader> reader,
                   RowReader::Open(store, table.path(), file.path, schema, kBatchRows));
  GatheredFile writer([&] { return MakeFiltered(table, file, *schema, place, encoding); });
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
