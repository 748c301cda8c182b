#include "connectors/kafka/testing/test_worker.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/time/clock.h"

namespace forebay {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

}  // namespace

TestWorker::TestWorker(const std::string& brokers, const std::string& worker_id, Topics topics,
                       std::map<TaskId, Offset> positions, int session_timeout_ms) {
  KafkaConsumer::Options options{
      .kafka = {.bootstrap_servers = brokers,
                .properties = {{"session.timeout.ms", std::to_string(session_timeout_ms)}}},
      .group = "forebay-" + topics.front().name,
      .worker_id = worker_id,
      .topics = std::move(topics)};
  options.owner.assigned =
      [this, positions = std::move(positions)](
          absl::Span<const TaskId> tasks) -> absl::StatusOr<std::vector<std::optional<Offset>>> {
    std::vector<std::optional<Offset>> starts;
    for (const TaskId& task : tasks) {
      auto position = positions.find(task);
      starts.push_back(position == positions.end() ? std::nullopt
                                                   : std::optional(position->second));
    }
    absl::MutexLock lock(&mutex_);
    tasks_.assign(tasks.begin(), tasks.end());
    std::sort(tasks_.begin(), tasks_.end());
    return starts;
  };
  options.owner.revoked = [this](absl::Span<const TaskId> tasks, bool lost) {
    absl::MutexLock lock(&mutex_);
    tasks_.clear();
  };
  auto consumer = KafkaConsumer::Create(std::move(options));
  if (!consumer.ok()) {
    std::fprintf(stderr, "%s\n", consumer.status().ToString().c_str());
    std::abort();
  }
  consumer_ = *std::move(consumer);
  poller_ = std::thread([this] {
    while (!stop_) {
      absl::Status status = consumer_->Poll(absl::Milliseconds(50));
      absl::MutexLock lock(&mutex_);
      if (failure_.ok()) failure_ = status;
    }
  });
}

TestWorker::~TestWorker() {
  stop_ = true;
  poller_.join();
}

std::vector<TaskId> TestWorker::WaitForTasks(size_t count) {
  absl::MutexLock lock(&mutex_);
  auto there = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return tasks_.size() == count; };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&there), kPatience)) {
    std::fprintf(stderr, "%zu tasks after 30 s, expected %zu\n", tasks_.size(), count);
    std::abort();
  }
  return tasks_;
}

absl::Status TestWorker::WaitForFailure() {
  absl::MutexLock lock(&mutex_);
  auto failed = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !failure_.ok(); };
  mutex_.AwaitWithTimeout(absl::Condition(&failed), kPatience);
  return failure_;
}

TestWorker::Fetched TestWorker::FetchToEnd(const TaskId& task, size_t count) {
  Fetched result;
  absl::Time deadline = absl::Now() + kPatience;
  bool at_end = false;
  while (absl::Now() < deadline && !(at_end && result.records.size() >= count)) {
    auto fetched = consumer_->Fetch(task, 100, absl::Milliseconds(100));
    if (!fetched.ok()) {
      result.status = fetched.status();
      return result;
    }
    for (const RawRecord& record : fetched->records) {
      result.records.emplace_back(record.offset.value(), std::string(record.value.value_or("")));
    }
    result.last_offset = std::max(result.last_offset, fetched->last_offset);
    at_end = fetched->at_end;
  }
  return result;
}

}  // namespace forebay
