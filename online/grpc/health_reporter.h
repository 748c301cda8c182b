// Keeps grpc.health.v1.Health in step with whether the worker may serve.
#ifndef FOREBAY_ONLINE_GRPC_HEALTH_REPORTER_H_
#define FOREBAY_ONLINE_GRPC_HEALTH_REPORTER_H_

#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace grpc {
class HealthCheckServiceInterface;
}

namespace forebay {

// Its own thread asks `ready` every `interval` and passes the answer on when it changes; gRPC's
// service answers Check from it and streams it to Watch. Starts as NOT_SERVING unless ready.
class HealthReporter {
 public:
  // `health` outlives this.
  HealthReporter(grpc::HealthCheckServiceInterface* health, std::string service,
                 std::function<absl::Status()> ready, absl::Duration interval);
  // NOT_SERVING from here on.
  ~HealthReporter();

 private:
  void Run();
  void Report(bool serving);

  grpc::HealthCheckServiceInterface* health_;
  const std::string service_;
  const std::function<absl::Status()> ready_;
  const absl::Duration interval_;
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_GRPC_HEALTH_REPORTER_H_
