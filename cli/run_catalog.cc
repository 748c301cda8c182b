#include "cli/run_catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <string>
#include <vector>

#include "catalog/catalog_project.h"
#include "catalog/project_plan.h"
#include "cli/project_catalog.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

std::string FoundIn(const ProjectPlan& plan, bool removed) {
  std::vector<std::string> keys;
  for (const PlannedChange& change : plan.changes) {
    if (change.alters_answers && (change.kind == ChangeKind::kRemoved) == removed)
      keys.push_back(change.key);
  }
  return fmt::format("{}", fmt::join(keys, ", "));
}

// Nothing is committed where the folder lacks what the catalog has: it may be an older one, and is
// not asked what services should be, either.
absl::StatusOr<CatalogLog::Changes> Decide(const v1::Project& project, const CatalogState& now,
                                           std::string* lacking) {
  ProjectPlan plan = PlanProject(project, now, {});
  *lacking = FoundIn(plan, /*removed=*/true);
  std::vector<std::string> refused = plan.refusals;
  if (refused.empty() && lacking->empty()) {
    if (std::string changed = FoundIn(plan, /*removed=*/false); !changed.empty())
      refused.push_back(changed + " would answer otherwise");
  }
  if (!refused.empty()) {
    return absl::FailedPreconditionError(
        fmt::format("the definitions are not those of the catalog ({}): {}. See `forebay plan`; "
                    "`forebay apply` "
                    "changes the catalog, and `forebay run --frozen` runs what it has",
                    DescribeState(now), fmt::join(refused, "; ")));
  }
  return lacking->empty() ? plan.ToCommit() : CatalogLog::Changes();
}

}  // namespace

absl::StatusOr<CatalogLog::State> TakeIntoCatalog(const CatalogLog& log, LoadedProject* loaded) {
  std::string lacking;
  auto decide = [&](const CatalogState& now) { return Decide(*loaded->project, now, &lacking); };
  ASSIGN_OR_RETURN(CatalogLog::State state, log.Commit(decide));
  if (!lacking.empty()) {
    fmt::print(stderr,
               "forebay: warning: the catalog ({}) has what no definition of this folder has: {}. "
               "Nothing of the folder was put into it; `forebay apply` does, and retires those\n",
               DescribeState(*state), lacking);
  }
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
