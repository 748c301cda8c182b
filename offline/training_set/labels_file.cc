#include "offline/training_set/labels_file.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include "offline/delta/arrow_file.h"
#include "offline/training_set/csv_labels.h"

namespace forebay {
namespace {

bool IsCsv(const std::string& path) { return path.ends_with(".csv"); }

arrow::Result<std::shared_ptr<arrow::Table>> ReadParquet(
    std::shared_ptr<arrow::io::RandomAccessFile> file) {
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenParquet(std::move(file)));
  return reader->ReadTable();
}

absl::StatusOr<std::shared_ptr<arrow::Table>> ReadParquetLabels(
    const std::string& path, std::shared_ptr<arrow::io::RandomAccessFile> file) {
  std::string what;
  try {
    auto table = ReadParquet(std::move(file));
    if (table.ok()) return *std::move(table);
    what = table.status().message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return absl::InvalidArgumentError(fmt::format("cannot read labels {}: {}", path, what));
}

}  // namespace

absl::StatusOr<std::shared_ptr<arrow::Table>> ReadLabelsFile(
    const std::string& path, const std::string& time_column,
    const std::vector<const v1::Field*>& keys) {
  if (!IsCsv(path) && !path.ends_with(".parquet")) {
    return absl::InvalidArgumentError(
        fmt::format("labels {} must be a .parquet or .csv file", path));
  }
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) {
    return absl::NotFoundError(
        fmt::format("cannot open labels {}: {}", path, file.status().message()));
  }
  if (IsCsv(path)) return ReadCsvLabels(path, *std::move(file), time_column, keys);
  return ReadParquetLabels(path, *std::move(file));
}

std::string LabelPlace(const std::string& path, int64_t row) {
  if (IsCsv(path)) return fmt::format("line {}", LineOfCsvLabel(path, row));
  return fmt::format("row {}", row + 1);
}

}  // namespace forebay
