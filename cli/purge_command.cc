// forebay catalog purge VIEW@VERSION: what a view that was retired has left goes for good.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "catalog/catalog_key.h"
#include "cli/command.h"
#include "cli/leftovers.h"
#include "cli/project_catalog.h"
#include "cli/reset.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct PurgeArguments {
  std::string folder = ".";
  std::string view;
  bool yes = false;
};

absl::StatusOr<ViewId> FindRetired(const CatalogState& state, const std::string& name) {
  const std::optional<ViewId> view = ParseViewId(name);
  if (!view) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is no version of a view: name one as in user_spend@1", name));
  }
  const v1::CatalogObject* object = state.Find(ViewKey(*view));
  if (object == nullptr) {
    return absl::NotFoundError(
        fmt::format("the catalog has no {}: `forebay catalog list view` "
                    "says what it has",
                    name));
  }
  if (object->view().state() == v1::ViewVersion::RETIRED) return *view;
  return absl::FailedPreconditionError(
      fmt::format("{} is {}: take it out of the definitions and `forebay apply` that first", name,
                  absl::AsciiStrToLower(v1::ViewVersion::State_Name(object->view().state()))));
}

absl::Status Purge(const PurgeArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  const CatalogLog log = OpenCatalog(loaded, arguments.folder, "purge");
  ASSIGN_OR_RETURN(const CatalogLog::State state, log.Load());
  ASSIGN_OR_RETURN(const ViewId view, FindRetired(*state, arguments.view));
  ASSIGN_OR_RETURN(Places places, OpenPlaces(loaded, /*kafka=*/true));
  places.catalog = log;
  ASSIGN_OR_RETURN(Leftovers left, FindLeftovers(places, {view}));
  const ViewLeftovers& of_view = left.views[view];
  if (!arguments.yes) {
    return absl::InvalidArgumentError(fmt::format(
        "nothing was removed: {} has{}{}, and state in workers: say --yes to remove all this, for "
        "good",
        arguments.view, of_view.update_topic ? " a topic," : "",
        of_view.table ? " an offline table" : " no table"));
  }
  RETURN_IF_ERROR(PurgeView(places, view, of_view));
  fmt::print("{} is gone; workers drop its state, those that do not run when they start\n",
             arguments.view);
  return absl::OkStatus();
}

}  // namespace

void AddPurgeCommand(CLI::App* catalog, int* exit_code) {
  auto arguments = std::make_shared<PurgeArguments>();
  CLI::App* command = catalog->add_subcommand(
      "purge", "Remove what a retired view has left: its topic, table and state");
  command->add_option("view", arguments->view, "Such as user_spend@1")->required();
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->add_flag("--yes", arguments->yes, "Do it: there is no way back");
  command->callback([=] { *exit_code = Report(Purge(*arguments)); });
}

}  // namespace forebay
