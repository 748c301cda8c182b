// A part of a command's work, as a line of JSON that says all that it takes, for `forebay task` on
// any machine:
//
//   {"format": "forebay task", "format_version": 1, "kind": "training-set",
//    "project_folder": "/data/shop", ...}
//
//   OrderedJson task = NewTask("backfill", folder);
//   task["views"] = ...;
//   std::string line = task.dump();
#ifndef FOREBAY_SCHEMAS_TYPES_TASK_LINE_H_
#define FOREBAY_SCHEMAS_TYPES_TASK_LINE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace forebay {

// Its project's folder is absolute.
nlohmann::ordered_json NewTask(std::string_view kind, std::string_view project_folder);

// INVALID_ARGUMENT: it is no task, or one of a later program.
absl::StatusOr<nlohmann::ordered_json> ParseTask(std::string_view text);

// REQUIRES: it was parsed.
std::string KindOfTask(const nlohmann::ordered_json& task);
std::string ProjectOfTask(const nlohmann::ordered_json& task);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_TASK_LINE_H_
