#include "online/grpc/grpc_server.h"

#include <arpa/inet.h>
#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "absl/base/call_once.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "fmt/format.h"
#include "online/grpc/health_service.h"
#include "online/grpc/serving_service.h"
#include "online/serving/port_error.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// The socket address of an IP address, and its length; length 0: it is none.
std::pair<sockaddr_storage, socklen_t> SocketAddress(const std::string& address, uint16_t port) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return {storage, sizeof(sockaddr_in)};
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return {storage, sizeof(sockaddr_in6)};
  }
  return {storage, 0};
}

// Whether the port can be had, and if not, why: gRPC itself only says that it cannot.
absl::Status ProbePort(const GrpcServerOptions& options) {
  auto [address, length] = SocketAddress(options.address, options.port);
  if (length == 0) {
    return absl::InvalidArgumentError(fmt::format(
        "\"{}\" is no IP address: set serving.address in forebay.yaml to one, such as 0.0.0.0",
        options.address));
  }
  int probe = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return PortError(options.address, options.port, "serving.grpc_port", errno);
  int on = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  int error = bind(probe, reinterpret_cast<sockaddr*>(&address), length) == 0 ? 0 : errno;
  close(probe);
  if (error == 0) return absl::OkStatus();
  return PortError(options.address, options.port, "serving.grpc_port", error);
}

// gRPC knows it as a plug-in of all servers of the process.
void AddReflectionOnce() {
  static absl::once_flag once;
  absl::call_once(once, grpc::reflection::InitProtoReflectionServerBuilderPlugin);
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(const FeatureReader* reader, MetricsRegistry* metrics) : service_(reader, metrics) {}

  absl::Status Start(const GrpcServerOptions& options, Ready ready) {
    RETURN_IF_ERROR(ProbePort(options));
    AddReflectionOnce();
    health_ = std::make_unique<HealthService>(v1::FeatureServing::service_full_name(),
                                              std::move(ready), options.health_interval);
    bool v6 = options.address.find(':') != std::string::npos;
    grpc::ServerBuilder builder;
    // By default two servers could share a port, and each would get some of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(options.max_message_bytes);
    builder.SetResourceQuota(
        grpc::ResourceQuota("forebay").Resize(static_cast<size_t>(options.max_memory_bytes)));
    builder.AddListeningPort(
        fmt::format(fmt::runtime(v6 ? "[{}]:{}" : "{}:{}"), options.address, options.port),
        grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    builder.RegisterService(health_.get());
    server_ = builder.BuildAndStart();
    // Free when it was probed, and not any more.
    if (server_ == nullptr || port_ == 0) {
      return PortError(options.address, options.port, "serving.grpc_port", EADDRINUSE);
    }
    return absl::OkStatus();
  }

  void Stop(absl::Duration deadline) {
    if (server_ == nullptr) return;
    health_->Stop();
    absl::Notification stopped;
    std::thread shutdown([&] {
      server_->Shutdown(absl::ToChronoTime(absl::Now() + deadline));
      stopped.Notify();
    });
    // Shutdown waits for streams too, and those who reflect on us need not end theirs.
    while (!stopped.WaitForNotificationWithTimeout(absl::Milliseconds(10))) {
      if (service_.calls() + health_->watchers() == 0)
        grpc_server_cancel_all_calls(server_->c_server());
    }
    shutdown.join();
    server_.reset();
  }

  uint16_t port() const { return static_cast<uint16_t>(port_); }

 private:
  int port_ = 0;
  ServingService service_;
  std::unique_ptr<HealthService> health_;
  std::unique_ptr<grpc::Server> server_;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

GrpcServer::~GrpcServer() { Stop(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcServerOptions& options,
                                                              const FeatureReader* reader,
                                                              MetricsRegistry* metrics,
                                                              Ready ready) {
  auto impl = std::make_unique<Impl>(reader, metrics);
  RETURN_IF_ERROR(impl->Start(options, std::move(ready)));
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

uint16_t GrpcServer::port() const { return impl_->port(); }

void GrpcServer::Stop(absl::Duration deadline) { impl_->Stop(deadline); }

}  // namespace forebay
