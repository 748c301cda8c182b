#include "connectors/dead_letter/dead_letter_log.h"

#include "fmt/format.h"

namespace forebay {

using TimePoint = std::chrono::steady_clock::time_point;

absl::Status DeadLetterLog::Commit(absl::Span<const TaskOutput* const> outputs) {
  absl::MutexLock lock(&mutex_);
  for (const TaskOutput* output : outputs) Add(output->dead_letters);
  SayUntil(clock_());
  return absl::OkStatus();
}

void DeadLetterLog::Add(const std::vector<DeadLetter>& letters) {
  std::map<DeadLetterKind, const DeadLetter*> newest;
  for (const DeadLetter& letter : letters) {
    DeadLetterKind kind = DeadLetterKind::Of(letter);
    ++seen_[kind].count;
    newest[std::move(kind)] = &letter;
  }
  for (const auto& [kind, letter] : newest) seen_[kind].example = DescribeLetter(*letter);
}

void DeadLetterLog::SayDue() {
  absl::MutexLock lock(&mutex_);
  SayUntil(clock_());
}

void DeadLetterLog::SayRest() {
  absl::MutexLock lock(&mutex_);
  SayUntil(TimePoint::max());
}

// Those whose turn comes no later than `due`.
void DeadLetterLog::SayUntil(TimePoint due) {
  for (auto& [kind, seen] : seen_) {
    if (seen.said == seen.count || seen.next > due) continue;
    say_(fmt::format("topic {}: {} dead-lettered as {} ({} since the start), for example {}",
                     kind.topic, seen.count - seen.said, DescribeKind(kind), seen.count,
                     seen.example));
    seen.said = seen.count;
    seen.next = clock_() + kInterval;
  }
}

std::vector<DeadLetterCount> DeadLetterLog::Counts() const {
  absl::MutexLock lock(&mutex_);
  std::vector<DeadLetterCount> counts;
  for (const auto& [kind, seen] : seen_) counts.push_back({kind, seen.count, seen.example});
  return counts;
}

}  // namespace forebay
