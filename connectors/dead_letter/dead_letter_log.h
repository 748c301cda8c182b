// Tells operators of dead letters: for each topic, reason and view a line with an example at once,
// then at most one every kInterval, with how many there have been since the last.
//
//   DeadLetterLog log([](const std::string& line) { spdlog::warn("{}", line); },
//                     std::chrono::steady_clock::now);
//   Worker worker(..., {..., &updates, &log}, ...);   // the last sink: what it says is durable
//   while (running) log.SayDue();
//   log.SayRest();
//
// Keeps nothing and holds nothing back. What a task replays after a crash is told of again.
// Thread-safe.
#ifndef FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_LOG_H_
#define FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_LOG_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "connectors/dead_letter/dead_letter_kind.h"
#include "engine/batch/sink.h"

namespace forebay {

struct DeadLetterCount {
  DeadLetterKind kind;
  int64_t count = 0;
  std::string example;  // the newest, DescribeLetter
};

class DeadLetterLog : public Sink {
 public:
  using Say = std::function<void(const std::string& line)>;
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  static constexpr std::chrono::seconds kInterval{10};

  DeadLetterLog(Say say, Clock clock) : say_(std::move(say)), clock_(std::move(clock)) {}

  absl::StatusOr<Offset> Open(const TaskId& task) override { return Offset(-1); }
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override;

  // What could not be said so far because it was too soon.
  void SayDue();
  // Likewise, though it is too soon: nothing follows.
  void SayRest();

  // Since the start, in the order of the kinds.
  std::vector<DeadLetterCount> Counts() const;

 private:
  struct Seen {
    int64_t count = 0;
    int64_t said = 0;  // of those
    std::chrono::steady_clock::time_point next;
    std::string example;
  };

  void Add(const std::vector<DeadLetter>& letters) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SayUntil(std::chrono::steady_clock::time_point due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Say say_;
  const Clock clock_;
  mutable absl::Mutex mutex_;
  std::map<DeadLetterKind, Seen> seen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_LOG_H_
