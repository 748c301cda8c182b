#include "online/grpc/health_reporter.h"

#include <grpcpp/health_check_service_interface.h>

#include <utility>

namespace forebay {

HealthReporter::HealthReporter(grpc::HealthCheckServiceInterface* health, std::string service,
                               std::function<absl::Status()> ready, absl::Duration interval)
    : health_(health), service_(std::move(service)), ready_(std::move(ready)), interval_(interval) {
  Report(ready_().ok());
  thread_ = std::thread([this] { Run(); });
}

HealthReporter::~HealthReporter() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  thread_.join();
  Report(false);
}

void HealthReporter::Run() {
  bool reported = ready_().ok();
  Report(reported);
  absl::MutexLock lock(&mutex_);
  while (!mutex_.AwaitWithTimeout(absl::Condition(&stopped_), interval_)) {
    if (bool serving = ready_().ok(); serving != reported) Report(reported = serving);
  }
}

void HealthReporter::Report(bool serving) {
  health_->SetServingStatus(service_, serving);
  health_->SetServingStatus("", serving);
}

}  // namespace forebay
