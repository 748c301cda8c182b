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

  // What the server knows of itself.
  struct Server {
    size_t open_connections;
    uint64_t refused_connections;
    const std::atomic<bool>* stopping;  // once true, lookups end, UNAVAILABLE
  };

  // `target` as in the request line.
  HttpAnswer Answer(std::string_view method, std::string_view target, std::string_view body,
                    const Server& server) const;
  // Whether an answer may take long.
  static bool IsLookup(std::string_view target);

 private:
  absl::StatusOr<std::string> Read(Method method, std::string_view body,
                                   const std::atomic<bool>* stopping) const;
  HttpAnswer Lookup(Method method, std::string_view body, const std::atomic<bool>* stopping) const;
  HttpAnswer Readyz() const;
  HttpAnswer Metrics(const Server& server) const;

  const FeatureReader* reader_;
  MetricsRegistry* metrics_;
  Ready ready_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_ROUTES_H_
