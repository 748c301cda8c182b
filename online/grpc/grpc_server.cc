#include "online/grpc/grpc_server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/base/call_once.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "fmt/format.h"
#include "online/grpc/connection_acceptor.h"
#include "online/grpc/health_service.h"
#include "online/grpc/serving_service.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// gRPC knows it as a plug-in of all servers of the process.
void AddReflectionOnce() {
  static absl::once_flag once;
  absl::call_once(once, grpc::reflection::InitProtoReflectionServerBuilderPlugin);
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(const FeatureReader* reader, MetricsRegistry* metrics, int threads)
      : service_(reader, metrics, threads) {}

  absl::Status Start(const GrpcServerOptions& options, Ready ready) {
    ASSIGN_OR_RETURN(acceptor_,
                     ConnectionAcceptor::Listen({.address = options.address,
                                                 .port = options.port,
                                                 .max_connections = options.max_connections,
                                                 .most_files = options.most_files}));
    AddReflectionOnce();
    health_ = std::make_unique<HealthService>(v1::FeatureServing::service_full_name(),
                                              std::move(ready), options.health_interval);
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(options.max_message_bytes);
    // When all is taken, gRPC ends calls, and closes connections that have none.
    builder.SetResourceQuota(
        grpc::ResourceQuota("forebay").Resize(static_cast<size_t>(options.max_memory_bytes)));
    builder.AddChannelArgument(
        GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
        static_cast<int>(absl::ToInt64Milliseconds(options.handshake_timeout)));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                               static_cast<int>(absl::ToInt64Milliseconds(options.idle_timeout)));
    connections_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    builder.RegisterService(health_.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return absl::InternalError("gRPC does not start its server");
    acceptor_->Start([this](int socket) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
      connection.fd = socket;
      connections_->HandleNewConnection(&connection);
    });
    return absl::OkStatus();
  }

  void Stop(absl::Duration deadline) {
    if (server_ == nullptr) return;
    absl::Time end = absl::Now() + deadline;
    acceptor_->Stop();
    health_->Stop();
    absl::Notification stopped;
    std::thread shutdown([&] {
      server_->Shutdown(absl::ToChronoTime(end));
      stopped.Notify();
    });
    // Shutdown waits for streams too, and those who reflect on us need not end theirs.
    while (!stopped.WaitForNotificationWithTimeout(absl::Milliseconds(10))) {
      if (service_.calls() + health_->watchers() == 0)
        grpc_server_cancel_all_calls(server_->c_server());
      if (absl::Now() >= end) service_.GiveUp();
    }
    shutdown.join();
    server_.reset();
  }

  uint16_t port() const { return acceptor_->port(); }
  uint64_t refused_connections() const { return acceptor_->refused(); }

 private:
  ServingService service_;
  std::unique_ptr<HealthService> health_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

GrpcServer::~GrpcServer() { Stop(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcServerOptions& options,
                                                              const FeatureReader* reader,
                                                              MetricsRegistry* metrics,
                                                              Ready ready) {
  auto impl = std::make_unique<Impl>(reader, metrics, std::max(1, options.threads));
  RETURN_IF_ERROR(impl->Start(options, std::move(ready)));
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

uint16_t GrpcServer::port() const { return impl_->port(); }

uint64_t GrpcServer::refused_connections() const { return impl_->refused_connections(); }

void GrpcServer::Stop(absl::Duration deadline) { impl_->Stop(deadline); }

}  // namespace forebay
