#include "online/http/connection.h"

#include <boost/asio/post.hpp>

namespace forebay {

using SteadyClock = std::chrono::steady_clock;

namespace {

// How many may be open above the limit: those that were told to close take a moment, and pages are
// answered to those who find no other place.
constexpr size_t kMostEnding = 64;

}  // namespace

std::optional<size_t> ChooseWaitToEnd(absl::Span<const Wait> waits, SteadyClock::time_point now,
                                      std::chrono::nanoseconds grace, bool transfers) {
  std::optional<size_t> request, transfer;
  auto longer = [&](size_t i, const std::optional<size_t>& longest) {
    return !longest || waits[i].since < waits[*longest].since;
  };
  for (size_t i = 0; i < waits.size(); ++i) {
    if (waits[i].what == WaitsFor::kRequest && longer(i, request)) request = i;
    if (waits[i].what == WaitsFor::kTransfer && longer(i, transfer)) transfer = i;
  }
  if (request && !transfers) return request;
  return transfer && now - waits[*transfer].since >= grace ? transfer : std::nullopt;
}

void Connection::StartWait(WaitsFor what) {
  since_.store(SteadyClock::now().time_since_epoch().count(), std::memory_order_relaxed);
  what_.store(what, std::memory_order_release);
}

Wait Connection::wait() const {
  WaitsFor what = what_.load(std::memory_order_acquire);
  return {what,
          SteadyClock::time_point(SteadyClock::duration(since_.load(std::memory_order_relaxed)))};
}

Admission Connections::Add(const Ptr& connection) {
  absl::MutexLock lock(&mutex_);
  Admission admission = Admission::kAll;
  if (open_.size() >= most_) {
    if (open_.size() >= most_ + kMostEnding) return Admission::kNone;
    if (!CloseOne(connection.get(), /*transfers=*/false)) admission = Admission::kPages;
  }
  open_.insert(connection);
  count_ = open_.size();
  return admission;
}

void Connections::Remove(const Ptr& connection) {
  ForgetEnding(*connection);
  absl::MutexLock lock(&mutex_);
  open_.erase(connection);
  count_ = open_.size();
}

void Connections::ForgetEnding(Connection& connection) {
  if (connection.ending_.exchange(false)) --ending_;
}

void Connections::ForEach(const std::function<void(const Ptr&)>& visit) const {
  absl::MutexLock lock(&mutex_);
  for (const Ptr& connection : open_) visit(connection);
}

bool Connections::AwaitNone(absl::Duration deadline) const {
  absl::MutexLock lock(&mutex_);
  auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_.empty(); };
  return mutex_.AwaitWithTimeout(absl::Condition(&none), deadline);
}

void Connections::CloseAll() {
  absl::MutexLock lock(&mutex_);
  for (const Ptr& connection : open_) connection->stream.close();
  open_.clear();
}

bool Connections::AddBytes(Connection& connection, size_t bytes) {
  while (bytes_.fetch_add(bytes) + bytes > most_bytes_) {
    bytes_ -= bytes;
    absl::MutexLock lock(&mutex_);
    if (!CloseOne(&connection, /*transfers=*/true)) return false;
  }
  connection.bytes_ += bytes;
  return true;
}

void Connections::DropBytes(Connection& connection) { bytes_ -= connection.bytes_.exchange(0); }

bool Connections::CloseOne(const Connection* but, bool transfers) {
  std::vector<const Ptr*> others;
  std::vector<Wait> waits;
  others.reserve(open_.size());
  waits.reserve(open_.size());
  for (const Ptr& connection : open_) {
    if (connection.get() == but) continue;
    others.push_back(&connection);
    waits.push_back(connection->ending_ ? Wait() : connection->wait());
  }
  std::optional<size_t> chosen = ChooseWaitToEnd(waits, SteadyClock::now(), grace_, transfers);
  if (!chosen) return false;
  const Ptr& ended = *others[*chosen];
  ended->ending_ = true;
  if (transfers) DropBytes(*ended);
  ++ending_;
  boost::asio::post(ended->stream.get_executor(), [this, ended, wait = waits[*chosen]] {
    Wait now = ended->wait();
    // Unless the client has done meanwhile what it was waited for.
    if (now.what == wait.what && now.since == wait.since) {
      ended->stream.close();
    } else {
      ForgetEnding(*ended);
    }
  });
  return true;
}

}  // namespace forebay
