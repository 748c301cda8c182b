#include "catalog/built_views.h"

#include <set>

#include "catalog/catalog_key.h"

namespace forebay {

std::vector<v1::CatalogChange> TakeBuilt(const std::map<ViewId, BuiltTasks>& views,
                                         const CatalogState& now) {
  std::vector<v1::CatalogChange> changes;
  for (const auto& [id, tasks] : views) {
    const std::string key = ViewKey(id);
    const v1::CatalogObject* object = now.Find(key);
    if (object == nullptr || object->view().state() != v1::ViewVersion::BUILDING) continue;
    std::set<std::string> built(object->view().built().begin(), object->view().built().end());
    const size_t known = built.size();
    built.insert(tasks.built.begin(), tasks.built.end());
    if (built.size() == known && static_cast<int64_t>(known) < tasks.tasks) continue;
    v1::CatalogChange& change = changes.emplace_back();
    change.set_key(key);
    *change.mutable_object() = *object;
    v1::ViewVersion& view = *change.mutable_object()->mutable_view();
    view.clear_built();
    if (static_cast<int64_t>(built.size()) < tasks.tasks) {
      view.mutable_built()->Add(built.begin(), built.end());
    } else {
      view.set_state(v1::ViewVersion::LIVE);
    }
  }
  return changes;
}

}  // namespace forebay
