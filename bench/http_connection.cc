#include "bench/http_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>

#include "fmt/format.h"

namespace forebay {

HttpConnection::HttpConnection(const std::string& address)
    : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  size_t colon = address.rfind(':');
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  if (colon == std::string::npos ||
      inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr) != 1) {
    throw std::runtime_error(address + ": expected an address such as 127.0.0.1:8080");
  }
  peer.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
  if (connect(socket_, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) != 0) {
    throw std::runtime_error("cannot connect to " + address);
  }
  int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

HttpConnection::~HttpConnection() { close(socket_); }

HttpAnswer HttpConnection::Post(std::string_view path, std::string_view body) {
  Send(fmt::format("POST {} HTTP/1.1\r\nHost: forebay\r\nContent-Length: {}\r\n\r\n{}", path,
                   body.size(), body));
  return Receive();
}

void HttpConnection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("the server closed the connection");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

HttpAnswer HttpConnection::Receive() {
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  constexpr size_t kStatus = std::string_view("HTTP/1.1 ").size();
  constexpr size_t kPiece = 65536;
  received_.clear();
  size_t header = std::string::npos, total = std::string::npos;
  while (received_.size() < total || total == std::string::npos) {
    size_t before = received_.size();
    received_.resize(before + kPiece);
    ssize_t bytes = recv(socket_, received_.data() + before, kPiece, 0);
    if (bytes <= 0) throw std::runtime_error("the server closed the connection");
    received_.resize(before + static_cast<size_t>(bytes));
    if (header == std::string::npos) header = received_.find("\r\n\r\n");
    if (header == std::string::npos || total != std::string::npos) continue;
    size_t at = received_.find(kLength);
    if (at > header) throw std::runtime_error("an answer without Content-Length");
    total = header + 4 + std::stoul(received_.substr(at + kLength.size(), 20));
  }
  return {.status = std::stoi(received_.substr(kStatus, 3)),
          .body = std::string_view(received_).substr(header + 4)};
}

}  // namespace forebay
