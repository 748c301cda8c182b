// forebay catalog list|log|search, forebay lineage: what the catalog has.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "catalog/catalog_search.h"
#include "catalog/lineage.h"
#include "cli/build_report.h"
#include "cli/command.h"
#include "cli/project_catalog.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

struct CatalogArguments {
  std::string folder = ".";
  std::string text;  // a kind or a name
  std::vector<std::string> words;
  int64_t last = 20;
};

std::string About(const v1::About& about) {
  std::vector<std::string> parts;
  if (!about.owner().empty()) parts.push_back("owner " + about.owner());
  if (!about.tags().empty()) parts.push_back(fmt::format("tags {}", fmt::join(about.tags(), ", ")));
  if (about.has_deprecated()) {
    parts.push_back(fmt::format("deprecated since {}", about.deprecated().since()));
    if (!about.deprecated().use().empty()) parts.back() += ": use " + about.deprecated().use();
  }
  if (!about.description().empty()) parts.push_back(about.description());
  return fmt::format("{}", fmt::join(parts, "; "));
}

// How it is, and what is said of it.
std::string Describe(const v1::CatalogObject& object) {
  if (object.has_source()) return About(object.source().about());
  if (object.has_entity()) return About(object.entity().about());
  if (object.has_view()) {
    const std::string state =
        absl::AsciiStrToLower(v1::ViewVersion::State_Name(object.view().state()));
    const std::string about = About(object.view().definition().about());
    return about.empty() ? state : state + "; " + about;
  }
  if (object.has_service()) {
    const std::string about = About(object.service().definition().about());
    if (!object.service().retired()) return about;
    return about.empty() ? "retired" : "retired; " + about;
  }
  if (object.has_model()) return object.model().artifact().uri();
  if (object.has_alias()) return fmt::format("version {}", object.alias().version());
  return "";
}

absl::Status List(const CatalogLog& log, const CatalogArguments& arguments) {
  ASSIGN_OR_RETURN(const CatalogLog::State state, log.Load());
  fmt::print("{}\n", DescribeState(*state));
  for (const auto& [key, object] : state->objects()) {
    if (!arguments.text.empty() && !key.starts_with(arguments.text + "/")) continue;
    const std::string says = Describe(*object);
    fmt::print("{}{}{}\n", key, says.empty() ? "" : "  ", says);
  }
  return absl::OkStatus();
}

absl::Status Log(const CatalogLog& log, const CatalogArguments& arguments) {
  ASSIGN_OR_RETURN(const CatalogLog::State state, log.Load());
  const int64_t first = std::max<int64_t>(1, state->version() - arguments.last + 1);
  for (int64_t version = state->version(); version >= first; --version) {
    ASSIGN_OR_RETURN(const v1::CatalogCommit commit, log.ReadCommit(version));
    fmt::print("{}  {}  {}  {}{}\n", commit.version(), FormatTime(commit.time_us()), commit.by(),
               commit.command(),
               commit.revision().empty() ? "" : fmt::format("  revision {}", commit.revision()));
    for (const v1::CatalogChange& change : commit.changes())
      fmt::print("    {} {}\n", change.has_object() ? "put" : "removed", change.key());
  }
  return absl::OkStatus();
}

std::string DescribeLane(const LaneState& lane) {
  const std::string views = fmt::format("{}", fmt::join(lane.views, ", "));
  if (!lane.error.empty()) return fmt::format("{}: {}; it tries again", views, lane.error);
  if (lane.reads_files) return views + ": reading the files that come before the topic";
  std::string left;
  if (lane.records_per_second >= 1) {
    left = fmt::format(
        ", {:.0f} records/s, {:.0f} s left", lane.records_per_second,
        static_cast<double>(lane.records - lane.records_read) / lane.records_per_second);
  }
  return fmt::format("{}: {} of {} records{}", views, lane.records_read, lane.records, left);
}

absl::Status Status(const LoadedProject& loaded, const CatalogLog& log) {
  ASSIGN_OR_RETURN(const CatalogLog::State state, log.Load());
  const std::shared_ptr<ObjectStore> warehouse =
      OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  ASSIGN_OR_RETURN(const std::vector<WorkerReport> reports,
                   ReadWorkerReports(*warehouse, loaded.project->name()));
  fmt::print("{}\n", DescribeState(*state));
  int64_t building = 0;
  for (const auto& [key, object] : state->objects()) {
    if (!object->has_view() || object->view().state() != v1::ViewVersion::BUILDING) continue;
    ++building;
    const auto& built = object->view().built();
    fmt::print("{}  building: {}\n", key,
               built.empty()
                   ? "no task has met the head of its topic yet"
                   : fmt::format("the head of its topic is met by {}", fmt::join(built, ", ")));
  }
  if (building == 0) fmt::print("all views are live\n");
  for (const WorkerReport& report : reports) {
    fmt::print("worker {}, {:.0f} s ago: {}\n", report.worker,
               absl::ToDoubleSeconds(absl::Now() - report.time), DescribeLane(report.lane));
  }
  return absl::OkStatus();
}

absl::Status Search(const CatalogLog& log, const CatalogArguments& arguments) {
  ASSIGN_OR_RETURN(const CatalogLog::State state, log.Load());
  const std::vector<SearchHit> hits =
      CatalogSearch(*state).Find(absl::StrJoin(arguments.words, " "));
  for (const SearchHit& hit : hits) fmt::print("{}  {}: {}\n", hit.key, hit.place, hit.text);
  if (hits.empty()) fmt::print("nothing is like '{}'\n", fmt::join(arguments.words, " "));
  return absl::OkStatus();
}

absl::Status ShowLineage(const CatalogLog& log, const CatalogArguments& arguments) {
  ASSIGN_OR_RETURN(const CatalogLog::State state, log.Load());
  ASSIGN_OR_RETURN(const std::vector<std::string> keys, KeysNamed(*state, arguments.text));
  const Lineage lineage(*state);
  for (const std::string& key : keys) {
    fmt::print("{}\n", key);
    for (const std::string& line : lineage.TreeAbove(key)) fmt::print("  <- {}\n", line);
    for (const std::string& line : lineage.TreeBelow(key)) fmt::print("  -> {}\n", line);
  }
  return absl::OkStatus();
}

using CatalogAction = absl::Status (*)(const CatalogLog&, const CatalogArguments&);

CLI::App* AddCatalogAction(CLI::App* command, const char* name, const char* what,
                           CatalogAction action, const std::shared_ptr<CatalogArguments>& arguments,
                           int* exit_code) {
  CLI::App* added = command->add_subcommand(name, what);
  added->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  added->callback([=] {
    absl::StatusOr<LoadedProject> loaded = LoadOrExplain(arguments->folder);
    *exit_code =
        Report(loaded.ok() ? action(OpenCatalog(*loaded, "", ""), *arguments) : loaded.status());
  });
  return added;
}

}  // namespace

void AddCatalogCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<CatalogArguments>();
  CLI::App* command = app->add_subcommand("catalog", "What the catalog has, and how it came there");
  command->require_subcommand(1);
  auto add = [&](const char* name, const char* what, CatalogAction action) {
    return AddCatalogAction(command, name, what, action, arguments, exit_code);
  };
  add("list", "Its objects", &List)
      ->add_option("kind", arguments->text,
                   "Of these alone: source, entity, view, service, model, alias or training_set")
      ->check(
          CLI::IsMember({"source", "entity", "view", "service", "model", "alias", "training_set"}));
  add("log", "Its commits, the newest first", &Log)
      ->add_option("--last", arguments->last, "How many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI::App* status = command->add_subcommand("status", "How far views are that are brought up");
  status->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  status->callback([=] {
    absl::StatusOr<LoadedProject> loaded = LoadOrExplain(arguments->folder);
    *exit_code =
        Report(loaded.ok() ? Status(*loaded, OpenCatalog(*loaded, "", "")) : loaded.status());
  });
  AddPurgeCommand(command, exit_code);
  add("search", "Look for words in names, descriptions, owners, tags and columns", &Search)
      ->add_option("words", arguments->words, "Such as spend merchant; typing errors are forgiven")
      ->required();
}

void AddLineageCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<CatalogArguments>();
  AddCatalogAction(app, "lineage", "What an object is made of, and what is made of it",
                   &ShowLineage, arguments, exit_code)
      ->add_option("name", arguments->text,
                   "Such as transactions, user_spend@1, fraud@champion or service/fraud@3")
      ->required();
}

}  // namespace forebay
