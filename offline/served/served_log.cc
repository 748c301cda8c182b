#include "offline/served/served_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "schemas/types/counted.h"

namespace forebay {

ServedLog::ServedLog(ServedLogOptions options)
    : options_(std::move(options)), thread_([this] { Run(); }) {}

ServedLog::~ServedLog() { Stop(); }

void ServedLog::Take(Answer answer) {
  {
    absl::MutexLock lock(&mutex_);
    if (!stopping_ && bytes_ + answer.bytes <= options_.most_bytes) {
      bytes_ += answer.bytes;
      taken_.push_back(std::move(answer));
      return;
    }
  }
  dropped_ += answer.rows;
}

void ServedLog::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

ServedLog::Counts ServedLog::counts() const {
  return {.written = written_, .dropped = dropped_, .errors = errors_};
}

void ServedLog::Run() {
  auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !taken_.empty();
  };
  bool stopping = false;
  while (!stopping) {
    std::deque<Answer> taken;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithDeadline(absl::Condition(&has_work), due_);
      taken.swap(taken_);
      stopping = stopping_;
    }
    for (const Answer& answer : taken) Write(answer);
    const bool full = buffered_bytes_ >= options_.flush_bytes && !failed_;
    if (stopping || full || absl::Now() >= due_) Flush(stopping);
  }
}

void ServedLog::Write(const Answer& answer) {
  if (buffered_bytes_ == 0) due_ = absl::Now() + options_.flush_interval;
  buffered_bytes_ += answer.bytes;
  answer.write([this](const std::shared_ptr<const ServedColumns>& columns, const ServedRow& row) {
    std::unique_ptr<ServedTable>& table =
        tables_[{columns->service, columns->version, columns->Signature()}];
    if (table == nullptr) {
      table = std::make_unique<ServedTable>(options_.warehouse, options_.project, options_.worker,
                                            columns);
    }
    table->Add(row);
  });
}

// What could not be written is held until the next time, all of its bytes.
void ServedLog::Flush(bool last) {
  for (const auto& [key, table] : tables_) FlushTable(table.get(), last);
  failed_ =
      std::ranges::any_of(tables_, [](const auto& entry) { return entry.second->rows() > 0; });
  due_ = failed_ ? absl::Now() + options_.flush_interval : absl::InfiniteFuture();
  if (failed_) return;
  absl::MutexLock lock(&mutex_);
  bytes_ -= std::exchange(buffered_bytes_, 0);
}

void ServedLog::FlushTable(ServedTable* table, bool last) {
  const int64_t rows = table->rows();
  if (rows == 0) return;
  const absl::Status flushed = table->Flush(absl::ToUnixMicros(absl::Now()));
  written_ += rows - table->rows();
  if (flushed.ok()) return;
  ++errors_;
  const bool again = !last && (absl::IsUnavailable(flushed) || absl::IsAborted(flushed));
  options_.say(
      fmt::format("the log of what was served cannot be written to, {}: {}",
                  again ? "trying again"
                        : fmt::format("{} dropped", Counted(table->rows(), "row was", "rows were")),
                  std::string(flushed.message())));
  if (again) return;
  dropped_ += table->rows();
  table->Clear();
}

}  // namespace forebay
