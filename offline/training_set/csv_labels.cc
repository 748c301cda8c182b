#include "offline/training_set/csv_labels.h"

#include <arrow/api.h>
#include <arrow/csv/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>

#include "absl/strings/numbers.h"
#include "engine/batch/arrow_type.h"
#include "forebay/v1/definition.pb.h"
#include "offline/training_set/cell_value.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr size_t kMostShown = 200;  // bytes of a line, in a message

// A line whose number of fields is not the header's.
struct WrongWidth {
  int64_t row = 0;
  int expected = 0;
  int found = 0;
  std::string text;  // its beginning: a quote that is not closed makes it long
};

absl::Status WrongLine(const std::string& path, int64_t row, const std::string& what) {
  return absl::InvalidArgumentError(
      fmt::format("labels {}, line {}: {}", path, LineOfCsvLabel(path, row), what));
}

// `texts` are the columns to be read as text. One thread, so that rows are numbered.
arrow::Result<std::shared_ptr<arrow::Table>> Read(std::shared_ptr<arrow::io::InputStream> file,
                                                  const std::vector<std::string>& texts,
                                                  std::optional<WrongWidth>* wrong) {
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = false;
  auto parse = arrow::csv::ParseOptions::Defaults();
  parse.newlines_in_values = true;
  parse.invalid_row_handler = [wrong](const arrow::csv::InvalidRow& row) {
    // Rows are counted from 1, and the header is one.
    *wrong = {row.number - 2, row.expected_columns, row.actual_columns,
              std::string(row.text.substr(0, kMostShown))};
    return arrow::csv::InvalidRowResult::Error;
  };
  auto convert = arrow::csv::ConvertOptions::Defaults();
  for (const std::string& name : texts) convert.column_types[name] = arrow::utf8();
  ARROW_ASSIGN_OR_RAISE(
      auto reader, arrow::csv::TableReader::Make(arrow::io::default_io_context(), std::move(file),
                                                 read, parse, convert));
  return reader->Read();
}

bool IsNull(std::string_view text) {
  static const auto& words = *new std::set<std::string, std::less<>>([] {
    auto defaults = arrow::csv::ConvertOptions::Defaults().null_values;
    return std::set<std::string, std::less<>>(defaults.begin(), defaults.end());
  }());
  return words.contains(text);
}

std::string_view Wanted(v1::DataType type) {
  switch (type) {
    case v1::INT64:
      return "whole number";
    case v1::BOOL:
      return "true or false";
    default:
      return "RFC 3339 time such as 2013-01-01T05:00:00Z";
  }
}

std::optional<int64_t> ParseKey(v1::DataType type, std::string_view text) {
  if (type == v1::INT64) return ParseWholeNumber(text);
  bool truth = false;
  if (type == v1::BOOL && absl::SimpleAtob(absl::string_view(text.data(), text.size()), &truth)) {
    return truth ? 1 : 0;
  }
  if (type == v1::TIMESTAMP) {
    if (absl::StatusOr<int64_t> time = ParseTime(text); time.ok()) return *time;
  }
  return std::nullopt;
}

arrow::Status AppendKey(v1::DataType type, std::optional<int64_t> value,
                        arrow::ArrayBuilder* builder) {
  if (!value) return builder->AppendNull();
  switch (type) {
    case v1::BOOL:
      return static_cast<arrow::BooleanBuilder*>(builder)->Append(*value != 0);
    case v1::TIMESTAMP:
      return static_cast<arrow::TimestampBuilder*>(builder)->Append(*value);
    default:
      return static_cast<arrow::Int64Builder*>(builder)->Append(*value);
  }
}

arrow::Result<std::shared_ptr<arrow::ChunkedArray>> Finish(arrow::ArrayBuilder* builder) {
  ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
  return std::make_shared<arrow::ChunkedArray>(array);
}

// A key column that is no text, from its text.
absl::StatusOr<std::shared_ptr<arrow::ChunkedArray>> ConvertKeys(const std::string& path,
                                                                 const v1::Field& key,
                                                                 const arrow::ChunkedArray& texts) {
  auto type = ArrowType(static_cast<DataType>(key.type()));
  std::unique_ptr<arrow::ArrayBuilder> builder;
  arrow::Status status = arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder);
  int64_t row = 0;
  for (const auto& chunk : texts.chunks()) {
    for (int64_t i = 0; i < chunk->length() && status.ok(); ++i, ++row) {
      std::string_view text = TextAt(*chunk, i);
      std::optional<int64_t> value;
      if (!IsNull(text)) {
        value = ParseKey(key.type(), text);
        if (!value) {
          return WrongLine(path, row,
                           fmt::format("'{}' in column '{}' is no {}, which the entity's key is",
                                       text, key.name(), Wanted(key.type())));
        }
      }
      status = AppendKey(key.type(), value, builder.get());
    }
  }
  auto converted = status.ok() ? Finish(builder.get()) : status;
  if (converted.ok()) return *std::move(converted);
  return absl::ResourceExhaustedError(
      fmt::format("labels {}, column '{}': {}", path, key.name(), converted.status().message()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<arrow::Table>> ReadCsvLabels(
    const std::string& path, std::shared_ptr<arrow::io::InputStream> file,
    const std::string& time_column, const std::vector<const v1::Field*>& keys) {
  std::vector<std::string> texts = {time_column};
  for (const v1::Field* key : keys) texts.push_back(key->name());
  std::optional<WrongWidth> wrong;
  auto read = Read(std::move(file), texts, &wrong);
  if (wrong) {
    return WrongLine(path, wrong->row,
                     fmt::format("the header has {} columns, this line {}: '{}'", wrong->expected,
                                 wrong->found, wrong->text));
  }
  if (!read.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("cannot read labels {}: {}", path, read.status().message()));
  }
  std::shared_ptr<arrow::Table> table = *std::move(read);
  for (const v1::Field* key : keys) {
    if (key->type() == v1::STRING) continue;
    for (int column : table->schema()->GetAllFieldIndices(key->name())) {
      ASSIGN_OR_RETURN(auto converted, ConvertKeys(path, *key, *table->column(column)));
      auto set = table->SetColumn(column, arrow::field(key->name(), converted->type()), converted);
      if (!set.ok()) return absl::InternalError(set.status().ToString());
      table = *std::move(set);
    }
  }
  return table;
}

int64_t LineOfCsvLabel(const std::string& path, int64_t row) {
  std::ifstream file(path);
  std::string text;
  bool quoted = false;
  int64_t line = 0;
  int64_t begun = -2;  // the header is row -1
  while (std::getline(file, text)) {
    ++line;
    if (!quoted) {
      if (text.empty() || text == "\r") continue;
      if (++begun == row) return line;
    }
    if (std::count(text.begin(), text.end(), '"') % 2 == 1) quoted = !quoted;
  }
  return line;
}

}  // namespace forebay
