// What each HTTP request is answered, without the network: the server reads requests and sends
// answers.
#ifndef FOREBAY_ONLINE_HTTP_ROUTES_H_
#define FOREBAY_ONLINE_HTTP_ROUTES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "online/http/catalog_pages.h"
#include "online/http/catalog_sources.h"
#include "online/http/metrics.h"
#include "online/http/page_answer.h"
#include "online/http/route.h"
#include "online/serving/feature_reader.h"

namespace forebay {

// Thread-safe.
class HttpRoutes {
 public:
  // Answers OK when the worker may serve, else why not. Thread-safe, quick.
  using Ready = std::function<absl::Status()>;

  // `reader` and `metrics` outlive this.
  HttpRoutes(const FeatureReader* reader, MetricsRegistry* metrics, Ready ready,
             CatalogSources catalog = {});

  // What the server knows of itself.
  struct Server {
    size_t open_connections;
    uint64_t refused_connections;
    const std::atomic<bool>* stopping;  // once true, lookups end, UNAVAILABLE
  };

  // `target` as in the request line.
  PageAnswer Answer(std::string_view method, std::string_view target, std::string_view body,
                    const Server& server) const;
  // On which threads to make it.
  static RunsOn RunsOnFor(std::string_view target);

 private:
  struct Request {
    const PageQuery& query;
    std::string_view body;
    const Server& server;
  };
  struct Route {
    RouteDescription description;
    std::function<PageAnswer(const HttpRoutes&, const Request&)> answer;
  };
  struct Found {
    const Route* route = nullptr;  // null: there is no such page
    std::vector<std::string_view> in_path;
  };

  static const std::vector<Route>& Table();
  static Found Find(std::string_view path);

  absl::StatusOr<std::string> Read(Method method, std::string_view body,
                                   const std::atomic<bool>* stopping) const;
  PageAnswer Lookup(Method method, const Request& request) const;
  PageAnswer Readyz() const;
  PageAnswer Metrics(const Server& server) const;
  PageAnswer Catalog(CatalogPages::Page page, const PageQuery& query) const;

  const FeatureReader* reader_;
  MetricsRegistry* metrics_;
  Ready ready_;
  CatalogPages catalog_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_ROUTES_H_
