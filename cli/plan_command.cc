// forebay plan [DIR]: what the definitions of a folder would change in the catalog.
// forebay apply [DIR]: changes it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "catalog/project_plan.h"
#include "cli/command.h"
#include "cli/project_catalog.h"
#include "connectors/object_store/object_store.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "offline/sink/store_probe.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct PlanArguments {
  std::string folder = ".";
  PlanOptions options;
  bool yes = false;
};

struct PlanOfFolder {
  CatalogLog::State state;
  ProjectPlan plan;
  std::string text;  // for people; what it says is what is applied
};

char SignOf(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAdded:
      return '+';
    case ChangeKind::kChanged:
      return '~';
    case ChangeKind::kRemoved:
      break;
  }
  return '-';
}

std::string TextOf(const ProjectPlan& plan) {
  std::string text;
  std::map<ChangeKind, int> counts;
  for (const PlannedChange& change : plan.changes) {
    ++counts[change.kind];
    text += fmt::format("{} {}\n", SignOf(change.kind), change.key);
    for (const std::string& detail : change.details) text += fmt::format("    {}\n", detail);
  }
  for (const std::string& note : plan.notes) text += fmt::format("  {}\n", note);
  for (const auto& refusals : {plan.refusals, plan.held}) {
    for (const std::string& refusal : refusals) text += fmt::format("! {}\n", refusal);
  }
  if (plan.IsEmpty()) return text + "nothing to apply\n";
  return text + fmt::format("{} to add, {} to change, {} to remove{}\n", counts[ChangeKind::kAdded],
                            counts[ChangeKind::kChanged], counts[ChangeKind::kRemoved],
                            plan.IsRefused() ? ": refused" : "");
}

absl::StatusOr<PlanOfFolder> MakePlan(const LoadedProject& loaded, const CatalogLog& log,
                                      const PlanOptions& options) {
  PlanOfFolder made;
  ASSIGN_OR_RETURN(made.state, log.Load());
  made.plan = PlanProject(*loaded.project, *made.state, options);
  made.text = TextOf(made.plan);
  fmt::print("catalog of {}: {}\n{}", loaded.project->name(), DescribeState(*made.state),
             made.text);
  return made;
}

// kExitOk: there is nothing to apply.
absl::StatusOr<int> Plan(const PlanArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  const CatalogLog log = OpenCatalog(loaded, arguments.folder, "plan");
  ASSIGN_OR_RETURN(PlanOfFolder made, MakePlan(loaded, log, arguments.options));
  if (made.plan.IsRefused()) return kExitFailure;
  return made.plan.changes.empty() ? kExitOk : kExitSomethingToApply;
}

absl::Status Ask() {
  if (isatty(STDIN_FILENO) == 0)
    return absl::FailedPreconditionError("nobody can be asked here: say --yes to apply this");
  fmt::print("apply this? [y/N] ");
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "yes") return absl::OkStatus();
  return absl::CancelledError("nothing was applied");
}

absl::Status Apply(const PlanArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  const CatalogLog log = OpenCatalog(loaded, arguments.folder, "apply");
  ASSIGN_OR_RETURN(PlanOfFolder made, MakePlan(loaded, log, arguments.options));
  if (made.plan.IsRefused()) return absl::FailedPreconditionError("nothing was applied");
  if (made.plan.changes.empty()) return absl::OkStatus();
  if (!arguments.yes) RETURN_IF_ERROR(Ask());
  RETURN_IF_ERROR(
      ProbeStore(OpenObjectStore(loaded.config.warehouse, loaded.config.s3).get(), "warehouse"));
  auto decide = [&](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
    ProjectPlan plan = PlanProject(*loaded.project, now, arguments.options);
    if (TextOf(plan) == made.text) return plan.ToCommit();
    return absl::AbortedError(fmt::format(
        "somebody was faster (the catalog is now of {}), and the plan is another: look at it again",
        DescribeState(now)));
  };
  ASSIGN_OR_RETURN(CatalogLog::State applied, log.CommitAfter(made.state, decide));
  fmt::print("applied: {}\n", DescribeState(*applied));
  return absl::OkStatus();
}

void AddPlanArguments(CLI::App* command, PlanArguments* arguments) {
  command->add_option("project", arguments->folder, "The project's folder")->capture_default_str();
  command->add_flag("--repin", arguments->options.repin,
                    "Move what services name without a version to the newest versions");
}

}  // namespace

void AddPlanCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<PlanArguments>();
  CLI::App* command = app->add_subcommand(
      "plan",
      "Show what the definitions would change in the catalog; exit code 2: there is something");
  AddPlanArguments(command, arguments.get());
  command->callback([=] {
    absl::StatusOr<int> planned = Plan(*arguments);
    // Not as Report has it: 2 is for something else here.
    *exit_code = planned.ok() ? *planned : std::min(Report(planned.status()), kExitFailure);
  });
}

void AddApplyCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<PlanArguments>();
  CLI::App* command =
      app->add_subcommand("apply", "Put the definitions into the catalog, in one commit");
  AddPlanArguments(command, arguments.get());
  command->add_flag("--yes,-y", arguments->yes, "Without being asked");
  command->callback([=] { *exit_code = Report(Apply(*arguments)); });
}

}  // namespace forebay
