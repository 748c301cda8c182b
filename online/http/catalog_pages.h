// The pages under /v1/catalog: what a catalog has, in JSON. Each answer is all of one version of
// it, which it names. They change nothing.
//
//   CatalogPages pages([&] { return reader.catalog(); }, ready, {.log = &log});
//   for (const CatalogRoute& route : CatalogPages::Routes())
//     if (auto in_path = MatchPath(route.description.path, path)) ...
//       (pages.*route.answer)(query);
//
// Thread-safe. Some read the warehouse: not for threads that must not wait.
#ifndef FOREBAY_ONLINE_HTTP_CATALOG_PAGES_H_
#define FOREBAY_ONLINE_HTTP_CATALOG_PAGES_H_

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "catalog/catalog_state.h"
#include "online/http/catalog_sources.h"
#include "online/http/page_query.h"
#include "online/http/route.h"

namespace forebay {

class CatalogPages {
 public:
  using State = std::shared_ptr<const CatalogState>;
  using Page = absl::StatusOr<nlohmann::ordered_json> (CatalogPages::*)(const PageQuery&) const;
  struct Route {
    RouteDescription description;
    Page answer;
  };

  // `now`: the state that lookups work with; null: there is none. `ready`: as of /readyz.
  CatalogPages(std::function<State()> now, std::function<absl::Status()> ready,
               CatalogSources sources);
  ~CatalogPages();

  static const std::vector<Route>& Routes();

 private:
  using Answer = absl::StatusOr<nlohmann::ordered_json>;
  struct Index;  // of one state

  std::shared_ptr<const Index> Now() const;

  Answer Status(const PageQuery& query) const;
  Answer List(const PageQuery& query) const;
  Answer Objects(const PageQuery& query) const;
  Answer Search(const PageQuery& query) const;
  Answer ShowLineage(const PageQuery& query) const;
  Answer Commits(const PageQuery& query) const;
  Answer Statistics(const PageQuery& query) const;
  Answer Models(const PageQuery& query) const;
  Answer Model(const PageQuery& query) const;
  Answer ModelDiff(const PageQuery& query) const;
  Answer TrainingSets(const PageQuery& query) const;
  Answer TrainingSet(const PageQuery& query) const;

  const std::function<State()> now_;
  const std::function<absl::Status()> ready_;
  const CatalogSources sources_;
  mutable absl::Mutex mutex_;
  mutable std::shared_ptr<const Index> index_
      ABSL_GUARDED_BY(mutex_);  // of the newest that was asked of
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_CATALOG_PAGES_H_
