// The gRPC door: forebay.v1.FeatureServing (schemas/forebay/v1/serving.proto), with reflection and
// grpc.health.v1.Health.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<GrpcServer> server,
//                    GrpcServer::Start({.port = 8081}, &reader, &metrics, ready));
#ifndef FOREBAY_ONLINE_GRPC_GRPC_SERVER_H_
#define FOREBAY_ONLINE_GRPC_GRPC_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "online/http/metrics.h"
#include "online/serving/feature_reader.h"

namespace forebay {

struct GrpcServerOptions {
  std::string address = "127.0.0.1";  // an IP address; "0.0.0.0" and "::" are all of them
  uint16_t port = 0;                  // 0: any that is free
  int threads = 2;                    // for requests of many entities; gRPC has its own
  int max_message_bytes = 4 << 20;    // of one request; more is RESOURCE_EXHAUSTED
  int64_t max_memory_bytes = int64_t{256} << 20;         // of gRPC's buffers
  size_t max_connections = 4096;                         // more are closed at once
  int most_files = std::numeric_limits<int>::max();      // so is a socket of this number or above
  absl::Duration handshake_timeout = absl::Seconds(10);  // from a connection to HTTP/2
  absl::Duration idle_timeout = absl::Minutes(5);        // of a connection without a call
  absl::Duration health_interval = absl::Milliseconds(100);  // between two looks at `ready`
};

// Thread-safe. Serves until it is stopped or goes.
class GrpcServer {
 public:
  // OK when the worker may serve, else why not. Thread-safe, quick. Health answers SERVING, for the
  // server ("") and for "forebay.v1.FeatureServing", as long as it is OK.
  using Ready = std::function<absl::Status()>;

  // `reader` and `metrics` outlive the server. FAILED_PRECONDITION: the port cannot be had; names
  // it and the entry of forebay.yaml, `serving.grpc_port`. INVALID_ARGUMENT: no IP address.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const GrpcServerOptions& options,
                                                           const FeatureReader* reader,
                                                           MetricsRegistry* metrics, Ready ready);
  ~GrpcServer();

  uint16_t port() const;
  // How many connections were closed at once, as too many were open.
  uint64_t refused_connections() const;

  // Health becomes NOT_SERVING and its watchers' streams end, no more calls are taken; returns once
  // those under way are answered, or cancels them when `deadline` is over. Later calls do nothing.
  void Stop(absl::Duration deadline);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_GRPC_GRPC_SERVER_H_
