#include "catalog/catalog_project.h"

#include <algorithm>
#include <map>
#include <utility>

#include "forebay/v1/catalog.pb.h"

namespace forebay {

void TakeServices(const CatalogState& state, v1::Project* project) {
  std::map<std::string, const v1::ServiceVersion*> newest;
  for (const auto& [key, object] : state.objects()) {
    if (!object->has_service()) continue;
    const v1::ServiceVersion*& one = newest[object->service().definition().name()];
    if (one == nullptr || one->version() < object->service().version()) one = &object->service();
  }
  auto* services = project->mutable_feature_services();
  services->erase(std::remove_if(services->begin(), services->end(),
                                 [&](const v1::FeatureService& service) {
                                   return newest.contains(service.name());
                                 }),
                  services->end());
  for (const auto& [name, service] : newest) {
    if (!service->retired()) *project->add_feature_services() = service->definition();
  }
}

v1::Project ProjectOf(const std::string& name, const CatalogState& state) {
  v1::Project project;
  project.set_name(name);
  for (const auto& [key, object] : state.objects()) {
    if (object->has_source()) *project.add_sources() = object->source();
    if (object->has_entity()) *project.add_entities() = object->entity();
    if (!object->has_view() || object->view().state() == v1::ViewVersion::RETIRED) continue;
    *project.add_feature_views() = object->view().definition();
  }
  std::sort(project.mutable_feature_views()->begin(), project.mutable_feature_views()->end(),
            [](const v1::FeatureView& a, const v1::FeatureView& b) {
              return std::pair(a.name(), a.version()) < std::pair(b.name(), b.version());
            });
  TakeServices(state, &project);
  return project;
}

}  // namespace forebay
