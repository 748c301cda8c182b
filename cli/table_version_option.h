// --version and --as-of: which version of an offline table a command reads.
//
//   auto option = AddTableVersionOption(command);
//   ...
//   ASSIGN_OR_RETURN(TableVersion version, option->Parse());
#ifndef FOREBAY_CLI_TABLE_VERSION_OPTION_H_
#define FOREBAY_CLI_TABLE_VERSION_OPTION_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "offline/delta/file_pruning.h"
#include "offline/delta/table_version.h"
#include "schemas/types/view_id.h"

namespace CLI {
class App;
}

namespace forebay {

struct TableVersionOption {
  std::string version;
  std::string as_of;

  // Of the one table that a command reads.
  absl::StatusOr<TableVersion> Parse() const;

  // Of each of `views`. --version may be a number where there is one view; else it names every
  // view, by its name where it reads one version of it: user_spend=12,merchant@2=7.
  absl::StatusOr<std::map<ViewId, TableVersion>> ParseFor(const std::vector<ViewId>& views) const;
};

std::shared_ptr<TableVersionOption> AddTableVersionOption(CLI::App* command);

// A time as --from, --to and --as-of take it: RFC 3339, or microseconds since 1970 UTC. `option` is
// named in the error.
absl::StatusOr<int64_t> ParseTimeOption(const std::string& option, const std::string& text);

// Of --from and --to. INVALID_ARGUMENT, too: one is missing, or they are not in order.
absl::StatusOr<TimeRange> ParseTimeRange(const std::string& from, const std::string& to);

}  // namespace forebay

#endif  // FOREBAY_CLI_TABLE_VERSION_OPTION_H_
