// The offline tables that a command is about.
#ifndef FOREBAY_CLI_TABLE_CHOICE_H_
#define FOREBAY_CLI_TABLE_CHOICE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class Project;
}

// Those of the views named, or of all views that have a history. INVALID_ARGUMENT: there is no such
// view, or it has `history: off`.
absl::StatusOr<std::vector<ViewId>> ChooseTables(const v1::Project& project,
                                                 const std::vector<std::string>& views);

}  // namespace forebay

#endif  // FOREBAY_CLI_TABLE_CHOICE_H_
