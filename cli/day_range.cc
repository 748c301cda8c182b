#include "cli/day_range.h"

#include <CLI/CLI.hpp>

#include "fmt/format.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

absl::StatusOr<int64_t> StartOfDay(std::string_view option, const std::string& text) {
  absl::StatusOr<int64_t> start = ParseTime(text + "T00:00:00Z");
  if (start.ok()) return start;
  return absl::InvalidArgumentError(
      fmt::format("{} '{}': expected a date such as 2026-01-31", option, text));
}

}  // namespace

void AddDayOptions(CLI::App* command, const std::string& otherwise, DayArguments* days) {
  command->add_option("--from", days->from, "The first day, as 2026-01-31; default: " + otherwise)
      ->option_text("DATE");
  command->add_option("--to", days->to, "The last day; default: the newest")->option_text("DATE");
}

absl::StatusOr<TimeRange> ParseDays(const DayArguments& days) {
  TimeRange range;
  if (!days.from.empty()) {
    ASSIGN_OR_RETURN(range.from, StartOfDay("--from", days.from));
  }
  if (!days.to.empty()) {
    ASSIGN_OR_RETURN(range.to, StartOfDay("--to", days.to));
    range.to += kMicrosPerDay;
  }
  if (range.from < range.to) return range;
  return absl::InvalidArgumentError(fmt::format("--from {} is after --to {}", days.from, days.to));
}

}  // namespace forebay
