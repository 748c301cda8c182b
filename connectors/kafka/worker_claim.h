// Which of those workers that run under one worker_id has started last: the newest record of its
// key in the topic `<project>.positions`.
//
//   key    "worker <worker_id>"
//   value  "<claim> <host> <process id>": `claim` is drawn at each start
//
// The group cannot tell: it knows a static member by its id alone, and has a worker down as another
// when it carries out a question to join that the worker had given up and asked again.
#ifndef FOREBAY_CONNECTORS_KAFKA_WORKER_CLAIM_H_
#define FOREBAY_CONNECTORS_KAFKA_WORKER_CLAIM_H_

#include <atomic>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "connectors/kafka/client_config.h"

namespace forebay {

class WorkerClaim {
 public:
  WorkerClaim(KafkaConfig kafka, std::string_view project, std::string worker_id);

  // Returns when the broker has it; waits for one. CANCELLED: `cancel` (may be null) became true.
  absl::Status Make(const std::atomic<bool>* cancel) const;

  // FAILED_PRECONDITION: another worker has started since. UNAVAILABLE: no broker answers. Any
  // thread.
  absl::Status Check() const;

 private:
  const KafkaConfig kafka_;
  const std::string topic_;
  const std::string worker_id_;
  const std::string key_;
  const std::string value_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_WORKER_CLAIM_H_
