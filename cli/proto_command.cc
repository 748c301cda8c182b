// forebay proto VIEW [DIR]: the .proto file of a view's updates, for who reads its topic.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "connectors/update_record/protobuf_schema.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/feature_names.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::Status PrintProto(const std::string& name, const std::string& folder) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(folder));
  const v1::Project& project = *loaded.project;
  absl::StatusOr<int> found = FeatureNames(project).FindView(name);
  if (!found.ok()) return absl::InvalidArgumentError(found.status().message());
  const v1::FeatureView& view = project.feature_views(*found);
  fmt::print("{}", UpdateProto(project, *found));
  if (view.updates() == v1::FeatureView::OFF) {
    fmt::print(stderr, "note: {} publishes no updates (`updates: off`)\n", name);
  } else if (view.update_format() != v1::FeatureView::UPDATE_PROTOBUF) {
    fmt::print(stderr,
               "note: {} publishes its updates as JSON; `updates: {{format: protobuf}}` in its "
               "definition makes them this message\n",
               name);
  }
  return absl::OkStatus();
}

}  // namespace

void AddProtoCommand(CLI::App* app, int* exit_code) {
  auto name = std::make_shared<std::string>();
  auto folder = std::make_shared<std::string>(".");
  CLI::App* command =
      app->add_subcommand("proto", "Print the .proto file of a view's protobuf updates");
  command->add_option("view", *name, "A feature view: its newest version, or view@version")
      ->required();
  command->add_option("folder", *folder, "The project's folder")->capture_default_str();
  command->callback([=] { *exit_code = Report(PrintProto(*name, *folder)); });
}

}  // namespace forebay
