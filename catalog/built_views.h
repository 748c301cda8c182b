// When a view is live: once all tasks that compute it, of all workers, have met the head of their
// topic with it. Pure.
#ifndef FOREBAY_CATALOG_BUILT_VIEWS_H_
#define FOREBAY_CATALOG_BUILT_VIEWS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "catalog/catalog_state.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/view_id.h"

namespace forebay {

// Of a view: how many tasks compute it in all workers, and which of them have met the head here.
struct BuiltTasks {
  int64_t tasks = 0;
  std::vector<std::string> built;  // "transactions/3"
};

// What `now` is to become by it: views that are BUILDING have more tasks built, or are LIVE.
std::vector<v1::CatalogChange> TakeBuilt(const std::map<ViewId, BuiltTasks>& views,
                                         const CatalogState& now);

}  // namespace forebay

#endif  // FOREBAY_CATALOG_BUILT_VIEWS_H_
