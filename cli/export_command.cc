// forebay export: the features of every key of a view at a time, for batch inference.
#include <arrow/api.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/table_version_option.h"
#include "cli/training_set_options.h"
#include "cli/training_set_run.h"
#include "fmt/format.h"
#include "offline/training_set/feature_list.h"
#include "offline/training_set/view_steps.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct ExportArguments {
  std::string folder = ".";
  KeyTimesArguments times;
  std::shared_ptr<TableVersionOption> version;
};

// What the table has from --from to --to, as it is.
absl::Status ExportSteps(const ExportArguments& arguments, const LoadedProject& loaded,
                         const TableVersion& version, TrainingSetRequest request) {
  OutputOptions& output = request.output;
  output.layout.encoding = loaded.config.parquet_encoding;
  output.s3 = loaded.config.s3;
  RETURN_IF_ERROR(CheckOutput(output));
  ViewStepsRequest asked{.warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3),
                         .version = version};
  ASSIGN_OR_RETURN(asked.features, ResolveFeatures(*loaded.project, request.features));
  ASSIGN_OR_RETURN(const TimeRange range, ParseTimeRange(arguments.times.from, arguments.times.to));
  asked.from_us = range.from;
  asked.to_us = range.to;
  ASSIGN_OR_RETURN(ViewSteps steps, ReadViewSteps(*loaded.project, asked));
  ASSIGN_OR_RETURN(std::unique_ptr<TrainingSetWriter> writer,
                   TrainingSetWriter::Create(output, steps.rows->schema(), {}));
  RETURN_IF_ERROR(writer->Write(steps.rows));
  RETURN_IF_ERROR(writer->Finish().status());
  fmt::print("{} of table version {}, written to {}\n",
             Counted(steps.rows->num_rows(), "step", "steps"), steps.table_version, output.path);
  return absl::OkStatus();
}

absl::Status Export(const ExportArguments& arguments, TrainingSetRequest request) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(std::vector<ViewId> views, ViewsOf(*loaded.project, request.features));
  ASSIGN_OR_RETURN(request.versions, arguments.version->ParseFor(views));
  if (!arguments.times.from.empty() && arguments.times.every.empty()) {
    const TableVersion version = request.VersionOf(views[0]);
    return ExportSteps(arguments, loaded, version, std::move(request));
  }
  request.all_keys = true;
  ASSIGN_OR_RETURN(request.key_times, TimesOfKeys(arguments.times));
  return RunTrainingSet(loaded, std::move(request), {.things = "rows"});
}

}  // namespace

void AddExportCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<ExportArguments>();
  auto request = std::make_shared<TrainingSetRequest>();
  request->time_column = "time";
  CLI::App* command = app->add_subcommand(
      "export", "Write the features of every key at a time, or at several; or all steps of a view");
  command
      ->add_option(
          "features", request->features,
          "A view (view, view@version), features of it, or a feature service of one entity")
      ->required()
      ->delimiter(',');
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
