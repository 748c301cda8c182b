#include "online/grpc/connection_acceptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "online/serving/port_error.h"

namespace forebay {
namespace {

constexpr int kPauseMilliseconds = 100;  // where the system lacks what a connection needs

// The socket address of an IP address, and its length; length 0: it is none.
std::pair<sockaddr_storage, socklen_t> SocketAddress(const std::string& address, uint16_t port) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return {storage, sizeof(sockaddr_in)};
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return {storage, sizeof(sockaddr_in6)};
  }
  return {storage, 0};
}

uint16_t PortOf(int listener) {
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  if (getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return 0;
  return ntohs(bound.ss_family == AF_INET ? reinterpret_cast<sockaddr_in*>(&bound)->sin_port
                                          : reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port);
}

// Of a socket that is open; another that gets the same number has another.
ino_t InodeOf(int socket) {
  struct stat status {};
  return fstat(socket, &status) == 0 ? status.st_ino : 0;
}

bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> ConnectionAcceptor::Listen(
    const Options& options) {
  auto [address, length] = SocketAddress(options.address, options.port);
  if (length == 0) {
    return absl::InvalidArgumentError(fmt::format(
        "\"{}\" is no IP address: set serving.address in forebay.yaml to one, such as 0.0.0.0",
        options.address));
  }
  int listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int error = listener < 0 ? errno : 0;
  if (error == 0) {
    // Connections inherit that small messages go at once.
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        listen(listener, SOMAXCONN) != 0) {
      error = errno;
    }
  }
  int wake = error == 0 ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
  if (error == 0 && wake < 0) error = errno;
  if (error != 0) {
    if (listener >= 0) close(listener);
    return PortError(options.address, options.port, "serving.grpc_port", error);
  }
  return std::unique_ptr<ConnectionAcceptor>(new ConnectionAcceptor(options, listener, wake));
}

ConnectionAcceptor::ConnectionAcceptor(const Options& options, int listener, int wake)
    : max_connections_(options.max_connections),
      most_files_(options.most_files),
      port_(PortOf(listener)),
      listener_(listener),
      wake_(wake) {}

ConnectionAcceptor::~ConnectionAcceptor() {
  Stop();
  close(wake_);
}

void ConnectionAcceptor::Start(std::function<void(int)> take) {
  take_ = std::move(take);
  thread_ = std::thread([this] { Run(); });
}

void ConnectionAcceptor::Stop() {
  if (listener_ < 0) return;
  stopping_ = true;
  eventfd_write(wake_, 1);
  if (thread_.joinable()) thread_.join();
  close(listener_);
  listener_ = -1;
}

void ConnectionAcceptor::Run() {
  while (!stopping_) {
    int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) {
      bool shortage = IsShortage(errno);
      Wait(/*for_connection=*/!shortage, shortage ? kPauseMilliseconds : -1);
    } else if (HasRoomFor(socket)) {
      given_.emplace_back(socket, InodeOf(socket));
      take_(socket);
    } else {
      ++refused_;
      close(socket);
    }
  }
}

void ConnectionAcceptor::Wait(bool for_connection, int milliseconds) const {
  std::array<pollfd, 2> files = {{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}}};
  poll(files.data(), for_connection ? 2 : 1, milliseconds);
}

bool ConnectionAcceptor::HasRoomFor(int socket) {
  if (socket >= most_files_) return false;
  if (given_.size() < max_connections_) return true;
  std::erase_if(given_, [](const auto& given) { return InodeOf(given.first) != given.second; });
  return given_.size() < max_connections_;
}

}  // namespace forebay
