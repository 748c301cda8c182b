#include "catalog/catalog_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "forebay/v1/catalog.pb.h"

namespace forebay {

bool IsCatalogName(std::string_view name) {
  auto allowed = [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kLongestCatalogName && absl::ascii_islower(name[0]) &&
         std::ranges::all_of(name, allowed);
}

std::string SourceKey(std::string_view name) { return fmt::format("source/{}", name); }

std::string EntityKey(std::string_view name) { return fmt::format("entity/{}", name); }

std::string ViewKey(const ViewId& view) { return "view/" + view.ToString(); }

std::string ServiceKey(std::string_view name, uint32_t version) {
  return fmt::format("service/{}@{}", name, version);
}

std::string ModelKey(std::string_view model, uint32_t version) {
  return fmt::format("model/{}@{}", model, version);
}

std::string AliasKey(std::string_view model, std::string_view alias) {
  return fmt::format("alias/{}@{}", model, alias);
}

std::string TrainingSetKey(std::string_view name, uint32_t version) {
  return fmt::format("training_set/{}@{}", name, version);
}

std::string KeyOf(const v1::CatalogObject& object) {
  switch (object.object_case()) {
    case v1::CatalogObject::kSource:
      return SourceKey(object.source().name());
    case v1::CatalogObject::kEntity:
      return EntityKey(object.entity().name());
    case v1::CatalogObject::kView:
      return ViewKey({object.view().definition().name(), object.view().definition().version()});
    case v1::CatalogObject::kService:
      return ServiceKey(object.service().definition().name(), object.service().version());
    case v1::CatalogObject::kModel:
      return ModelKey(object.model().model(), object.model().version());
    case v1::CatalogObject::kAlias:
      return AliasKey(object.alias().model(), object.alias().alias());
    case v1::CatalogObject::kTrainingSet:
      return TrainingSetKey(object.training_set().name(), object.training_set().version());
    case v1::CatalogObject::OBJECT_NOT_SET:
      break;
  }
  return "";
}

}  // namespace forebay
