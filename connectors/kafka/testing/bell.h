// Waits for wake-ups of a consumer, for tests.
#ifndef FOREBAY_CONNECTORS_KAFKA_TESTING_BELL_H_
#define FOREBAY_CONNECTORS_KAFKA_TESTING_BELL_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "connectors/kafka/consumer.h"

namespace forebay {

// Says whether it was rung.
class Bell {
 public:
  std::function<void()> Ring() {
    return [this] {
      absl::MutexLock lock(&mutex_);
      rung_ = true;
    };
  }

  // Whether it was rung since the last wait, or is within 30 s.
  bool Wait() {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&rung_), absl::Seconds(30));
    return std::exchange(rung_, false);
  }

  bool rung() const {
    absl::MutexLock lock(&mutex_);
    return rung_;
  }

 private:
  mutable absl::Mutex mutex_;
  bool rung_ ABSL_GUARDED_BY(mutex_) = false;
};

// Waits for the bell, then fetches one by one what is there, until `count` records have come or the
// bell stays silent.
std::vector<std::string> FetchWhenWoken(KafkaConsumer& consumer, const TaskId& task, Bell* bell,
                                        size_t count);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TESTING_BELL_H_
