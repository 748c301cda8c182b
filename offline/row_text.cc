#include "offline/row_text.h"

#include <arrow/api.h>

#include <cmath>

#include "schemas/types/json.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

void AppendListCell(const arrow::ListArray& array, int64_t row, std::string* out) {
  const int64_t begin = array.value_offset(row);
  *out += '[';
  for (int64_t i = begin; i < array.value_offset(row + 1); ++i) {
    if (i > begin) *out += ',';
    AppendJsonCell(*array.values(), i, out);
  }
  *out += ']';
}

}  // namespace

void AppendJsonCell(const arrow::Array& array, int64_t row, std::string* out) {
  if (array.IsNull(row)) {
    *out += "null";
    return;
  }
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      *out += static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false";
      break;
    case arrow::Type::INT32:
      AppendJsonInt(static_cast<const arrow::Int32Array&>(array).Value(row), out);
      break;
    case arrow::Type::INT64:
      AppendJsonInt(static_cast<const arrow::Int64Array&>(array).Value(row), out);
      break;
    case arrow::Type::DOUBLE:
      AppendJsonDouble(static_cast<const arrow::DoubleArray&>(array).Value(row), out);
      break;
    case arrow::Type::TIMESTAMP:
      AppendJsonTime(static_cast<const arrow::TimestampArray&>(array).Value(row), out);
      break;
    case arrow::Type::DATE32:
      AppendJsonString(
          FormatDate(int64_t{static_cast<const arrow::Date32Array&>(array).Value(row)} * 86'400 *
                     kMicrosPerSecond),
          out);
      break;
    case arrow::Type::STRING:
      AppendJsonString(static_cast<const arrow::StringArray&>(array).GetView(row), out);
      break;
    case arrow::Type::BINARY:
      AppendJsonBytes(static_cast<const arrow::BinaryArray&>(array).GetView(row), out);
      break;
    case arrow::Type::LIST:
      AppendListCell(static_cast<const arrow::ListArray&>(array), row, out);
      break;
    default:
      AppendJsonString(array.type()->ToString(), out);
  }
}

std::string PlainCell(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::STRING && array.IsValid(row))
    return static_cast<const arrow::StringArray&>(array).GetString(row);
  std::string text;
  AppendJsonCell(array, row, &text);
  if (text.size() >= 2 && text.front() == '"') return text.substr(1, text.size() - 2);
  return text;
}

void AppendCsvText(const std::string& text, std::string* out) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) {
    *out += text;
    return;
  }
  *out += '"';
  for (char c : text) {
    if (c == '"') *out += '"';
    *out += c;
  }
  *out += '"';
}

void AppendCsvCell(const arrow::Array& array, int64_t row, std::string* out) {
  if (array.IsNull(row)) return;
  const bool is_nan = array.type_id() == arrow::Type::DOUBLE &&
                      std::isnan(static_cast<const arrow::DoubleArray&>(array).Value(row));
  AppendCsvText(is_nan ? "NaN" : PlainCell(array, row), out);
}

void AppendJsonCells(const arrow::RecordBatch& rows, int64_t row, std::string* out) {
  for (int c = 0; c < rows.num_columns(); ++c) {
    if (c > 0) *out += ',';
    AppendJsonString(rows.schema()->field(c)->name(), out);
    *out += ':';
    AppendJsonCell(*rows.column(c), row, out);
  }
}

}  // namespace forebay
