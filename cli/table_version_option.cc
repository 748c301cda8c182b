#include "cli/table_version_option.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_split.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

std::optional<int64_t> ParseNumber(const std::string& text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

absl::StatusOr<int64_t> VersionNumber(const std::string& text) {
  std::optional<int64_t> number = ParseNumber(text);
  if (number && *number >= 0) return *number;
  return absl::InvalidArgumentError(
      fmt::format("--version {}: expected the number of a table's version, such as 12", text));
}

absl::StatusOr<std::optional<int64_t>> AsOf(const TableVersionOption& option) {
  if (option.as_of.empty()) return std::nullopt;
  return ParseTimeOption("--as-of", option.as_of);
}

std::string Names(const std::vector<ViewId>& views) {
  std::vector<std::string> names;
  for (const ViewId& view : views) names.push_back(view.ToString());
  return fmt::format("{}", fmt::join(names, ", "));
}

// The one of `views` that `name` is: "user_spend", or "user_spend@1".
absl::StatusOr<ViewId> FindView(const std::vector<ViewId>& views, const std::string& name) {
  std::vector<ViewId> named;
  for (const ViewId& view : views) {
    if (view.name == name || view.ToString() == name) named.push_back(view);
  }
  if (named.size() == 1) return named[0];
  if (named.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("--version {}=...: no features of that view are asked for; those are of {}",
                    name, Names(views)));
  }
  return absl::InvalidArgumentError(
      fmt::format("--version {}=...: which of {}?", name, Names(named)));
}

}  // namespace

absl::StatusOr<TableVersion> TableVersionOption::Parse() const {
  TableVersion parsed;
  ASSIGN_OR_RETURN(parsed.as_of_us, AsOf(*this));
  if (!version.empty()) {
    ASSIGN_OR_RETURN(parsed.number, VersionNumber(version));
  }
  return parsed;
}

absl::StatusOr<std::map<ViewId, TableVersion>> TableVersionOption::ParseFor(
    const std::vector<ViewId>& views) const {
  std::map<ViewId, TableVersion> versions;
  if (version.empty() || (version.find('=') == std::string::npos && views.size() == 1)) {
    for (const ViewId& view : views) {
      ASSIGN_OR_RETURN(versions[view], Parse());
    }
    return versions;
  }
  if (version.find('=') == std::string::npos) {
    return absl::InvalidArgumentError(
        fmt::format("--version {}: there are features of several views, and each table has "
                    "versions of its own; "
                    "name one for each, as in --version {}={},...; the views are {}",
                    version, views[0].name, version, Names(views)));
  }
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(version, ','))) {
    const size_t equals = part.find('=');
    ASSIGN_OR_RETURN(ViewId view, FindView(views, part.substr(0, equals)));
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(fmt::format("--version: '{}' is not view=version", part));
    }
    ASSIGN_OR_RETURN(versions[view].number, VersionNumber(part.substr(equals + 1)));
  }
  std::vector<ViewId> missing;
  for (const ViewId& view : views) {
    if (!versions.contains(view)) missing.push_back(view);
  }
  if (missing.empty()) return versions;
  return absl::InvalidArgumentError(
      fmt::format("--version names no version for {}: name one for each view", Names(missing)));
}

std::shared_ptr<TableVersionOption> AddTableVersionOption(CLI::App* command) {
  auto option = std::make_shared<TableVersionOption>();
  CLI::Option* version = command->add_option("--version", option->version,
                                             "Read this version of the table; default: the newest");
  command
      ->add_option("--as-of", option->as_of,
                   "Read the version that the table had at this time, RFC 3339 or microseconds")
      ->excludes(version);
  return option;
}

absl::StatusOr<int64_t> ParseTimeOption(const std::string& option, const std::string& text) {
  if (std::optional<int64_t> micros = ParseNumber(text)) return *micros;
  if (absl::StatusOr<int64_t> time = ParseTime(text); time.ok()) return *time;
  return absl::InvalidArgumentError(fmt::format(
      "{} {}: expected a time such as 2026-01-31T08:00:00Z, or microseconds since 1970 UTC", option,
      text));
}

absl::StatusOr<TimeRange> ParseTimeRange(const std::string& from, const std::string& to) {
  if (from.empty() || to.empty())
    return absl::InvalidArgumentError("--from and --to: both are needed");
  TimeRange range;
  ASSIGN_OR_RETURN(range.from, ParseTimeOption("--from", from));
  ASSIGN_OR_RETURN(range.to, ParseTimeOption("--to", to));
  if (range.from < range.to) return range;
  return absl::InvalidArgumentError(fmt::format("--from {} is not before --to {}", from, to));
}

}  // namespace forebay
