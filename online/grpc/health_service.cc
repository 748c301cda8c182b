#include "online/grpc/health_service.h"

#include <optional>
#include <utility>

#include "fmt/format.h"

namespace forebay {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// One stream. gRPC calls back without a lock; all state is under the service's.
class HealthService::Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse> {
 public:
  Watcher(HealthService* health, bool known) : health_(health), known_(known) {}

  // Writes the state unless it was written; once stopped, ends the stream. REQUIRES: the service's
  // lock is held; asserted, as clang does not know the service's own `mutex_` for
  // `health_->mutex_`.
  void Update() {
    health_->mutex_.AssertHeld();
    if (writing_ || finished_) return;
    auto status = known_ ? health_->status_ : HealthCheckResponse::SERVICE_UNKNOWN;
    if (written_ != status) {
      written_ = status;
      writing_ = true;
      response_.set_status(status);
      StartWrite(&response_);
    } else if (health_->stopped_) {
      End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server is stopping"));
    }
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&health_->mutex_);
    writing_ = false;
    if (ok) {
      Update();
    } else {
      End(grpc::Status::CANCELLED);
    }
  }

  void OnCancel() override {
    absl::MutexLock lock(&health_->mutex_);
    End(grpc::Status::CANCELLED);
  }

  void OnDone() override {
    {
      absl::MutexLock lock(&health_->mutex_);
      health_->watchers_.erase(this);
    }
    delete this;
  }

 private:
  void End(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(health_->mutex_) {
    if (!std::exchange(finished_, true)) Finish(status);
  }

  HealthService* const health_;
  const bool known_;
  HealthCheckResponse response_;  // gRPC reads it while `writing_`
  std::optional<HealthCheckResponse::ServingStatus> written_ ABSL_GUARDED_BY(health_->mutex_);
  bool writing_ ABSL_GUARDED_BY(health_->mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(health_->mutex_) = false;
};

HealthService::HealthService(std::string service, std::function<absl::Status()> ready,
                             absl::Duration interval)
    : service_(std::move(service)),
      ready_(std::move(ready)),
      interval_(interval),
      status_(AskReady()) {
  thread_ = std::thread([this] { Run(); });
}

HealthService::~HealthService() {
  Stop();
  mutex_.LockWhen(absl::Condition(
      +[](absl::flat_hash_set<Watcher*>* watchers) { return watchers->empty(); }, &watchers_));
  mutex_.Unlock();
}

void HealthService::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(stopped_, true)) return;
    Report(HealthCheckResponse::NOT_SERVING);
  }
  thread_.join();
}

int HealthService::watchers() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(watchers_.size());
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const HealthCheckRequest* request,
                                               HealthCheckResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (!Knows(request->service())) {
    constexpr size_t kMostShown = 100;  // it travels in a header
    reactor->Finish(
        grpc::Status(grpc::StatusCode::NOT_FOUND,
                     fmt::format("no service \"{}\": ask for \"{}\", or \"\" for the server",
                                 request->service().substr(0, kMostShown), service_)));
    return reactor;
  }
  absl::MutexLock lock(&mutex_);
  response->set_status(status_);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext*, const HealthCheckRequest* request) {
  auto* watcher = new Watcher(this, Knows(request->service()));
  absl::MutexLock lock(&mutex_);
  watchers_.insert(watcher);
  watcher->Update();
  return watcher;
}

HealthCheckResponse::ServingStatus HealthService::AskReady() const {
  return ready_().ok() ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

void HealthService::Run() {
  for (;;) {
    HealthCheckResponse::ServingStatus status = AskReady();
    absl::MutexLock lock(&mutex_);
    if (stopped_) return;
    if (status != status_) Report(status);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopped_), interval_)) return;
  }
}

void HealthService::Report(HealthCheckResponse::ServingStatus status) {
  status_ = status;
  for (Watcher* watcher : watchers_) watcher->Update();
}

}  // namespace forebay
