#include "offline/training_set/labels_file.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <arrow/io/stdio.h>
#include <arrow/ipc/reader.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <tuple>

#include "offline/delta/arrow_file.h"
#include "offline/training_set/csv_labels.h"
#include "offline/training_set/file_hash.h"
#include "offline/training_set/labels_table.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

constexpr char kStdin[] = "-";
constexpr int64_t kReadAtOnce = 1 << 20;

bool IsCsv(const std::string& path) { return path.ends_with(".csv"); }
bool IsParquet(const std::string& path) { return path.ends_with(".parquet"); }

absl::Status CannotRead(const std::string& path, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("cannot read labels {}: {}", path, what));
}

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
  return CannotRead(path, what);
}

// What tells that a file is still the one that was read.
using FileState = std::tuple<ino_t, off_t, time_t, int64_t>;

absl::StatusOr<FileState> StateOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0)
    return FileState(info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  return absl::NotFoundError(fmt::format("cannot open labels {}: {}", path, std::strerror(errno)));
}

absl::Status CheckUnchanged(const std::string& path, const FileState& before) {
  absl::StatusOr<FileState> now = StateOf(path);
  if (now.ok() && *now == before) return absl::OkStatus();
  return absl::AbortedError(fmt::format(
      "labels {} changed while they were read: repeat it when whoever writes them is done", path));
}

absl::StatusOr<LabelsInput> ReadOneFile(const std::string& path, const std::string& time_column,
                                        const std::vector<const v1::Field*>& keys) {
  LabelsInput input{.name = path};
  ASSIGN_OR_RETURN(FileState before, StateOf(path));
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) {
    return absl::NotFoundError(
        fmt::format("cannot open labels {}: {}", path, file.status().message()));
  }
  absl::StatusOr<std::shared_ptr<arrow::Table>> table =
      IsCsv(path) ? ReadCsvLabels(path, *std::move(file), time_column, keys)
                  : ReadParquetLabels(path, *std::move(file));
  RETURN_IF_ERROR(CheckUnchanged(path, before));
  ASSIGN_OR_RETURN(FileFacts facts, HashFile(path));
  RETURN_IF_ERROR(CheckUnchanged(path, before));
  RETURN_IF_ERROR(table.status());
  input.table = *std::move(table);
  input.files.push_back({.path = path, .bytes = facts.bytes, .sha256 = facts.sha256});
  return input;
}

absl::StatusOr<LabelsInput> ReadFolder(const std::string& path, const std::string& time_column,
                                       const std::vector<const v1::Field*>& keys) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".") || name.starts_with("_")) continue;
    if (!IsParquet(name)) {
      return absl::InvalidArgumentError(
          fmt::format("labels {}: there is {} in the folder; expected a Delta table, or .parquet "
                      "files alone",
                      path, name));
    }
    paths.push_back(entry.path().string());
  }
  if (error)
    return absl::NotFoundError(fmt::format("cannot open labels {}: {}", path, error.message()));
  if (paths.empty()) {
    return absl::NotFoundError(fmt::format(
        "labels {}: the folder is empty; expected a Delta table, or .parquet files", path));
  }
  std::sort(paths.begin(), paths.end());
  LabelsInput input{.name = path};
  std::vector<std::shared_ptr<arrow::Table>> tables;
  for (const std::string& one : paths) {
    ASSIGN_OR_RETURN(LabelsInput file, ReadOneFile(one, time_column, keys));
    tables.push_back(file.table->ReplaceSchemaMetadata(nullptr));
    input.files.push_back(std::move(file.files[0]));
    if (tables.back()->schema()->Equals(*tables[0]->schema())) continue;
    return absl::InvalidArgumentError(
        fmt::format("labels {}: its columns are not those of {}: {}, and {}", one, paths[0],
                    tables.back()->schema()->ToString(), tables[0]->schema()->ToString()));
  }
  auto table = arrow::ConcatenateTables(tables);
  if (!table.ok()) return CannotRead(path, table.status().message());
  input.table = *std::move(table);
  return input;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAll(arrow::io::InputStream* stream) {
  arrow::BufferBuilder bytes;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto block, stream->Read(kReadAtOnce));
    if (block->size() == 0) return bytes.Finish();
    ARROW_RETURN_NOT_OK(bytes.Append(block->data(), block->size()));
  }
}

arrow::Result<std::shared_ptr<arrow::Table>> ParseStream(
    const std::shared_ptr<arrow::Buffer>& bytes) {
  auto stream = std::make_shared<arrow::io::BufferReader>(bytes);
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchStreamReader::Open(stream));
  ARROW_ASSIGN_OR_RAISE(auto table, reader->ToTable());
  ARROW_RETURN_NOT_OK(table->ValidateFull());
  return table;
}

absl::StatusOr<LabelsInput> ReadStdin() {
  LabelsInput input{.name = "on stdin"};
  arrow::io::StdinStream stream;
  auto bytes = ReadAll(&stream);
  if (!bytes.ok()) return CannotRead(input.name, bytes.status().message());
  auto table = ParseStream(*bytes);
  if (!table.ok()) {
    return CannotRead(input.name,
                      fmt::format("expected an Arrow IPC stream, of {} bytes that came: {}",
                                  (*bytes)->size(), table.status().message()));
  }
  input.table = *std::move(table);
  Sha256 hash;
  hash.Add(std::string_view(**bytes));
  input.files.push_back({.path = kStdin, .bytes = (*bytes)->size(), .sha256 = hash.Finish()});
  return input;
}

}  // namespace

absl::StatusOr<LabelsInput> ReadLabelsFile(const LabelsSource& source,
                                           const std::string& time_column,
                                           const std::vector<const v1::Field*>& keys) {
  const std::string& path = source.path;
  std::error_code ignored;
  const bool is_table =
      path.find("://") != std::string::npos || fs::is_directory(path + "/_delta_log", ignored);
  if (is_table) return ReadLabelsTable(source);
  if (source.version) {
    return absl::InvalidArgumentError(fmt::format(
        "labels {} are no Delta table: they have no version {}", path, *source.version));
  }
  if (path == kStdin) return ReadStdin();
  if (fs::is_directory(path, ignored)) return ReadFolder(path, time_column, keys);
  if (IsCsv(path) || IsParquet(path)) return ReadOneFile(path, time_column, keys);
  return absl::InvalidArgumentError(fmt::format(
      "labels {} must be a .parquet or .csv file, a folder of Parquet files, a Delta table, or - "
      "for an Arrow stream on stdin",
      path));
}

std::string LabelPlace(const std::string& path, int64_t row) {
  if (IsCsv(path)) return fmt::format("line {}", LineOfCsvLabel(path, row));
  return fmt::format("row {}", row + 1);
}

}  // namespace forebay
