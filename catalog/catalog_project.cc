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

namespace {

template <typename List, typename Is>
void RemoveIf(List* list, const Is& is) {
  list->erase(std::remove_if(list->begin(), list->end(), is), list->end());
}

template <typename List, typename Object, typename Is>
void Put(List* list, const Object& object, const Is& is) {
  auto found = std::find_if(list->begin(), list->end(), is);
  *(found == list->end() ? list->Add() : &*found) = object;
}

void PutNamed(const v1::CatalogObject& object, v1::Project* project) {
  if (object.has_source()) {
    const v1::Source& source = object.source();
    Put(project->mutable_sources(), source,
        [&](const v1::Source& one) { return one.name() == source.name(); });
  }
  if (object.has_entity()) {
    const v1::Entity& entity = object.entity();
    Put(project->mutable_entities(), entity,
        [&](const v1::Entity& one) { return one.name() == entity.name(); });
  }
  if (!object.has_view()) return;
  const v1::FeatureView& view = object.view().definition();
  auto is_it = [&](const v1::FeatureView& one) {
    return one.name() == view.name() && one.version() == view.version();
  };
  if (object.view().state() == v1::ViewVersion::RETIRED) {
    RemoveIf(project->mutable_feature_views(), is_it);
  } else {
    Put(project->mutable_feature_views(), view, is_it);
  }
}

void RemoveNamed(const v1::CatalogObject& object, v1::Project* project) {
  if (object.has_view()) {
    const v1::FeatureView& view = object.view().definition();
    RemoveIf(project->mutable_feature_views(), [&](const v1::FeatureView& one) {
      return one.name() == view.name() && one.version() == view.version();
    });
  }
  auto in_use = [&](const auto& uses) {
    return std::any_of(project->feature_views().begin(), project->feature_views().end(), uses);
  };
  if (object.has_source() && !in_use([&](const v1::FeatureView& view) {
        return view.source() == object.source().name();
      })) {
    RemoveIf(project->mutable_sources(),
             [&](const v1::Source& one) { return one.name() == object.source().name(); });
  }
  if (object.has_entity() && !in_use([&](const v1::FeatureView& view) {
        return view.entity() == object.entity().name();
      })) {
    RemoveIf(project->mutable_entities(),
             [&](const v1::Entity& one) { return one.name() == object.entity().name(); });
  }
}

}  // namespace

v1::Project FollowCatalog(const v1::Project& project, const CatalogState& before,
                          const CatalogState& now) {
  v1::Project followed = project;
  // Unchanged objects are shared between states.
  for (const auto& [key, object] : now.objects()) {
    auto known = before.objects().find(key);
    if (known == before.objects().end() || known->second != object) PutNamed(*object, &followed);
  }
  for (const bool views : {true, false}) {  // before what they use
    for (const auto& [key, object] : before.objects()) {
      if (object->has_view() == views && now.Find(key) == nullptr) RemoveNamed(*object, &followed);
    }
  }
  TakeServices(now, &followed);
  return followed;
}

}  // namespace forebay
