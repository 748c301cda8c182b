#include "catalog/dependents.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "catalog/catalog_key.h"
#include "forebay/v1/catalog.pb.h"

namespace forebay {
namespace {

using Json = nlohmann::json;

// "service/fraud@3" -> "fraud@3"
std::string NameIn(std::string_view key) { return std::string(key.substr(key.find('/') + 1)); }

template <typename Map, typename Key>
std::vector<std::string> Found(const Map& map, const Key& key) {
  auto found = map.find(key);
  if (found == map.end()) return {};
  return {found->second.begin(), found->second.end()};
}

}  // namespace

std::set<ViewId> ViewsOfTrainingSet(const v1::TrainingSetVersion& set) {
  std::set<ViewId> views;
  const Json json = Json::parse(set.manifest(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("tables") || !json["tables"].is_array()) return views;
  for (const Json& table : json["tables"]) {
    if (table.is_object() && table.contains("view") && table["view"].is_string() &&
        table.contains("version") && table["version"].is_number_unsigned())
      views.insert({table["view"].get<std::string>(), table["version"].get<uint32_t>()});
  }
  return views;
}

Dependents::Dependents(const CatalogState& state) {
  for (const auto& [key, object] : state.objects()) {
    if (object->has_service()) {
      const v1::ServiceVersion& service = object->service();
      const v1::ServiceVersion*& newest = newest_[service.definition().name()];
      if (newest == nullptr || newest->version() < service.version()) newest = &service;
    } else if (object->has_model()) {
      const v1::ModelVersion& model = object->model();
      models_[ServiceKey(model.service(), model.service_version())].insert(NameIn(key));
    } else if (object->has_training_set()) {
      for (const ViewId& view : ViewsOfTrainingSet(object->training_set()))
        training_sets_[view].insert(NameIn(key));
    } else if (object->has_alias()) {
      const v1::ModelAlias& alias = object->alias();
      const v1::CatalogObject* model = state.Find(ModelKey(alias.model(), alias.version()));
      if (model == nullptr) continue;
      const v1::CatalogObject* service =
          state.Find(ServiceKey(model->model().service(), model->model().service_version()));
      if (service == nullptr) continue;
      for (const v1::FeatureReference& reference : service->service().definition().features())
        aliases_[{reference.view(), reference.version()}].insert(NameIn(key));
    }
  }
}

const v1::ServiceVersion* Dependents::NewestService(std::string_view name) const {
  auto found = newest_.find(name);
  return found == newest_.end() ? nullptr : found->second;
}

std::vector<std::string> Dependents::ModelsOf(std::string_view service_key) const {
  return Found(models_, service_key);
}

std::vector<std::string> Dependents::AliasesOf(const ViewId& view) const {
  return Found(aliases_, view);
}

std::vector<std::string> Dependents::TrainingSetsOf(const ViewId& view) const {
  return Found(training_sets_, view);
}

}  // namespace forebay
