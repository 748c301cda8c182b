// forebay proto VIEW [DIR]: the .proto file of a view's updates, for who reads its topic.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "connectors/update_record/protobuf_schema.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::Status PrintProto(const std::string& name, const std::string& folder) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(folder));
  const v1::Project& project = *loaded.project;
  std::vector<std::string> known;
  for (int i = 0; i < project.feature_views_size(); ++i) {
    const v1::FeatureView& view = project.feature_views(i);
    known.push_back(view.name());
    if (view.name() != name) continue;
    fmt::print("{}", UpdateProto(project, i));
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
  return absl::InvalidArgumentError(fmt::format(
      "unknown feature view '{}'{}", name, definition::AllowedNames(name, known, "feature views")));
}

}  // namespace

void AddProtoCommand(CLI::App* app, int* exit_code) {
  auto name = std::make_shared<std::string>();
  auto folder = std::make_shared<std::string>(".");
  CLI::App* command =
      app->add_subcommand("proto", "Print the .proto file of a view's protobuf updates");
  command->add_option("view", *name, "A feature view")->required();
  command->add_option("folder", *folder, "The project's folder")->capture_default_str();
  command->callback([=] { *exit_code = Report(PrintProto(*name, *folder)); });
}

}  // namespace forebay
