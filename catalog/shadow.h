// Shadows of models: an alias whose model is asked beside that of another alias, and whose answers
// are kept and never given. Pure, as models.h.
//
//   log.Commit([&](const CatalogState& now) { return ShadowModel(now, challenger, "champion", 0.1);
//   });
#ifndef FOREBAY_CATALOG_SHADOW_H_
#define FOREBAY_CATALOG_SHADOW_H_

#include <string>

#include "absl/status/statusor.h"
#include "catalog/catalog_log.h"
#include "catalog/models.h"

namespace forebay {

// From now on `alias` is asked beside `of`, another alias of the model, of which it takes the share
// `sample` of requests. NOT_FOUND: one of them is not there; INVALID_ARGUMENT: they are the same,
// or `sample` is not above 0 and at most 1; FAILED_PRECONDITION: a view that it takes is not live,
// or needs a key that requests to the other do not have.
absl::StatusOr<CatalogLog::Changes> ShadowModel(const CatalogState& now,
                                                const ModelReference& alias, const std::string& of,
                                                double sample);

// Not any more. FAILED_PRECONDITION: it was not.
absl::StatusOr<CatalogLog::Changes> EndShadow(const CatalogState& now, const ModelReference& alias);

}  // namespace forebay

#endif  // FOREBAY_CATALOG_SHADOW_H_
