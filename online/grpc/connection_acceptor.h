// Takes the connections of the gRPC door. gRPC would take them itself, all that come, and none ever
// after the process has run out of file descriptors once.
//
//   ASSIGN_OR_RETURN(auto acceptor, ConnectionAcceptor::Listen({.port = 8081}));
//   acceptor->Start([&](int socket) { ... });
#ifndef FOREBAY_ONLINE_GRPC_CONNECTION_ACCEPTOR_H_
#define FOREBAY_ONLINE_GRPC_CONNECTION_ACCEPTOR_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace forebay {

// Thread-safe, but for Start and Stop.
class ConnectionAcceptor {
 public:
  struct Options {
    std::string address = "127.0.0.1";                 // an IP address
    uint16_t port = 0;                                 // 0: any that is free
    size_t max_connections = 4096;                     // more are closed at once
    int most_files = std::numeric_limits<int>::max();  // so is a socket of this number or above
  };

  // FAILED_PRECONDITION: the port cannot be had; INVALID_ARGUMENT: no IP address.
  static absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> Listen(const Options& options);
  ~ConnectionAcceptor();

  uint16_t port() const { return port_; }
  // How many connections were closed at once.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

  // From a thread of its own, gives each connection to `take`, which owns the socket then.
  void Start(std::function<void(int socket)> take);
  // No connection is given any more, and the port is free. Later calls do nothing.
  void Stop();

 private:
  ConnectionAcceptor(const Options& options, int listener, int wake);

  void Run();
  // Returns after `milliseconds`, or once there is a connection or a stop; negative: no time limit.
  void Wait(bool for_connection, int milliseconds) const;
  bool HasRoomFor(int socket);

  const size_t max_connections_;
  const int most_files_;
  uint16_t port_ = 0;
  int listener_;
  int wake_;  // readable: stop
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> refused_{0};
  std::function<void(int)> take_;
  // Those given away, by number and inode: the one tells whether the other is still the same.
  std::vector<std::pair<int, ino_t>> given_;  // of thread_
  std::thread thread_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_GRPC_CONNECTION_ACCEPTOR_H_
