// Models of a catalog: versions that never change, and names for them that move. Pure: what a
// command changes, seen from a state.
//
//   ASSIGN_OR_RETURN(ModelReference champion, ModelReference::Parse("fraud@champion"));
//   log.Commit([&](const CatalogState& now) { return PromoteModel(now, champion, 7, expected); });
#ifndef FOREBAY_CATALOG_MODELS_H_
#define FOREBAY_CATALOG_MODELS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/catalog_log.h"
#include "forebay/v1/catalog.pb.h"

namespace forebay {

// "fraud@7" or "fraud@champion".
struct ModelReference {
  std::string model;
  uint32_t version = 0;  // 0: of the alias
  std::string alias;

  // INVALID_ARGUMENT: it is neither.
  static absl::StatusOr<ModelReference> Parse(std::string_view text);
  std::string ToString() const;
};

// What it stands for. NOT_FOUND: there is no such model, version or alias, with the nearest name.
absl::StatusOr<const v1::ModelVersion*> FindModel(const CatalogState& state,
                                                  const ModelReference& reference);

// The alias itself; null: there is none.
const v1::ModelAlias* FindAlias(const CatalogState& state, const ModelReference& reference);

// The service version that a model takes. INTERNAL: the catalog lacks it.
absl::StatusOr<const v1::ServiceVersion*> ServiceOf(const CatalogState& state,
                                                    const v1::ModelVersion& model);

// FAILED_PRECONDITION: a view that it takes is not live, and so does not answer.
absl::Status CheckLive(const CatalogState& now, const v1::ModelVersion& model);

// "fraud" or "fraud@3", of services that are applied. NOT_FOUND: there is none.
absl::StatusOr<const v1::ServiceVersion*> FindService(const CatalogState& state,
                                                      std::string_view text);

// A next version of `model.model()`, of a service named as FindService has it; its version number
// and that of the service, where they are 0, are filled in: read them from the change.
// INVALID_ARGUMENT: a name that is none; NOT_FOUND: the service or the training set is not in the
// catalog.
absl::StatusOr<CatalogLog::Changes> RegisterModel(const CatalogState& now, v1::ModelVersion model);

// Lets `alias` stand for a version. `expected`: what it must stand for now (0: for nothing yet);
// ABORTED: somebody was faster. FAILED_PRECONDITION: a view that the version takes is not live.
absl::StatusOr<CatalogLog::Changes> PromoteModel(const CatalogState& now,
                                                 const ModelReference& alias, uint32_t version,
                                                 std::optional<uint32_t> expected);

// Lets it stand for what it stood for before. FAILED_PRECONDITION: it has never moved.
absl::StatusOr<CatalogLog::Changes> RollBackModel(const CatalogState& now,
                                                  const ModelReference& alias,
                                                  std::optional<uint32_t> expected);

// What differs between two versions: "artifact", "feature user_spend.spend_1h", "metric auc", ...
struct ModelDifference {
  std::string what;
  std::string before;  // empty: nothing
  std::string after;   // likewise

  std::string ToString() const;  // "metric auc: 0.91 -> 0.93"
};

// Artifact, service, features with their versions, training set, metrics, parameters, description.
std::vector<ModelDifference> DiffModels(const CatalogState& state, const v1::ModelVersion& before,
                                        const v1::ModelVersion& after);

}  // namespace forebay

#endif  // FOREBAY_CATALOG_MODELS_H_
