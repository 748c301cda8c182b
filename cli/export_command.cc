// forebay export: the features of every key of a view at a time, for batch inference.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/table_version_option.h"
#include "cli/training_set_options.h"
#include "cli/training_set_run.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct ExportArguments {
  std::string folder = ".";
  KeyTimesArguments times;
  std::shared_ptr<TableVersionOption> version;
};

absl::Status Export(const ExportArguments& arguments, TrainingSetRequest request) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  request.all_keys = true;
  ASSIGN_OR_RETURN(request.key_times, TimesOfKeys(arguments.times));
  ASSIGN_OR_RETURN(std::vector<ViewId> views, ViewsOf(*loaded.project, request.features));
  ASSIGN_OR_RETURN(request.versions, arguments.version->ParseFor(views));
  return RunTrainingSet(loaded, std::move(request), {.things = "rows"});
}

}  // namespace

void AddExportCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<ExportArguments>();
  auto request = std::make_shared<TrainingSetRequest>();
  request->time_column = "time";
  CLI::App* command =
      app->add_subcommand("export", "Write the features of every key at a time, or at several");
  command
      ->add_option(
          "features", request->features,
          "A view (view, view@version), features of it, or a feature service of one entity")
      ->required();
  AddKeyTimesOptions(command, &arguments->times);
  command->add_option("--time", request->time_column, "What the column of the time is called")
      ->capture_default_str();
  AddOutputOptions(command, &request->output);
  command->get_option("--out")->required();
  arguments->version = AddTableVersionOption(command);
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([=] { *exit_code = Report(Export(*arguments, *request)); });
}

}  // namespace forebay
