// What a worker makes of the catalog when it starts.
#ifndef FOREBAY_CLI_RUN_CATALOG_H_
#define FOREBAY_CLI_RUN_CATALOG_H_

#include "absl/status/statusor.h"
#include "catalog/catalog_log.h"
#include "schemas/definition/project.h"

namespace forebay {

// Puts what the definitions add into the catalog, and what they change without changing an answer;
// nothing, with a warning on stderr, where they lack what the catalog has. FAILED_PRECONDITION:
// they would change answers, and what to do. Services become those of the catalog.
absl::StatusOr<CatalogLog::State> TakeIntoCatalog(const CatalogLog& log, LoadedProject* loaded);

// The definitions become those of the catalog, whatever the folder has. FAILED_PRECONDITION: there
// are none.
absl::StatusOr<CatalogLog::State> TakeFromCatalog(const CatalogLog& log, LoadedProject* loaded);

}  // namespace forebay

#endif  // FOREBAY_CLI_RUN_CATALOG_H_
