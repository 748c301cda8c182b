#include "offline/training_set/training_set_writer.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/delta_table.h"
#include "offline/delta/random_id.h"
#include "offline/training_set/file_encoder.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostParts = 1000;
constexpr char kSplitColumn[] = "split";
constexpr char kReplaced[] = ".replaced";

struct TablePath {
  StoreUri root;
  std::string table;
};

absl::StatusOr<TablePath> PathOfTable(const std::string& path) {
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(path);
  if (!uri.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("--out {}: expected {}", path, std::string(uri.status().message())));
  }
  const size_t slash = uri->path.rfind('/');
  TablePath at{.root = *uri, .table = uri->path.substr(slash == std::string::npos ? 0 : slash + 1)};
  at.root.path = slash == std::string::npos ? (uri->is_file() ? "." : "")
                                            : uri->path.substr(0, slash == 0 ? 1 : slash);
  if (!at.table.empty() && at.table != "." && at.table != "..") return at;
  return absl::InvalidArgumentError(fmt::format("--out {}: name a folder for the table", path));
}

absl::Status Occupied(const std::string& path, std::string_view what) {
  return absl::FailedPreconditionError(
      fmt::format("there is {} at {} already: name another place with --out", what, path));
}

// Whether the folder holds what a training set partitioned by `column` holds, and no more.
bool IsPartitioned(const fs::path& folder, const std::string& column) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with(PartitionFolder(column, ""))) return false;
  }
  return true;
}

// Where a split of files goes; "out.parquet" becomes "out-train.parquet".
std::string RootOf(const OutputOptions& options, const std::string& split) {
  if (split.empty()) return options.path;
  const fs::path path(options.path);
  const bool has_ending = FormatOfPath(options.path).has_value();
  const std::string name = has_ending ? path.stem().string() : path.filename().string();
  const std::string ending = has_ending ? path.extension().string() : "";
  return (path.parent_path() / fmt::format("{}-{}{}", name, split, ending)).string();
}

absl::Status CheckTable(const OutputOptions& options) {
  ASSIGN_OR_RETURN(TablePath at, PathOfTable(options.path));
  absl::Status table = LoadSnapshot(*OpenObjectStore(at.root, options.s3), at.table, {}).status();
  std::error_code ignored;
  if (absl::IsNotFound(table)) {
    if (at.root.is_file() && fs::exists(options.path, ignored) &&
        !fs::is_empty(options.path, ignored))
      return Occupied(options.path, "something else than a Delta table");
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(table);
  if (options.overwrite) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("there is a Delta table at {} already: --overwrite replaces its rows, as one "
                  "commit; or name another place with --out",
                  options.path));
}

absl::Status CheckFiles(const OutputOptions& options) {
  if (options.path.find("://") != std::string::npos) {
    return absl::InvalidArgumentError(
        fmt::format("--out {}: only a Delta table can be written there (--out-format delta); {} is "
                    "written to a path of this machine",
                    options.path, OutputFormatName(options.format)));
  }
  std::vector<std::string> splits = options.split_names;
  if (splits.empty()) splits.emplace_back();
  for (const std::string& split : splits) {
    const std::string root = RootOf(options, split);
    std::error_code error;
    const fs::file_status there = fs::status(root, error);
    if (!fs::exists(there)) continue;
    if (options.partition_by.empty()) {
      if (fs::is_directory(there)) return Occupied(root, "a folder");
    } else if (!fs::is_directory(there)) {
      return Occupied(root, "a file");
    } else if (!IsPartitioned(root, options.partition_by)) {
      return Occupied(root, "a folder with something else than partitions by that column");
    } else if (!options.overwrite && !fs::is_empty(root, error)) {
      return absl::FailedPreconditionError(
          fmt::format("there is a folder {} already: --overwrite replaces it; or name another "
                      "place with --out",
                      root));
    }
  }
  return absl::OkStatus();
}

}  // namespace

// One file.
struct TrainingSetWriter::Part {
  std::string path;  // in the end
  std::string staged;
  AddAction action;                      // of a Delta table
  std::unique_ptr<ObjectWriter> object;  // likewise; used by `file`
  std::unique_ptr<FileEncoder> file;
};

absl::Status CheckOutput(const OutputOptions& options) {
  if (options.path.empty()) return absl::InvalidArgumentError("--out: name the output");
  return options.format == OutputFormat::kDelta ? CheckTable(options) : CheckFiles(options);
}

TrainingSetWriter::TrainingSetWriter(OutputOptions options, std::shared_ptr<arrow::Schema> schema,
                                     std::vector<uint8_t> splits)
    : options_(std::move(options)),
      schema_(std::move(schema)),
      part_schema_(schema_),
      splits_(std::move(splits)),
      unfinished_(fmt::format(".{}.partial", RandomId())),
      null_counts_(schema_->num_fields()) {}

absl::StatusOr<std::unique_ptr<TrainingSetWriter>> TrainingSetWriter::Create(
    OutputOptions options, std::shared_ptr<arrow::Schema> schema, std::vector<uint8_t> splits) {
  RETURN_IF_ERROR(CheckOutput(options));
  std::unique_ptr<TrainingSetWriter> writer(
      new TrainingSetWriter(std::move(options), std::move(schema), std::move(splits)));
  const std::string& column = writer->options_.partition_by;
  if (!column.empty()) {
    const int index = writer->schema_->GetFieldIndex(column);
    if (index < 0) {
      return absl::InvalidArgumentError(
          fmt::format("--partition-by {}: there is no such column{}", column,
                      definition::AllowedNames(column, writer->schema_->field_names(), "columns")));
    }
    RETURN_IF_ERROR(CheckPartitionType(column, *writer->schema_->field(index)->type()));
    writer->part_schema_ = writer->schema_->RemoveField(index).ValueOrDie();
  }
  if (writer->is_delta()) {
    RETURN_IF_ERROR(writer->OpenTable());
  } else if (column.empty()) {  // a file without rows is one, too
    const int splits_there = std::max<int>(1, std::ssize(writer->options_.split_names));
    for (int split = 0; split < splits_there; ++split)
      RETURN_IF_ERROR(writer->Open({split, std::nullopt}).status());
  }
  return writer;
}

TrainingSetWriter::~TrainingSetWriter() {
  if (finished_) return;
  std::error_code ignored;
  for (auto& [key, part] : parts_) {
    part.file.reset();
    if (is_delta()) {
      part.object.reset();
      store_->Delete(part.staged).IgnoreError();
    }
  }
  for (const std::string& root : roots_) fs::remove_all(root + unfinished_, ignored);
}

absl::Status TrainingSetWriter::Failed(std::string_view what) const {
  return absl::FailedPreconditionError(
      fmt::format("cannot write the training set {}: {}", options_.path, what));
}

std::string TrainingSetWriter::SplitName(int split) const {
  return options_.split_names.empty() ? "" : options_.split_names[split];
}

absl::Status TrainingSetWriter::OpenTable() {
  if (!options_.split_names.empty() && schema_->GetFieldIndex(kSplitColumn) >= 0) {
    return absl::InvalidArgumentError(
        "the labels have a column 'split', which is what the table has the splits in: rename it");
  }
  ASSIGN_OR_RETURN(TablePath at, PathOfTable(options_.path));
  store_ = OpenObjectStore(at.root, options_.s3);
  table_ = at.table;
  return absl::OkStatus();
}

absl::StatusOr<TrainingSetWriter::Part*> TrainingSetWriter::Open(const PartKey& key) {
  if (auto found = parts_.find(key); found != parts_.end()) return &found->second;
  if (parts_.size() == kMostParts) {
    return absl::InvalidArgumentError(
        fmt::format("--partition-by {}: the column has more than {} values: choose one with fewer",
                    options_.partition_by, kMostParts));
  }
  const std::string split = SplitName(key.split);
  std::string folder;
  if (!options_.partition_by.empty()) folder = PartitionFolder(options_.partition_by, key.value);
  Part part;
  std::shared_ptr<arrow::io::OutputStream> out;
  if (is_delta()) {
    if (!split.empty()) {
      part.action.partition_values[kSplitColumn] = split;
      part.action.path = PartitionFolder(kSplitColumn, split) + "/";
    }
    if (!folder.empty()) {
      // The empty text is null to the Delta protocol.
      part.action.partition_values[options_.partition_by] = key.value.value_or("");
      part.action.path += folder + "/";
    }
    part.action.path += fmt::format("part-{}.parquet", RandomId());
    part.staged = table_ + "/" + part.action.path;
    part.path = store_->Describe(part.staged);
    ASSIGN_OR_RETURN(part.object, store_->Create(part.staged));
    out = std::make_shared<ArrowOutput>(part.object.get());
  } else {
    const std::string root = RootOf(options_, split);
    std::error_code error;
    roots_.insert(root);
    part.path = root;
    part.staged = root + unfinished_;
    if (!folder.empty()) {
      const std::string name =
          fmt::format("/{}/part-0.{}", folder, OutputFormatName(options_.format));
      part.path += name;
      part.staged += name;
      fs::create_directories(fs::path(part.staged).parent_path(), error);
    }
    auto file = arrow::io::FileOutputStream::Open(part.staged);
    if (!file.ok()) return Failed(file.status().message());
    out = *file;
  }
  auto file = FileEncoder::Open(std::move(out), part_schema_, options_.format, options_.layout,
                                options_.executor);
  if (!file.ok()) return Failed(file.status().message());
  part.file = *std::move(file);
  return &parts_.emplace(key, std::move(part)).first->second;
}

absl::Status TrainingSetWriter::WritePart(const PartKey& key, std::shared_ptr<arrow::Table> rows) {
  ASSIGN_OR_RETURN(Part * part, Open(key));
  std::string what;
  try {
    arrow::Status status = part->file->Write(std::move(rows));
    if (status.ok()) return absl::OkStatus();
    what = status.message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return Failed(what);
}

absl::Status TrainingSetWriter::Write(const std::shared_ptr<arrow::Table>& rows) {
  const uint8_t* splits = splits_.empty() ? nullptr : splits_.data() + row_;
  row_ += rows->num_rows();
  for (int c = 0; c < rows->num_columns(); ++c) null_counts_[c] += rows->column(c)->null_count();
  if (splits == nullptr && options_.partition_by.empty()) return WritePart({}, rows);
  ASSIGN_OR_RETURN(auto parts, TakeParts(rows, splits, options_.partition_by));
  for (auto& [key, of_part] : parts) RETURN_IF_ERROR(WritePart(key, std::move(of_part)));
  return absl::OkStatus();
}

absl::Status TrainingSetWriter::CommitTable() {
  const int64_t now_us = absl::ToUnixMicros(absl::Now());
  WholeTable whole;
  arrow::FieldVector fields;
  if (!options_.split_names.empty()) {
    whole.partition_columns.emplace_back(kSplitColumn);
    fields.push_back(arrow::field(kSplitColumn, arrow::utf8()));
  }
  if (!options_.partition_by.empty()) whole.partition_columns.push_back(options_.partition_by);
  for (const auto& field : schema_->fields()) fields.push_back(field->WithNullable(true));
  whole.schema = arrow::schema(std::move(fields));
  for (auto& [key, part] : parts_) {
    RETURN_IF_ERROR(part.object->Finish());
    nlohmann::ordered_json nulls = nlohmann::ordered_json::object();
    for (int c = 0; c < part_schema_->num_fields(); ++c)
      nulls[part_schema_->field(c)->name()] = part.file->null_counts()[c];
    part.action.stats =
        nlohmann::ordered_json{{"numRecords", part.file->rows()}, {"nullCount", nulls}}.dump();
    part.action.size = part.file->facts().bytes;
    part.action.modified_ms = now_us / 1000;
    whole.files.push_back(part.action);
  }
  return DeltaTable::WriteWhole(store_, table_, whole, options_.overwrite, now_us).status();
}

absl::Status TrainingSetWriter::RenameFiles() {
  for (const std::string& root : roots_) {
    std::error_code error;
    const bool replaces_folder = !options_.partition_by.empty() && fs::exists(root, error);
    if (replaces_folder) fs::rename(root, root + kReplaced, error);
    if (!error) fs::rename(root + unfinished_, root, error);
    if (error) return Failed(fmt::format("{}: {}", root, error.message()));
    if (replaces_folder) fs::remove_all(root + kReplaced, error);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<OutputFile>> TrainingSetWriter::Finish(
    const std::function<absl::Status(const std::vector<OutputFile>&)>& check) {
  std::vector<OutputFile> files;
  for (auto& [key, part] : parts_) {
    std::string what;
    try {
      arrow::Status status = part.file->Finish();
      if (!status.ok()) what = status.message();
    } catch (const std::exception& e) {
      what = e.what();
    }
    if (!what.empty()) return Failed(what);
    const FileFacts facts = part.file->facts();
    files.push_back(
        {part.path, SplitName(key.split), part.file->rows(), facts.bytes, facts.sha256});
  }
  if (check) RETURN_IF_ERROR(check(files));
  RETURN_IF_ERROR(is_delta() ? CommitTable() : RenameFiles());
  finished_ = true;
  return files;
}

}  // namespace forebay
