// forebay validate [DIR]
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/kafka_config.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/counted.h"

namespace forebay {

void AddValidateCommand(CLI::App* app, int* exit_code) {
  auto folder = std::make_shared<std::string>(".");
  CLI::App* command = app->add_subcommand("validate", "Check the definitions of a project");
  command->add_option("project", *folder, "The project's folder")->capture_default_str();
  command->callback([folder, exit_code] {
    absl::StatusOr<LoadedProject> loaded = LoadOrExplain(*folder);
    absl::Status valid = loaded.ok() ? MakeKafkaConfig(loaded->config).status() : loaded.status();
    if (!valid.ok()) {
      *exit_code = Report(valid);
      return;
    }
    const v1::Project& project = *loaded->project;
    int features = 0;
    for (const v1::FeatureView& view : project.feature_views()) features += view.features_size();
    int archives = 0;
    for (const v1::Source& source : project.sources()) archives += source.archive() ? 1 : 0;
    std::string sources = Counted(project.sources_size(), "source", "sources");
    if (archives > 0) sources += fmt::format(" ({} archived)", archives);
    fmt::print("{}: {}, {}, {} with {}, {}: all good\n", project.name(), sources,
               Counted(project.entities_size(), "entity", "entities"),
               Counted(project.feature_views_size(), "feature view", "feature views"),
               Counted(features, "feature", "features"),
               Counted(project.feature_services_size(), "feature service", "feature services"));
  });
}

}  // namespace forebay
