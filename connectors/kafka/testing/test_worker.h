// A consumer with a thread that polls it, as a worker has; its tasks start at given positions.
#ifndef FOREBAY_CONNECTORS_KAFKA_TESTING_TEST_WORKER_H_
#define FOREBAY_CONNECTORS_KAFKA_TESTING_TEST_WORKER_H_

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "connectors/kafka/consumer.h"

namespace forebay {

class TestWorker {
 public:
  using Topics = std::vector<SubscribedTopic>;

  // Group "forebay-<first topic>". `positions`: of the tasks' states; others start at the oldest
  // record.
  TestWorker(const std::string& brokers, const std::string& worker_id, Topics topics,
             std::map<TaskId, Offset> positions = {}, int session_timeout_ms = 45'000);
  // Stops without a word to the group, as a crash would.
  ~TestWorker();

  KafkaConsumer& consumer() { return *consumer_; }

  // Waits (30 s at most) until this worker has exactly `count` tasks; returns them in order.
  std::vector<TaskId> WaitForTasks(size_t count);
  // Waits until Poll has failed, and returns how.
  absl::Status WaitForFailure();

  // Fetches until the end of the partition was reached and at least `count` records came. Stops at
  // an error, or after 30 s.
  struct Fetched {
    std::vector<std::pair<int64_t, std::string>> records;  // offset, value
    Offset last_offset{-1};
    absl::Status status;
  };
  Fetched FetchToEnd(const TaskId& task, size_t count);

 private:
  std::unique_ptr<KafkaConsumer> consumer_;
  absl::Mutex mutex_;
  std::vector<TaskId> tasks_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> stop_ = false;
  std::thread poller_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TESTING_TEST_WORKER_H_
