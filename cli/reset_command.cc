// forebay reset VIEW... | --all: removes what views, archives, or the whole project, left.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalog/dependents.h"
#include "cli/command.h"
#include "cli/leftovers.h"
#include "cli/reset.h"
#include "connectors/kafka/consumer_group.h"
#include "engine/task/task_plan.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "offline/served/served_table.h"
#include "offline/sink/table_flush.h"
#include "online/store/state_folder.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

struct ResetArguments {
  std::string folder = ".";
  std::vector<std::string> views;  // VIEW, VIEW@VERSION or events/SOURCE
  bool all = false;
  bool yes = false;
  bool dry_run = false;
  std::string broker;
};

// Of text that stands for one table alone: a view with its version, or an archive.
std::optional<TableId> ParseTableId(const std::string& name) {
  if (std::optional<std::string> source = ParseArchiveName(name)) return TableId::OfEvents(*source);
  if (std::optional<ViewId> view = ParseViewId(name)) return *view;
  return std::nullopt;
}

// Those of the names that stand for one.
absl::StatusOr<std::set<TableId>> ExactTables(const std::vector<std::string>& names) {
  std::set<TableId> tables;
  for (const std::string& name : names) {
    std::optional<TableId> table = ParseTableId(name);
    if (table) {
      tables.insert(*table);
    } else if (name.find_first_of("@/") != std::string::npos) {
      return absl::InvalidArgumentError(fmt::format(
          "'{}' is no view: give VIEW for all its versions, or one as in user_spend@1; or an event "
          "archive as in events/transactions",
          name));
    }
  }
  return tables;
}

// Those that the names mean, of all that there are.
absl::StatusOr<std::set<TableId>> Choose(const Leftovers& left,
                                         const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(std::set<TableId> chosen, ExactTables(names));
  for (const std::string& name : names) {
    if (ParseTableId(name)) continue;
    std::vector<std::string> known;
    bool any = false;
    for (const auto& [view, of_view] : left.views) {
      known.push_back(view.name);
      if (view.name != name) continue;
      chosen.insert(view);
      any = true;
    }
    if (any) continue;
    return absl::InvalidArgumentError(
        fmt::format("no view '{}' is declared, and none of that name left anything{}", name,
                    DidYouMean(name, known)));
  }
  return chosen;
}

void PrintArchive(const Places& places, const std::string& source, const ArchiveLeftovers& left) {
  const TableId archive = TableId::OfEvents(source);
  if (left.empty()) {
    fmt::print("{} has left nothing\n", archive.ToString());
    return;
  }
  fmt::print("to be removed of {}:\n", archive.ToString());
  const std::string& state = places.config.state.string();
  if (left.tasks > 0) fmt::print("  position         of {} tasks, in {}\n", left.tasks, state);
  if (left.unflushed > 0)
    fmt::print("  change logs      rows of {} tasks, in {}\n", left.unflushed, state);
  if (left.table) {
    fmt::print("  event archive    {}\n", places.warehouse->Describe(OfflineTablePath(archive)));
  }
}

void PrintView(const Places& places, const ViewId& view, const ViewLeftovers& left) {
  if (left.empty()) {
    fmt::print("{} has left nothing\n", view.ToString());
    return;
  }
  fmt::print("to be removed of {}:\n", view.ToString());
  const std::string& state = places.config.state.string();
  if (left.ran) fmt::print("  its definition   in {}\n", state);
  if (left.known) fmt::print("  its definition   in the catalog\n");
  if (left.tasks > 0) {
    fmt::print("  state            {} keys of {} tasks, in {}\n", left.keys, left.tasks, state);
  }
  if (left.unflushed > 0)
    fmt::print("  change logs      rows of {} tasks, in {}\n", left.unflushed, state);
  if (left.table) {
    fmt::print("  offline table    {}\n", places.warehouse->Describe(OfflineTablePath(view)));
  }
  if (left.update_topic) {
    fmt::print("  update topic     {}\n",
               UpdateTopic(places.project.name(), view.name, view.version));
  }
  if (!left.positions.empty()) {
    fmt::print("  positions        {} in topic {}\n", left.positions.size(),
               PositionsTopic(places.project.name()));
  }
}

// Of sources' topics that have got more partitions.
absl::Status PrintGrown(const Places& places, const Leftovers& left) {
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(places.project));
  for (const TaskPlan& plan : plans) {
    auto grown = left.grown.find(plan.topic);
    if (grown == left.grown.end()) continue;
    fmt::print("kept: topic {}, which notes that topic {} had {} partitions; it has more by now\n",
               PositionsTopic(places.project.name()), plan.topic, grown->second.partitions);
    TopicRole role = RoleOf(plan);
    if (role.use == TopicUse::kKeyedSource) fmt::print("{}\n", AddedPartitionsAdvice(role));
  }
  return absl::OkStatus();
}

void PrintProject(const Places& places, const Leftovers& left) {
  for (const auto& [view, of_view] : left.views) {
    if (!of_view.empty()) PrintView(places, view, of_view);
  }
  for (const auto& [source, of_archive] : left.archives) {
    if (!of_archive.empty()) PrintArchive(places, source, of_archive);
  }
  if (left.empty()) {
    fmt::print("{} has left nothing\n", places.project.name());
    return;
  }
  fmt::print("to be removed of project {}:\n", places.project.name());
  fmt::print("  state folder     {} tasks in {}\n", left.tasks.size(),
             places.config.state.string());
  for (const std::string& topic : left.topics) fmt::print("  topic            {}\n", topic);
  if (!left.positions.empty()) {
    fmt::print("  positions        {} in topic {}\n", left.positions.size(),
               PositionsTopic(places.project.name()));
  }
  if (left.group) fmt::print("  consumer group   {}\n", places.config.group);
  if (left.catalog)
    fmt::print("  catalog          {}\n",
               places.warehouse->Describe(CatalogFolder(places.project.name())));
  if (left.catalog)
    fmt::print("  what was served  {}\n",
               places.warehouse->Describe(ServedFolder(places.project.name())));
}

// A repartition topic is the entity's: other views of it may come.
absl::Status PrintKept(const Places& places, const std::set<TableId>& chosen) {
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(places.project));
  for (const TaskPlan& plan : plans) {
    bool all = std::all_of(plan.views.begin(), plan.views.end(), [&](const ViewTaskPlan& view) {
      return chosen.contains(TableId(view.definition->name(), view.definition->version()));
    });
    if (plan.repartition && all) {
      fmt::print(
          "kept: repartition topic {}, which is the entity's; `forebay reset --all` removes "
          "it, too\n",
          plan.topic);
    }
  }
  return absl::OkStatus();
}

absl::Status AskWhether(const ResetArguments& arguments) {
  if (arguments.yes) return absl::OkStatus();
  if (isatty(STDIN_FILENO) == 0) {
    return absl::InvalidArgumentError(
        "nothing was removed: there is no terminal to ask on; say --yes to remove all this");
  }
  fmt::print("Remove all this? There is no way back. [y/N] ");
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return absl::OkStatus();
  return absl::CancelledError("nothing was removed");
}

// The lock that keeps workers away; none where there is no state folder.
absl::StatusOr<std::optional<StateFolder>> LockState(const Places& places) {
  if (absl::IsNotFound(ReadStateIdentity(places.config.state).status())) return std::nullopt;
  return OpenStateFolder(places.config.state, places.project.name(), UnfinishedReset::kTakeUp);
}

// A worker that was killed a moment ago is still a member: that of this state folder, which is
// locked, does not run.
absl::Status CheckNoWorker(const Places& places, bool locked) {
  if (places.admin == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto members, FindGroupMembers(*places.admin, places.config.group));
  if (!members) return absl::OkStatus();
  for (const GroupMember& member : *members) {
    if (locked && member.worker_id == places.config.worker_id) continue;
    return absl::FailedPreconditionError(fmt::format(
        "nothing was removed: consumer group {} has a member, {} at {}: stop all workers of the "
        "project first (the broker knows one that was killed for up to {})",
        places.config.group,
        member.worker_id.empty() ? "no worker of forebay" : "worker " + member.worker_id,
        member.host, absl::FormatDuration(SessionTimeout(places.kafka))));
  }
  return absl::OkStatus();
}

// What was begun is gone in part: it has to be among what is asked for.
absl::Status CheckCovered(const Places& places, const ResetArguments& arguments,
                          const std::vector<std::string>& unfinished,
                          const std::set<TableId>& chosen) {
  bool covered = std::all_of(unfinished.begin(), unfinished.end(), [&](const std::string& name) {
    std::optional<TableId> table = ParseTableId(name);
    return arguments.all || (table && chosen.contains(*table));
  });
  return covered ? absl::OkStatus() : CheckNoUnfinishedReset(places.config.state);
}

class ResetRun {
 public:
  ResetRun(const ResetArguments& arguments, Places places)
      : arguments_(arguments), places_(std::move(places)) {}

  absl::Status Run() {
    if (!arguments_.dry_run) {
      ASSIGN_OR_RETURN(folder_, LockState(places_));
      RETURN_IF_ERROR(CheckNoWorker(places_, folder_.has_value()));
    }
    RETURN_IF_ERROR(Find());
    RETURN_IF_ERROR(Print());
    if (arguments_.dry_run || IsNothing()) return absl::OkStatus();
    RETURN_IF_ERROR(AskWhether(arguments_));
    if (!folder_) {
      ASSIGN_OR_RETURN(folder_, OpenStateFolder(places_.config.state, places_.project.name(),
                                                UnfinishedReset::kTakeUp));
    }
    return arguments_.all ? ResetProject(places_, left_, &*folder_)
                          : ResetTables(places_, left_, chosen_, &*folder_);
  }

 private:
  absl::Status Find() {
    ASSIGN_OR_RETURN(std::set<TableId> asked, ExactTables(arguments_.views));
    ASSIGN_OR_RETURN(unfinished_, ReadUnfinishedReset(places_.config.state));
    for (const std::string& name : unfinished_) {
      if (std::optional<TableId> table = ParseTableId(name)) asked.insert(*table);
    }
    ASSIGN_OR_RETURN(left_, FindLeftovers(places_, asked));
    if (!arguments_.all) {
      RETURN_IF_ERROR(left_.unreadable);
      ASSIGN_OR_RETURN(chosen_, Choose(left_, arguments_.views));
    }
    RETURN_IF_ERROR(CheckCovered(places_, arguments_, unfinished_, chosen_));
    return arguments_.all ? absl::OkStatus() : CheckNotServed();
  }

  // What models are promoted with does not become another under them.
  absl::Status CheckNotServed() const {
    ASSIGN_OR_RETURN(const CatalogLog::State state, places_.catalog.Load());
    const Dependents dependents(*state);
    for (const TableId& table : chosen_) {
      if (table.is_archive()) continue;
      const std::vector<std::string> aliases = dependents.AliasesOf({table.name, table.version});
      if (aliases.empty()) continue;
      return absl::FailedPreconditionError(fmt::format(
          "nothing was removed: model {} takes {}: promote another version of the model "
          "first",
          aliases.front(), table.ToString()));
    }
    return absl::OkStatus();
  }

  absl::Status Print() {
    if (arguments_.all) {
      PrintProject(places_, left_);
      return PrintGrown(places_, left_);
    }
    for (const TableId& table : chosen_) {
      if (table.is_archive()) {
        PrintArchive(places_, table.name, left_.archives.at(table.name));
      } else {
        PrintView(places_, {table.name, table.version}, Left(table));
      }
    }
    return PrintKept(places_, chosen_);
  }

  bool IsNothing() const {
    if (!unfinished_.empty()) return false;
    if (arguments_.all) return left_.empty();
    return std::all_of(chosen_.begin(), chosen_.end(), [&](const TableId& table) {
      return table.is_archive() ? left_.archives.at(table.name).empty() : Left(table).empty();
    });
  }

  // REQUIRES: it is of a view.
  const ViewLeftovers& Left(const TableId& table) const {
    return left_.views.at({table.name, table.version});
  }

  const ResetArguments& arguments_;
  const Places places_;
  std::optional<StateFolder> folder_;
  std::vector<std::string> unfinished_;
  Leftovers left_;
  std::set<TableId> chosen_;
};

absl::Status Reset(const ResetArguments& arguments) {
  if (arguments.all != arguments.views.empty()) {
    return absl::InvalidArgumentError(
        arguments.all ? "--all is everything: leave out the views, or --all"
                      : "say which views to reset, or --all for everything that the project left");
  }
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(Places places, OpenPlaces(loaded, arguments.broker != "embedded"));
  return ResetRun(arguments, std::move(places)).Run();
}

}  // namespace

void AddResetCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<ResetArguments>();
  CLI::App* command = app->add_subcommand(
      "reset",
      "Remove what views, archives, or the whole project, left: state, tables, topics, positions");
  command->add_option("view", arguments->views,
                      "Views, also such as are no longer declared: VIEW is all its versions, "
                      "VIEW@VERSION one; events/SOURCE is the event archive of a source");
  command->add_flag("--all", arguments->all,
                    "Everything that the project left, but for its sources' topics");
  command->add_flag("--yes", arguments->yes, "Do not ask");
  command->add_flag("--dry-run", arguments->dry_run, "Only print what would be removed");
  command
      ->add_option(
          "--broker", arguments->broker,
          "embedded: the project was run with that broker only, so Kafka has nothing of it")
      ->check(CLI::IsMember({"embedded"}));
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([arguments, exit_code] { *exit_code = Report(Reset(*arguments)); });
}

}  // namespace forebay
