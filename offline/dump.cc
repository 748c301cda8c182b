#include "offline/dump.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "offline/change_log/segment.h"
#include "offline/row_text.h"
#include "schemas/types/json.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

void DumpRows(const TableRows& section, std::ostream* out) {
  const arrow::RecordBatch& rows = *section.rows;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::string line = section.table.is_archive() ? "{\"archive\":" : "{\"view\":";
    AppendJsonString(section.table.name, &line);
    if (!section.table.is_archive()) line += fmt::format(",\"version\":{}", section.table.version);
    line += ',';
    AppendJsonCells(rows, row, &line);
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
