// forebay training-set: labels joined point-in-time with features.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/project_catalog.h"
#include "cli/registered_set.h"
#include "cli/run_tasks.h"
#include "cli/table_version_option.h"
#include "cli/training_set_options.h"
#include "cli/training_set_run.h"
#include "fmt/format.h"
#include "offline/training_set/feature_list.h"
#include "offline/training_set/manifest.h"
#include "offline/training_set/training_tasks.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct TrainingSetArguments {
  std::string folder = ".";
  TaskArguments tasks;
  std::string finish;  // the folder of parts that are made
  LabelArguments labels;
  std::string manifest;  // a file, or what is registered
  std::string name;      // to register it by; "": it is not
  TrainingSetRun run;
  std::shared_ptr<TableVersionOption> version;
};

absl::Status Register(const LoadedProject& loaded, const TrainingSetArguments& arguments,
                      const std::string& manifest) {
  if (arguments.name.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string id,
                   RegisterTrainingSet(loaded, arguments.folder, arguments.name, manifest));
  fmt::print("  registered as {}\n", id);
  return absl::OkStatus();
}

absl::Status Finish(const LoadedProject& loaded, const TrainingSetArguments& arguments,
                    const std::string& folder) {
  ASSIGN_OR_RETURN(std::string manifest, FinishTasks(folder));
  fmt::print("the set is made: its manifest is {}\n", manifest);
  return Register(loaded, arguments, manifest);
}

absl::Status FinishFolder(const TrainingSetArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  return Finish(loaded, arguments, arguments.finish);
}

// Prints the tasks, or runs them and finishes the set.
absl::Status Divide(const LoadedProject& loaded, const TrainingSetArguments& arguments,
                    TrainingSetRequest request) {
  request.warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  request.labels.s3 = loaded.config.s3;
  if (arguments.tasks.print && !arguments.name.empty())
    return absl::InvalidArgumentError("--register: say it with --finish, when the tasks have run");
  if (arguments.run.exact)
    return absl::InvalidArgumentError("--tasks: --exact needs the states of this machine");
  ASSIGN_OR_RETURN(
      std::vector<std::string> tasks,
      DivideTrainingSet(*loaded.project, arguments.folder, request, arguments.tasks.tasks));
  ASSIGN_OR_RETURN(const bool ran, RunTasks(tasks, arguments.tasks));
  return ran ? Finish(loaded, arguments, request.output.path) : absl::OkStatus();
}

// What mode `event` cannot take.
absl::Status CheckMode(const TrainingSetArguments& arguments, const TrainingSetRequest& request) {
  auto refused = [](std::string_view option, std::string_view why) {
    return absl::InvalidArgumentError(fmt::format("{}: {}", option, why));
  };
  const bool recomputes = request.mode == TrainingSetMode::kEvent || request.leakage;
  if (recomputes && arguments.labels.keys == "all") {
    return refused("--keys all",
                   "these are the keys that the offline tables have, which mode event does not "
                   "read; name a file of keys");
  }
  if (recomputes && arguments.tasks.divides())
    return refused("--tasks",
                   "with mode event, or --leakage, each task would recompute all events");
  if (request.mode == TrainingSetMode::kServed) return absl::OkStatus();
  if (!arguments.version->version.empty() || !arguments.version->as_of.empty())
    return refused("--version and --as-of", "mode event reads events, not the offline tables");
  if (arguments.run.exact)
    return refused("--exact", "mode event has the values of every time, without the state folder");
  return absl::OkStatus();
}

absl::Status Build(const TrainingSetArguments& arguments, TrainingSetRequest request) {
  RETURN_IF_ERROR(CheckMode(arguments, request));
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  RETURN_IF_ERROR(TakeServicesOfCatalog(&loaded));
  RETURN_IF_ERROR(TakeLabelArguments(arguments.labels, &request));
  ASSIGN_OR_RETURN(std::vector<ViewId> views, ViewsOf(*loaded.project, request.features));
  ASSIGN_OR_RETURN(request.versions, arguments.version->ParseFor(views));
  if (arguments.tasks.divides()) return Divide(loaded, arguments, std::move(request));
  const std::string manifest = ManifestPath(request.output.path);
  RETURN_IF_ERROR(RunTrainingSet(loaded, std::move(request), arguments.run));
  return Register(loaded, arguments, manifest);
}

// `asked`: where to, and with how much memory.
absl::Status BuildAgain(const TrainingSetArguments& arguments, const TrainingSetRequest& asked) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  RETURN_IF_ERROR(TakeServicesOfCatalog(&loaded));
  ASSIGN_OR_RETURN(const std::string text, ReadManifestText(loaded, arguments.manifest));
  ASSIGN_OR_RETURN(std::vector<Manifest> manifests, ParseManifests(text, arguments.manifest));
  for (Manifest& manifest : manifests) {
    TrainingSetRequest& request = manifest.request;
    request.warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
    request.memory_bytes = asked.memory_bytes;
    request.output.overwrite = asked.output.overwrite;
    if (!asked.output.path.empty()) {
      const std::filesystem::path part = request.output.path;
      request.output.path = asked.output.path;
      if (request.part) {
        std::filesystem::create_directories(asked.output.path);
        request.output.path = (std::filesystem::path(asked.output.path) / part.filename()).string();
      }
    }
    RETURN_IF_ERROR(PrepareAgain(*loaded.project, &manifest));
    RETURN_IF_ERROR(RunTrainingSet(loaded, request, arguments.run));
  }
  if (!manifests[0].request.part) return absl::OkStatus();
  return Finish(loaded, arguments,
                std::filesystem::path(manifests[0].request.output.path).parent_path().string());
}

void AddModeOptions(CLI::App* command, TrainingSetRequest* request) {
  command
      ->add_option_function<std::string>(
          "--mode",
          [=](const std::string& name) {
            request->mode = name == ModeName(TrainingSetMode::kEvent) ? TrainingSetMode::kEvent
                                                                      : TrainingSetMode::kServed;
          },
          "served: what a lookup answered; event: what it would have answered if no event had been "
          "late, recomputed from archives and files; default: served")
      ->check(
          CLI::IsMember({ModeName(TrainingSetMode::kServed), ModeName(TrainingSetMode::kEvent)}))
      ->option_text("MODE");
  command->add_flag("--leakage", request->leakage,
                    "Say by feature how many labels have another value in the other mode");
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
  AddModeOptions(command, request.get());
  CLI::Option* again = command->add_option(
      "--again", arguments->manifest,
      "Make the set of this manifest, or of one that is registered (NAME@3), again, the same "
      "bytes, or say what differs");
  command
      ->add_option("--register", arguments->name,
                   "Put the set into the catalog, as the next version of this name")
      ->option_text("NAME")
      ->check([](const std::string& name) { return std::string(CheckSetName(name).message()); })
      ->excludes(again);
  for (const char* name : {"--labels", "--keys", "--features", "--label", "--time", "--time-unit",
                           "--labels-version", "--split", "--partition-by", "--out-format",
                           "--version", "--as-of", "--exact", "--mode", "--leakage"})
    again->excludes(command->get_option(name));
  CLI::Option* tasks = AddTaskOptions(command, &arguments->tasks);
  CLI::Option* finish =
      command
          ->add_option("--finish", arguments->finish,
                       "The folder of the parts, when all tasks have run: write the manifest of "
                       "the set")
          ->option_text("FOLDER");
  for (CLI::Option* other : {tasks, again}) finish->excludes(other);
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([=] {
    *exit_code = Report(!arguments->finish.empty()     ? FinishFolder(*arguments)
                        : !arguments->manifest.empty() ? BuildAgain(*arguments, *request)
                                                       : Build(*arguments, *request));
  });
}

}  // namespace forebay
