#include "schemas/types/task_line.h"

#include <filesystem>

#include "absl/status/status.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFormat[] = "forebay task";
constexpr int kVersion = 1;

}  // namespace

Json NewTask(std::string_view kind, std::string_view project_folder) {
  return {
      {"format", kFormat},
      {"format_version", kVersion},
      {"kind", kind},
      {"project_folder", std::filesystem::absolute(project_folder).lexically_normal().string()}};
}

absl::StatusOr<Json> ParseTask(std::string_view text) {
  Json task = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const Json nothing;
  auto member = [&](const char* name) -> const Json& {
    return task.is_object() && task.contains(name) ? task[name] : nothing;
  };
  if (member("format") != kFormat || !member("format_version").is_number_integer() ||
      !member("kind").is_string() || !member("project_folder").is_string()) {
    return absl::InvalidArgumentError(
        "this is no task: expected a line of JSON that `--tasks N --print` gave");
  }
  if (task["format_version"].get<int>() > kVersion)
    return absl::InvalidArgumentError("the task is one of a later forebay");
  return task;
}

std::string KindOfTask(const Json& task) { return task.at("kind").get<std::string>(); }

std::string ProjectOfTask(const Json& task) { return task.at("project_folder").get<std::string>(); }

}  // namespace forebay
