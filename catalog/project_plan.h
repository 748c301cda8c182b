// What applying the definitions of a folder would change in the catalog. Pure.
//
//   ProjectPlan plan = PlanProject(*loaded.project, *state, {});
//   if (plan.IsRefused()) ...                // nothing can be applied
//   log.CommitAfter(state, ...);             // plan.ToCommit(), if nobody was faster
#ifndef FOREBAY_CATALOG_PROJECT_PLAN_H_
#define FOREBAY_CATALOG_PROJECT_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/catalog_state.h"
#include "forebay/v1/catalog.pb.h"

namespace forebay {

enum class ChangeKind : uint8_t {
  kAdded,
  kChanged,  // what it means, or what is said of it, but no value of a feature
  kRemoved,
};

struct PlannedChange {
  ChangeKind kind;
  std::string key;  // catalog_key.h
  // Whether something that is there already is answered otherwise from then on, or no more.
  bool alters_answers = false;
  std::vector<std::string> details;  // in words: what differs, what it takes, who depends on it
  v1::CatalogChange change;
};

struct PlanOptions {
  // Features that services name without a version move to the newest version of their views.
  bool repin = false;
};

struct ProjectPlan {
  std::vector<PlannedChange> changes;  // sources first, services last
  // Why none of it can be applied, each with what to do.
  std::vector<std::string> refusals;
  // Why something that is in no definition any more must not go; likewise.
  std::vector<std::string> held;
  // What stays as it is, though something newer is there.
  std::vector<std::string> notes;

  bool IsRefused() const { return !refusals.empty() || !held.empty(); }
  bool IsEmpty() const { return changes.empty() && !IsRefused(); }
  std::vector<v1::CatalogChange> ToCommit() const;
};

ProjectPlan PlanProject(const v1::Project& project, const CatalogState& now,
                        const PlanOptions& options);

}  // namespace forebay

#endif  // FOREBAY_CATALOG_PROJECT_PLAN_H_
