// What each HTTP request is answered, without the network: the server reads requests and sends
// answers.
#ifndef FOREBAY_ONLINE_HTTP_ROUTES_H_
#define FOREBAY_ONLINE_HTTP_ROUTES_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "online/http/metrics.h"
#include "online/serving/feature_reader.h"

namespace forebay {

struct HttpAnswer {
  unsigned status = 200;
  std::string_view content_type = "application/json";
  std::string body;
  std::string_view allow;  // not empty: the methods that a 405 allows
};

// The answer that says what is wrong, in the shape of docs/serving.md, with the HTTP status that
// fits.
HttpAnswer ErrorAnswer(const absl::Status& status);

// Thread-safe.
class HttpRoutes {
 public:
  // Answers OK when the worker may serve, else why not. Thread-safe, quick.
  using Ready = std::function<absl::Status()>;

  // `reader` and `metrics` outlive this.
  HttpRoutes(const FeatureReader* reader, MetricsRegistry* metrics, Ready ready);

  // `target` as in the request line. `open_connections` is for /metrics.
  HttpAnswer Answer(std::string_view method, std::string_view target, const std::string& body,
                    size_t open_connections) const;

 private:
  absl::StatusOr<std::string> Read(Method method, const std::string& body) const;
  HttpAnswer Lookup(Method method, const std::string& body) const;
  HttpAnswer Readyz() const;
  HttpAnswer Metrics(size_t open_connections) const;

  const FeatureReader* reader_;
  MetricsRegistry* metrics_;
  Ready ready_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_ROUTES_H_
