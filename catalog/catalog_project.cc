#include "catalog/catalog_project.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "forebay/v1/catalog.pb.h"
#include "schemas/types/view_id.h"

namespace forebay {

void TakeServices(const CatalogState& state, v1::Project* project) {
  std::set<ViewId> views;
  for (const v1::FeatureView& view : project->feature_views())
    views.insert({view.name(), view.version()});
  auto has_views = [&](const v1::ServiceVersion& service) {
    return std::ranges::all_of(service.definition().features(),
                               [&](const v1::FeatureReference& reference) {
                                 return views.contains({reference.view(), reference.version()});
                               });
  };
  struct Versions {
    const v1::ServiceVersion* newest = nullptr;
    const v1::ServiceVersion* answered = nullptr;  // the newest of which the project has all
  };
  auto take_newer = [](const v1::ServiceVersion& one, const v1::ServiceVersion** kept) {
    if (*kept == nullptr || (*kept)->version() < one.version()) *kept = &one;
  };
  std::map<std::string, Versions> services;
  for (const auto& [key, object] : state.objects()) {
    if (!object->has_service()) continue;
    Versions& versions = services[object->service().definition().name()];
    take_newer(object->service(), &versions.newest);
    if (has_views(object->service())) take_newer(object->service(), &versions.answered);
  }
  auto* taken = project->mutable_feature_services();
  taken->erase(std::remove_if(taken->begin(), taken->end(),
                              [&](const v1::FeatureService& service) {
                                return services.contains(service.name());
                              }),
               taken->end());
  for (const auto& [name, versions] : services) {
    if (versions.newest->retired()) continue;
    *taken->Add() =
        (versions.answered != nullptr ? versions.answered : versions.newest)->definition();
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
