// Rows as text: what commands print of tables and change logs.
#ifndef FOREBAY_OFFLINE_ROW_TEXT_H_
#define FOREBAY_OFFLINE_ROW_TEXT_H_

#include <cstdint>
#include <string>

namespace arrow {
class Array;
class RecordBatch;
}  // namespace arrow

namespace forebay {

// A value as JSON: times as RFC 3339, bytes in base64, null as null.
void AppendJsonCell(const arrow::Array& array, int64_t row, std::string* out);

// A text as it is; any other value as JSON, but without quotes: 2024-01-01T10:00:00.000000Z.
std::string PlainCell(const arrow::Array& array, int64_t row);

// A field of CSV, in quotes where it needs them. Null is the empty field, the empty
// text "", NaN (which JSON lacks) NaN.
void AppendCsvText(const std::string& text, std::string* out);
void AppendCsvCell(const arrow::Array& array, int64_t row, std::string* out);

// The members of an object, one per column: "user_id":"u1","spend_10m":12.5
void AppendJsonCells(const arrow::RecordBatch& rows, int64_t row, std::string* out);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ROW_TEXT_H_
