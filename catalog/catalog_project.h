// The definitions that a catalog holds, as a project that can be run.
#ifndef FOREBAY_CATALOG_CATALOG_PROJECT_H_
#define FOREBAY_CATALOG_CATALOG_PROJECT_H_

#include <string>

#include "catalog/catalog_state.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

// Its sources, entities, views that are not retired (those that are disabled say so), by name and
// version; of each service the newest version that is not retired.
v1::Project ProjectOf(const std::string& name, const CatalogState& state);

// Puts the services of a catalog into the place of those of `project` that have their names: each
// in its newest version of which the project has all views, or else in its newest. Others stay, and
// those that are retired go.
void TakeServices(const CatalogState& state, v1::Project* project);

// `project`, which was that of `before` or a part of it, with what the catalog has changed since:
// views that came, went, were disabled or enabled, their sources and entities, and services. What
// `before` has and the project lacks stays out.
v1::Project FollowCatalog(const v1::Project& project, const CatalogState& before,
                          const CatalogState& now);

}  // namespace forebay

#endif  // FOREBAY_CATALOG_CATALOG_PROJECT_H_
