// The open connections of the HTTP door, how many there may be, and how much memory what they send
// and take may hold. When there is no room for more, those that others wait for longest go first.
// Includes Boost.Beast: for .cc files of this folder.
#ifndef FOREBAY_ONLINE_HTTP_CONNECTION_H_
#define FOREBAY_ONLINE_HTTP_CONNECTION_H_

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace forebay {

// What a connection waits for its client to do.
enum class WaitsFor : uint8_t {
  kNothing,   // it is being worked for
  kRequest,   // to send a request, or the rest of its header
  kTransfer,  // to send the rest of a body, or to take the rest of an answer
};

struct Wait {
  WaitsFor what = WaitsFor::kNothing;
  std::chrono::steady_clock::time_point since;
};

// Which of `waits` to end so that there is room for another: of those for a request the longest, or
// else, and only if it has lasted `grace`, of those for a transfer the longest. `transfers`: of the
// latter only. Null: none may be ended.
std::optional<size_t> ChooseWaitToEnd(absl::Span<const Wait> waits,
                                      std::chrono::steady_clock::time_point now,
                                      std::chrono::nanoseconds grace, bool transfers);

// All is used on the strand of `stream`, but what says otherwise.
class Connection {
 public:
  // As many bytes as fit into the header's limit, and small requests, are read at once.
  static constexpr size_t kMostReadAhead = 64 * 1024;

  explicit Connection(boost::asio::ip::tcp::socket socket) : stream(std::move(socket)) {}

  boost::beast::tcp_stream stream;
  boost::beast::flat_buffer buffer{kMostReadAhead};
  bool pages_only = false;  // see Admission

  void StartWait(WaitsFor what);
  WaitsFor waits_for() const { return what_.load(std::memory_order_relaxed); }
  void EndWait() { what_.store(WaitsFor::kNothing, std::memory_order_relaxed); }

 private:
  friend class Connections;
  friend class Charge;
  // From any thread. Its parts may be of two waits, one after the other: Close looks again.
  Wait wait() const;

  std::atomic<WaitsFor> what_{WaitsFor::kNothing};
  std::atomic<std::chrono::steady_clock::time_point::rep> since_{0};
  std::atomic<bool> ending_{false};  // was told to close
  std::atomic<size_t> bytes_{0};     // that count in Connections
};

// What a new connection may do.
enum class Admission : uint8_t {
  kAll,
  kPages,  // ask for what is no lookup: there are too many, and none to close
  kNone,   // nothing, and it is not counted among those that are open
};

// Thread-safe.
class Connections {
 public:
  using Ptr = std::shared_ptr<Connection>;

  // `grace`: a transfer is not ended before it has lasted so long.
  Connections(size_t most, size_t most_bytes, std::chrono::nanoseconds grace)
      : most_(most), most_bytes_(most_bytes), grace_(grace) {}

  // Makes room by closing another if there are too many.
  Admission Add(const Ptr& connection);
  void Remove(const Ptr& connection);
  size_t count() const { return count_.load(std::memory_order_relaxed); }
  // How many were told to close and have not gone yet: whoever accepts faster should wait.
  size_t ending() const { return ending_.load(std::memory_order_relaxed); }

  // For each that is open.
  void ForEach(const std::function<void(const Ptr&)>& visit) const;
  // Whether all have gone before `deadline` was over.
  bool AwaitNone(absl::Duration deadline) const;
  // Closes all, at once. REQUIRES: no thread runs them any more.
  void CloseAll();

 private:
  friend class Charge;
  // Counts `bytes` for `connection`, if necessary by closing others. False: no room.
  bool AddBytes(Connection& connection, size_t bytes);
  void DropBytes(Connection& connection);
  void ForgetEnding(Connection& connection);
  // Closes another than `but`; false: there is none that may be. Its bytes count no more.
  bool CloseOne(const Connection* but, bool transfers) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t most_;
  const size_t most_bytes_;
  const std::chrono::nanoseconds grace_;
  std::atomic<size_t> bytes_{0};
  std::atomic<size_t> count_{0};
  std::atomic<size_t> ending_{0};
  mutable absl::Mutex mutex_;
  absl::flat_hash_set<Ptr> open_ ABSL_GUARDED_BY(mutex_);
};

// The bytes that one request holds on behalf of its connection: its body, then its answer. They are
// dropped together, when the first Charge of the connection goes.
class Charge {
 public:
  Charge(Connections* connections, Connection* connection)
      : connections_(*connections), connection_(*connection) {}
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() {
    if (connection_.bytes_.load(std::memory_order_relaxed) != 0)
      connections_.DropBytes(connection_);
  }

  // False, and nothing counted, when there is no room.
  bool Add(size_t bytes) { return bytes == 0 || connections_.AddBytes(connection_, bytes); }

 private:
  Connections& connections_;
  Connection& connection_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_CONNECTION_H_
