#include "cli/run_catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "catalog/catalog_project.h"
#include "catalog/project_plan.h"
#include "cli/project_catalog.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// What a worker may not do by itself.
std::vector<std::string> NotByItself(const ProjectPlan& plan) {
  std::vector<std::string> found;
  for (const PlannedChange& change : plan.changes) {
    if (!change.alters_answers) continue;
    found.push_back(fmt::format("{} {}", change.key,
                                change.kind == ChangeKind::kRemoved
                                    ? "is in the catalog, and in no definition"
                                    : "would answer otherwise"));
  }
  return found;
}

absl::StatusOr<CatalogLog::Changes> Decide(const v1::Project& project, const CatalogState& now) {
  ProjectPlan plan = PlanProject(project, now, {});
  std::vector<std::string> found = plan.refusals;
  if (found.empty()) found = NotByItself(plan);
  if (found.empty()) return plan.ToCommit();
  return absl::FailedPreconditionError(fmt::format(
      "the definitions are not those of the catalog ({}): {}. See `forebay plan`; `forebay apply` "
      "changes the catalog, and `forebay run --frozen` runs what it has",
      DescribeState(now), fmt::join(found, "; ")));
}

}  // namespace

absl::StatusOr<CatalogLog::State> TakeIntoCatalog(const CatalogLog& log, LoadedProject* loaded) {
  auto decide = [&](const CatalogState& now) { return Decide(*loaded->project, now); };
  ASSIGN_OR_RETURN(CatalogLog::State state, log.Commit(decide));
  TakeServices(*state, loaded->project.get());
  return state;
}

absl::StatusOr<CatalogLog::State> TakeFromCatalog(const CatalogLog& log, LoadedProject* loaded) {
  ASSIGN_OR_RETURN(CatalogLog::State state, log.Load());
  if (state->version() == 0) {
    return absl::FailedPreconditionError(
        "--frozen: the catalog is empty: put definitions there with `forebay apply`");
  }
  v1::Project project = ProjectOf(loaded->project->name(), *state);
  *loaded->project = std::move(project);
  return state;
}

}  // namespace forebay
