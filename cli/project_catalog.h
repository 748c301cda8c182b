// The catalog of a project, and who commits to it.
#ifndef FOREBAY_CLI_PROJECT_CATALOG_H_
#define FOREBAY_CLI_PROJECT_CATALOG_H_

#include <string>

#include "catalog/catalog_log.h"
#include "schemas/definition/project.h"

namespace forebay {

// "ann@build-7".
std::string WhoAndWhere();

// `folder`: of the definitions, whose git revision goes into commits, where it has one; "": none.
// `command`: what is being done, in commits.
CatalogLog OpenCatalog(const LoadedProject& loaded, const std::string& folder,
                       const std::string& command);

// Features of services in the versions of views that the catalog has for them. Nothing, where there
// is no catalog.
absl::Status TakeServicesOfCatalog(LoadedProject* loaded);

// "version 7, 2026-03-01T00:00:00Z, apply by ann@build-7": which state of the catalog it is.
std::string DescribeState(const CatalogState& state);

}  // namespace forebay

#endif  // FOREBAY_CLI_PROJECT_CATALOG_H_
