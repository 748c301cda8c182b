// What in a catalog depends on what.
#ifndef FOREBAY_CATALOG_DEPENDENTS_H_
#define FOREBAY_CATALOG_DEPENDENTS_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog_state.h"
#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class ServiceVersion;
class TrainingSetVersion;
}  // namespace v1

// Whose tables it was made of, as its manifest says.
std::set<ViewId> ViewsOfTrainingSet(const v1::TrainingSetVersion& set);

// Immutable. Points into the state, which must outlive it.
class Dependents {
 public:
  explicit Dependents(const CatalogState& state);

  // Retired or not; null: there is none.
  const v1::ServiceVersion* NewestService(std::string_view name) const;

  // "fraud@7" of the models that were registered with a version of a service ("service/fraud@3").
  std::vector<std::string> ModelsOf(std::string_view service_key) const;
  // "fraud@champion" of the aliases of models that take a view.
  std::vector<std::string> AliasesOf(const ViewId& view) const;
  // "fraud_2026@3" of the training sets that were made of a view.
  std::vector<std::string> TrainingSetsOf(const ViewId& view) const;

 private:
  std::map<std::string, const v1::ServiceVersion*, std::less<>> newest_;
  std::map<std::string, std::set<std::string>, std::less<>> models_;  // by the service's key
  std::map<ViewId, std::set<std::string>> aliases_;
  std::map<ViewId, std::set<std::string>> training_sets_;
};

}  // namespace forebay

#endif  // FOREBAY_CATALOG_DEPENDENTS_H_
