#include "online/http/routes.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/time/clock.h"
#include "fmt/format.h"
#include "online/http/open_api.h"
#include "online/http/page_query.h"
#include "online/http/read_json.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

std::string_view PathOf(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view QueryOf(std::string_view target) {
  const size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

ReadRequestParser& ParserOfThisThread() {
  thread_local ReadRequestParser parser;
  return parser;
}

RouteDescription LookupPage(std::string_view path, std::string_view name, std::string_view what,
                            std::string_view body, std::string_view answer) {
  return {.method = "POST",
          .path = path,
          .name = name,
          .what = what,
          .runs_on = RunsOn::kLookupSlot,
          .body = body,
          .answer = answer,
          .errors = {400, 404, 413, 503}};
}

RouteDescription OwnPage(std::string_view path, std::string_view name, std::string_view what,
                         std::string_view answer, std::vector<unsigned> errors = {}) {
  return {.method = "GET",
          .path = path,
          .name = name,
          .what = what,
          .answer = answer,
          .errors = std::move(errors)};
}

}  // namespace

HttpRoutes::HttpRoutes(const FeatureReader* reader, MetricsRegistry* metrics, Ready ready,
                       CatalogSources catalog)
    : reader_(reader),
      metrics_(metrics),
      ready_(std::move(ready)),
      catalog_([reader] { return reader->catalog(); }, ready_, std::move(catalog)) {}

const std::vector<HttpRoutes::Route>& HttpRoutes::Table() {
  static const auto& table = *[] {
    static std::string open_api;
    auto* routes = new std::vector<Route>{
        {LookupPage("/v1/get", "get_features", "Features of one entity.", "GetRequest",
                    "GetAnswer"),
         [](const HttpRoutes& self, const Request& request) {
           return self.Lookup(Method::kGet, request);
         }},
        {LookupPage("/v1/batch-get", "batch_get_features",
                    "Features of many entities, a list for each feature.", "BatchGetRequest",
                    "BatchGetAnswer"),
         [](const HttpRoutes& self, const Request& request) {
           return self.Lookup(Method::kBatchGet, request);
         }},
        {OwnPage("/healthz", "get_health", "Whether the process lives.", "Alive"),
         [](const HttpRoutes&, const Request&) {
           return PageAnswer{.body = R"({"status":"alive"})"};
         }},
        {OwnPage("/readyz", "get_readiness", "Whether lookups are right.", "Ready", {503}),
         [](const HttpRoutes& self, const Request&) { return self.Readyz(); }},
        {OwnPage("/metrics", "get_metrics", "What the worker measures of itself, for Prometheus.",
                 ""),
         [](const HttpRoutes& self, const Request& request) {
           return self.Metrics(request.server);
         }},
        {OwnPage("/openapi.json", "get_openapi", "This document.", "OpenApi"),
         [](const HttpRoutes&, const Request&) { return PageAnswer{.body = open_api}; }},
    };
    for (const CatalogPages::Route& page : CatalogPages::Routes()) {
      routes->push_back({page.description,
                         [answer = page.answer](const HttpRoutes& self, const Request& request) {
                           return self.Catalog(answer, request.query);
                         }});
    }
    std::vector<const RouteDescription*> descriptions;
    for (const Route& route : *routes) descriptions.push_back(&route.description);
    open_api = OpenApiDocument(descriptions);
    return routes;
  }();
  return table;
}

HttpRoutes::Found HttpRoutes::Find(std::string_view path) {
  for (const Route& route : Table()) {
    auto in_path = MatchPath(route.description.path, path);
    if (in_path) return {&route, *std::move(in_path)};
  }
  return {};
}

RunsOn HttpRoutes::RunsOnFor(std::string_view target) {
  const Found found = Find(PathOf(target));
  return found.route == nullptr ? RunsOn::kReader : found.route->description.runs_on;
}

absl::StatusOr<std::string> HttpRoutes::Read(Method method, std::string_view body,
                                             const std::atomic<bool>* stopping) const {
  bool batch = method == Method::kBatchGet;
  ReadRequestParser& parser = ParserOfThisThread();
  ASSIGN_OR_RETURN(ReadRequest request, batch ? parser.ParseBatchGet(body) : parser.ParseGet(body));
  request.stopping = stopping;
  ASSIGN_OR_RETURN(ReadResult result, reader_->Read(request));
  return batch ? BatchGetAnswerJson(result) : GetAnswerJson(result);
}

PageAnswer HttpRoutes::Lookup(Method method, const Request& request) const {
  absl::Time start = absl::Now();
  absl::StatusOr<std::string> answer = Read(method, request.body, request.server.stopping);
  metrics_->ObserveRequest(Door::kHttp, method, answer.status().code(), absl::Now() - start);
  if (!answer.ok()) return ErrorAnswer(answer.status());
  return {.body = *std::move(answer)};
}

PageAnswer HttpRoutes::Readyz() const {
  absl::Status status = ready_();
  if (status.ok()) return {.body = R"({"status":"ready"})"};
  PageAnswer answer = ErrorAnswer(status);
  answer.status = 503;  // whatever the reason is
  return answer;
}

PageAnswer HttpRoutes::Metrics(const Server& server) const {
  std::string text = metrics_->Text([&](MetricsWriter& writer) {
    writer.Write(Metric::kReady, {}, ready_().ok() ? 1 : 0);
    writer.Write(Metric::kHttpConnections, {}, static_cast<double>(server.open_connections));
    writer.Write(Metric::kRefusedConnections, {"http"},
                 static_cast<double>(server.refused_connections));
  });
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(text)};
}

PageAnswer HttpRoutes::Catalog(CatalogPages::Page page, const PageQuery& query) const {
  absl::StatusOr<nlohmann::ordered_json> answer = (catalog_.*page)(query);
  if (!answer.ok()) return ErrorAnswer(answer.status());
  // Texts of people, which may be no UTF-8.
  return {.body = answer->dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)};
}

PageAnswer HttpRoutes::Answer(std::string_view method, std::string_view target,
                              std::string_view body, const Server& server) const {
  const std::string_view path = PathOf(target);
  const Found found = Find(path);
  if (found.route == nullptr) {
    std::vector<std::string> known;
    for (const Route& route : Table()) known.emplace_back(route.description.path);
    return ErrorAnswer(absl::NotFoundError(
        fmt::format("no page {}{}; GET /openapi.json lists all", path, DidYouMean(path, known))));
  }
  const RouteDescription& page = found.route->description;
  const bool is_post = page.method == "POST";
  if (is_post ? method != "POST" : method != "GET" && method != "HEAD") {
    const std::string_view allow = is_post ? "POST" : "GET, HEAD";
    PageAnswer answer = ErrorAnswer(absl::UnimplementedError(
        fmt::format("{} {} is not allowed; allowed: {}", method, path, allow)));
    answer.status = 405;
    answer.allow = allow;
    return answer;
  }
  // Pages without parameters never minded any.
  const std::string_view asked = page.parameters.empty() ? std::string_view() : QueryOf(target);
  absl::StatusOr<PageQuery> query = PageQuery::Parse(page, found.in_path, asked);
  if (!query.ok()) return ErrorAnswer(query.status());
  return found.route->answer(*this, {*query, body, server});
}

}  // namespace forebay
