#include "offline/dump.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "offline/change_log/segment.h"
#include "schemas/types/json.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

void AppendListCell(const arrow::ListArray& array, int64_t row, std::string* out);

void AppendCell(const arrow::Array& array, int64_t row, std::string* out) {
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

void AppendListCell(const arrow::ListArray& array, int64_t row, std::string* out) {
  const int64_t begin = array.value_offset(row);
  *out += '[';
  for (int64_t i = begin; i < array.value_offset(row + 1); ++i) {
    if (i > begin) *out += ',';
    AppendCell(*array.values(), i, out);
  }
  *out += ']';
}

void DumpRows(const TableRows& section, std::ostream* out) {
  const arrow::RecordBatch& rows = *section.rows;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::string line = section.table.is_archive() ? "{\"archive\":" : "{\"view\":";
    AppendJsonString(section.table.name, &line);
    if (!section.table.is_archive()) line += fmt::format(",\"version\":{}", section.table.version);
    for (int c = 0; c < rows.num_columns(); ++c) {
      line += ',';
      AppendJsonString(rows.schema()->field(c)->name(), &line);
      line += ':';
      AppendCell(*rows.column(c), row, &line);
    }
    *out << line << "}\n";
  }
}

void AppendKnownTime(KnownTime time, std::string* line) {
  if (time == KnownTime::Min()) {
    *line += "null";
  } else {
    AppendJsonTime(time.value(), line);
  }
}

}  // namespace

absl::Status DumpSegment(const std::string& path, std::ostream* out) {
  ASSIGN_OR_RETURN(Segment segment, ReadSegment(path, /*torn_tail_allowed=*/true));
  ASSIGN_OR_RETURN(std::vector<ChangeFrame> frames, DecodeFrames(segment));
  std::string line = "{\"segment\":";
  AppendJsonString(path, &line);
  line += fmt::format(",\"number\":{},\"frames\":{},\"bytes\":{}", segment.header.number,
                      frames.size(), segment.valid_size);
  if (!segment.torn.empty()) {
    line += ",\"torn\":";
    AppendJsonString(segment.torn, &line);
  }
  *out << line << "}\n";
  for (size_t i = 0; i < frames.size(); ++i) {
    const FrameInfo& info = segment.frames[i];
    line = fmt::format(
        R"({{"frame":{},"place":{},"bytes":{},"first_position":{},"position":{},"clock":)", i,
        info.place, info.length, info.first_position.value(), info.position.value());
    AppendKnownTime(info.clock, &line);
    line += ",\"complete_before\":";
    AppendKnownTime(info.complete_before, &line);
    *out << line << "}\n";
    for (const TableRows& section : frames[i].sections) DumpRows(section, out);
  }
  return absl::OkStatus();
}

absl::Status DumpChangeLog(const std::string& folder, std::ostream* out) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, FindSegments(folder));
  for (const std::string& path : paths) RETURN_IF_ERROR(DumpSegment(path, out));
  return absl::OkStatus();
}

}  // namespace forebay
