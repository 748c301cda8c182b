// The options --from and --to of commands that are about days.
#ifndef FOREBAY_CLI_DAY_RANGE_H_
#define FOREBAY_CLI_DAY_RANGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "offline/delta/file_pruning.h"

namespace CLI {
class App;
}

namespace forebay {

struct DayArguments {
  std::string from;
  std::string to;
};

// `days` must outlive the command.
void AddDayOptions(CLI::App* command, const std::string& otherwise, DayArguments* days);

// The instants of these days, both included; without an end where none is given. INVALID_ARGUMENT:
// one is no date, or they are not in order.
absl::StatusOr<TimeRange> ParseDays(const DayArguments& days);

}  // namespace forebay

#endif  // FOREBAY_CLI_DAY_RANGE_H_
