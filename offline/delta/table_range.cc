#include "offline/delta/table_range.h"

#include <fmt/format.h>

#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {

std::string RangeProperty(const TimeRange& range) {
  return FormatTime(range.from) + "/" + FormatTime(range.to);
}

std::string DescribeRange(const TimeRange& range) {
  return FormatTime(range.from) + " to " + FormatTime(range.to);
}

absl::StatusOr<std::optional<TimeRange>> RangeOf(const Snapshot& table) {
  const auto property = table.metadata.configuration.find(kRangeProperty);
  if (property == table.metadata.configuration.end()) return std::nullopt;
  const std::string_view text = property->second;
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    absl::StatusOr<int64_t> from = ParseTime(text.substr(0, slash));
    absl::StatusOr<int64_t> to = ParseTime(text.substr(slash + 1));
    if (from.ok() && to.ok()) return TimeRange{.from = *from, .to = *to};
  }
  return absl::DataLossError(
      fmt::format("property {} of a Delta table is '{}', expected two times with a slash in "
                  "between: another program changed it",
                  kRangeProperty, text));
}

absl::Status CheckOfWholeHistory(const Snapshot& table, std::string_view view,
                                 std::string_view place) {
  ASSIGN_OR_RETURN(std::optional<TimeRange> range, RangeOf(table));
  if (!range) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "the offline table {} of {} holds the range {} only, as `forebay backfill --from --to` made "
      "it: give the view a new version to compute all of its history, or remove the table with "
      "`forebay reset {}`",
      place, view, DescribeRange(*range), view));
}

}  // namespace forebay
