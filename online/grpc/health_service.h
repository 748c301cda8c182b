// grpc.health.v1.Health: whether the worker may serve. Includes gRPC: for .cc files of this folder.
#ifndef FOREBAY_ONLINE_GRPC_HEALTH_SERVICE_H_
#define FOREBAY_ONLINE_GRPC_HEALTH_SERVICE_H_

#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace forebay {

// Its own thread asks `ready` every `interval`; Check answers what it said last, Watch streams the
// changes. Unlike the service that comes with gRPC, whose streams a stopping server can only break,
// Stop lets every watcher read NOT_SERVING and the end of its stream. Thread-safe.
class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  // Answers for the server ("") and for `service`.
  HealthService(std::string service, std::function<absl::Status()> ready, absl::Duration interval);
  // Waits for the streams' ends: the server must have shut down.
  ~HealthService() override;

  // NOT_SERVING for good; ends all streams. Later calls do nothing.
  void Stop();
  // How many streams have not ended.
  int watchers() const;

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  class Watcher;

  bool Knows(const std::string& service) const { return service.empty() || service == service_; }
  grpc::health::v1::HealthCheckResponse::ServingStatus AskReady() const;
  void Run();
  void Report(grpc::health::v1::HealthCheckResponse::ServingStatus status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string service_;
  const std::function<absl::Status()> ready_;
  const absl::Duration interval_;
  mutable absl::Mutex mutex_;
  grpc::health::v1::HealthCheckResponse::ServingStatus status_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<Watcher*> watchers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_GRPC_HEALTH_SERVICE_H_
