// The HTTP/JSON door: lookups, health, metrics. docs/serving.md describes it.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<HttpServer> server,
//                    HttpServer::Start({.port = 8080}, &reader, &metrics, ready));
#ifndef FOREBAY_ONLINE_HTTP_HTTP_SERVER_H_
#define FOREBAY_ONLINE_HTTP_HTTP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "online/http/metrics.h"
#include "online/http/routes.h"
#include "online/serving/feature_reader.h"

namespace forebay {

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // an IP address; "0.0.0.0" and "::" are all of them
  uint16_t port = 0;                  // 0: any that is free
  int threads = 2;                    // of lookups; one more reads, and answers what is there
  int page_threads = 2;               // of pages that may take long
  size_t most_waiting_pages = 16;     // for these; above: 503
  size_t max_connections = 4096;      // above: one that waits for a request is closed, else 503
  int most_files = std::numeric_limits<int>::max();  // a socket of this number or above: 503
  size_t max_body_bytes = size_t{16} << 20;          // of one request; more is answered 413
  // Of bodies that are arriving and answers that are being taken, all together. Above: the
  // connection that has taken longest is closed, if it has taken `transfer_grace`, else 503.
  size_t max_buffered_bytes = size_t{256} << 20;
  absl::Duration transfer_grace = absl::Seconds(1);
  absl::Duration idle_timeout = absl::Seconds(60);  // from an answer to the next request's header
  absl::Duration request_timeout = absl::Seconds(30);  // to send a body, and to take an answer
};

// Thread-safe. Serves until it is stopped or goes.
class HttpServer {
 public:
  // `reader` and `metrics` outlive the server. INVALID_ARGUMENT: no IP address.
  // FAILED_PRECONDITION: the port cannot be had; names it and the entry of forebay.yaml,
  // `serving.http_port`.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                           const FeatureReader* reader,
                                                           MetricsRegistry* metrics,
                                                           HttpRoutes::Ready ready,
                                                           CatalogSources catalog = {});
  ~HttpServer();

  uint16_t port() const;

  // Takes no more connections, answers the requests that are being read or answered, and returns
  // once that is done or `deadline` is over. Later calls do nothing.
  void Stop(absl::Duration deadline);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_HTTP_SERVER_H_
