// Tells an operator what a worker waits for before its lookups are right, and when they are.
#ifndef FOREBAY_CLI_READY_LOG_H_
#define FOREBAY_CLI_READY_LOG_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace forebay {

class ReadyLog {
 public:
  // `ready`: Worker::Ready(). Says what lacks, every five seconds from the first second on, and
  // that the worker, with so many partitions, is ready (again).
  void Look(const absl::Status& ready, size_t partitions, absl::Time now);

 private:
  std::optional<bool> ready_;  // none: not looked yet
  absl::Time next_;            // while it is not ready
};

}  // namespace forebay

#endif  // FOREBAY_CLI_READY_LOG_H_
