#include "online/http/routes.h"

#include <utility>

#include "absl/time/clock.h"
#include "fmt/format.h"
#include "online/http/read_json.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

unsigned HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

std::string_view PathOf(std::string_view target) { return target.substr(0, target.find('?')); }

ReadRequestParser& ParserOfThisThread() {
  thread_local ReadRequestParser parser;
  return parser;
}

}  // namespace

HttpAnswer ErrorAnswer(const absl::Status& status) {
  HttpAnswer answer;
  answer.status = HttpStatus(status.code());
  answer.body = ErrorJson(absl::StatusCodeToString(status.code()), std::string(status.message()));
  return answer;
}

HttpRoutes::HttpRoutes(const FeatureReader* reader, MetricsRegistry* metrics, Ready ready)
    : reader_(reader), metrics_(metrics), ready_(std::move(ready)) {}

absl::StatusOr<std::string> HttpRoutes::Read(Method method, std::string_view body,
                                             const std::atomic<bool>* stopping) const {
  bool batch = method == Method::kBatchGet;
  ReadRequestParser& parser = ParserOfThisThread();
  ASSIGN_OR_RETURN(ReadRequest request, batch ? parser.ParseBatchGet(body) : parser.ParseGet(body));
  request.stopping = stopping;
  ASSIGN_OR_RETURN(ReadResult result, reader_->Read(request));
  return batch ? BatchGetAnswerJson(result) : GetAnswerJson(result);
}

HttpAnswer HttpRoutes::Lookup(Method method, std::string_view body,
                              const std::atomic<bool>* stopping) const {
  absl::Time start = absl::Now();
  absl::StatusOr<std::string> answer = Read(method, body, stopping);
  metrics_->ObserveRequest(Door::kHttp, method, answer.status().code(), absl::Now() - start);
  if (!answer.ok()) return ErrorAnswer(answer.status());
  return {.body = *std::move(answer)};
}

HttpAnswer HttpRoutes::Readyz() const {
  absl::Status status = ready_();
  if (status.ok()) return {.body = R"({"status":"ready"})"};
  HttpAnswer answer = ErrorAnswer(status);
  answer.status = 503;  // whatever the reason is
  return answer;
}

HttpAnswer HttpRoutes::Metrics(const Server& server) const {
  std::string text = metrics_->Text([&](MetricsWriter& writer) {
    writer.Write(Metric::kReady, {}, ready_().ok() ? 1 : 0);
    writer.Write(Metric::kHttpConnections, {}, static_cast<double>(server.open_connections));
    writer.Write(Metric::kRefusedConnections, {"http"},
                 static_cast<double>(server.refused_connections));
  });
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(text)};
}

bool HttpRoutes::IsLookup(std::string_view target) {
  std::string_view path = PathOf(target);
  return path == "/v1/get" || path == "/v1/batch-get";
}

HttpAnswer HttpRoutes::Answer(std::string_view method, std::string_view target,
                              std::string_view body, const Server& server) const {
  std::string_view path = PathOf(target);
  bool lookup = IsLookup(target);
  bool page = path == "/healthz" || path == "/readyz" || path == "/metrics";
  if (!lookup && !page) {
    return ErrorAnswer(absl::NotFoundError(
        fmt::format("no page {}; there are: POST /v1/get, POST /v1/batch-get, GET /healthz, "
                    "GET /readyz, GET /metrics",
                    path)));
  }
  std::string_view allow = lookup ? "POST" : "GET, HEAD";
  if (lookup ? method != "POST" : method != "GET" && method != "HEAD") {
    HttpAnswer answer = ErrorAnswer(absl::UnimplementedError(
        fmt::format("{} {} is not allowed; allowed: {}", method, path, allow)));
    answer.status = 405;
    answer.allow = allow;
    return answer;
  }
  if (lookup)
    return Lookup(path == "/v1/get" ? Method::kGet : Method::kBatchGet, body, server.stopping);
  if (path == "/readyz") return Readyz();
  if (path == "/metrics") return Metrics(server);
  return {.body = R"({"status":"alive"})"};
}

}  // namespace forebay
