// forebay training-set: labels joined point-in-time with features.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/table_version_option.h"
#include "cli/training_set_options.h"
#include "cli/training_set_run.h"
#include "offline/training_set/manifest.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct TrainingSetArguments {
  std::string folder = ".";
  LabelArguments labels;
  std::string manifest;
  TrainingSetRun run;
  std::shared_ptr<TableVersionOption> version;
};

absl::Status Build(const TrainingSetArguments& arguments, TrainingSetRequest request) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  RETURN_IF_ERROR(TakeLabelArguments(arguments.labels, &request));
  ASSIGN_OR_RETURN(std::vector<ViewId> views, ViewsOf(*loaded.project, request.features));
  ASSIGN_OR_RETURN(request.versions, arguments.version->ParseFor(views));
  return RunTrainingSet(loaded, std::move(request), arguments.run);
}

// `asked`: where to, and with how much memory.
absl::Status BuildAgain(const TrainingSetArguments& arguments, const TrainingSetRequest& asked) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(arguments.manifest));
  TrainingSetRequest& request = manifest.request;
  request.warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  request.memory_bytes = asked.memory_bytes;
  request.output.overwrite = asked.output.overwrite;
  if (!asked.output.path.empty()) request.output.path = asked.output.path;
  RETURN_IF_ERROR(PrepareAgain(*loaded.project, &manifest));
  return RunTrainingSet(loaded, request, arguments.run);
}

void AddMemoryOption(CLI::App* command, TrainingSetRequest* request) {
  command
      ->add_option_function<std::string>(
          "--memory",
          [=](const std::string& size) { request->memory_bytes = ParseByteSize(size).value(); },
          "About how much may be used, such as 1GB; by default as much as it takes")
      ->check([](const std::string& size) {
        absl::StatusOr<int64_t> bytes = ParseByteSize(size);
        return bytes.ok() ? std::string() : std::string(bytes.status().message());
      })
      ->option_text("SIZE");
}

}  // namespace

void AddTrainingSetCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<TrainingSetArguments>();
  auto request = std::make_shared<TrainingSetRequest>();
  CLI::App* command = app->add_subcommand(
      "training-set", "Join labels with the features that a lookup answered at their time");
  AddLabelOptions(command, &arguments->labels, request.get());
  command
      ->add_option(
          "--features", request->features,
          "view.feature, view@version.feature, a view or a feature service, comma separated")
      ->delimiter(',');
  AddOutputOptions(command, &request->output);
  AddSplitOptions(command, &request->split);
  command->add_flag("--explain", arguments->run.explain,
                    "Say which files, row groups and bytes were read");
  AddMemoryOption(command, request.get());
  CLI::Option* exact =
      command->add_flag("--exact", arguments->run.exact,
                        "Where tables are not complete, take what lookups of the state folder "
                        "answer");
  arguments->version = AddTableVersionOption(command);
  for (const char* name : {"--keys", "--version", "--as-of"})
    command->get_option(name)->excludes(exact);
  CLI::Option* again = command->add_option(
      "--again", arguments->manifest,
      "Make the set of this manifest again, the same bytes, or say what differs");
  for (const char* name :
       {"--labels", "--keys", "--features", "--label", "--time", "--time-unit", "--labels-version",
        "--split", "--partition-by", "--out-format", "--version", "--as-of", "--exact"})
    again->excludes(command->get_option(name));
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([=] {
    *exit_code = Report(arguments->manifest.empty() ? Build(*arguments, *request)
                                                    : BuildAgain(*arguments, *request));
  });
}

}  // namespace forebay
