// The offline tables that a command is about.
#ifndef FOREBAY_CLI_TABLE_CHOICE_H_
#define FOREBAY_CLI_TABLE_CHOICE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/types/table_id.h"

namespace forebay {

namespace v1 {
class Project;
}

// Those named, as VIEW, VIEW@VERSION or events/SOURCE; for no name those of all views that have a
// history, and all archives. INVALID_ARGUMENT: there is no such view or source, or it has no table.
absl::StatusOr<std::vector<TableId>> ChooseTables(const v1::Project& project,
                                                  const std::vector<std::string>& names);

}  // namespace forebay

#endif  // FOREBAY_CLI_TABLE_CHOICE_H_
