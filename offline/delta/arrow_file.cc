#include "offline/delta/arrow_file.h"

#include <fmt/format.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>

#include <algorithm>

#include "offline/delta/file_place.h"
#include "schemas/types/status_macros.h"

namespace forebay {
bool IsInTable(const std::string& data_file) { return data_file.find("://") == std::string::npos; }

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenDataFile(
    const ObjectStore& store, const std::string& table, const std::string& data_file) {
  if (IsInTable(data_file)) return OpenArrowFile(store, table + "/" + data_file);
  const size_t slash = data_file.rfind('/');
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(data_file.substr(0, slash));
  if (!uri.ok()) {
    return absl::UnimplementedError(
        fmt::format("the log calls a data file {}, where forebay cannot read it: {} was expected",
                    data_file, std::string(uri.status().message())));
  }
  std::shared_ptr<ObjectStore> other = OpenObjectStore(*uri, store.s3());
  return OpenArrowFile(std::move(other), data_file.substr(slash + 1));
}

std::string DescribeDataFile(const ObjectStore& store, const std::string& table,
                             const std::string& data_file) {
  return IsInTable(data_file) ? store.Describe(table + "/" + data_file) : data_file;
}

absl::Status UnusableDataFile(const ObjectStore& store, const std::string& table,
                              const std::string& data_file, std::string_view what) {
  return absl::DataLossError(fmt::format(
      "cannot use data file {}: {}; {}put it back from a copy of the table, or build its view anew "
      "with `forebay reset`",
      DescribeDataFile(store, table, data_file), what,
      IsCold(data_file) ? "see that the cold location is there, or " : ""));
}

arrow::Status ArrowOutput::Write(const void* data, int64_t size) {
  status_ = writer_->Append({static_cast<const char*>(data), static_cast<size_t>(size)});
  if (!status_.ok()) return arrow::Status::IOError(std::string(status_.message()));
  size_ += size;
  return arrow::Status::OK();
}

arrow::Status ArrowOutput::Close() {
  closed_ = true;
  return arrow::Status::OK();
}

std::string FindDamagedPage(std::shared_ptr<arrow::io::RandomAccessFile> file) {
  std::string place;
  try {
    auto reader = parquet::ParquetFileReader::Open(std::move(file), CheckedPages());
    for (int group = 0; group < reader->metadata()->num_row_groups(); ++group) {
      for (int column = 0; column < reader->metadata()->num_columns(); ++column) {
        auto pages = reader->RowGroup(group)->GetColumnPageReader(column);
        int page = 0;
        do {
          place = fmt::format("page {} of column {} in row group {}", page++,
                              reader->metadata()->schema()->Column(column)->path()->ToDotString(),
                              group);
        } while (pages->NextPage() != nullptr);
      }
    }
  } catch (const std::exception&) {
    return place;
  }
  return "";
}

}  // namespace forebay
