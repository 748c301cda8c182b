// A connection to the HTTP door of a worker, kept open, for one thread.
//
//   HttpConnection connection("127.0.0.1:8080");
//   HttpAnswer answer = connection.Post("/v1/get", R"({"features": ...})");
//
// Throws std::runtime_error where nobody answers.
#ifndef FOREBAY_BENCH_HTTP_CONNECTION_H_
#define FOREBAY_BENCH_HTTP_CONNECTION_H_

#include <string>
#include <string_view>

namespace forebay {

struct HttpAnswer {
  int status = 0;
  std::string_view body;  // valid until the next call
};

class HttpConnection {
 public:
  // `address`: a numeric IPv4 address and a port.
  explicit HttpConnection(const std::string& address);
  HttpConnection(const HttpConnection&) = delete;
  ~HttpConnection();

  HttpAnswer Post(std::string_view path, std::string_view body);

 private:
  void Send(std::string_view bytes);
  HttpAnswer Receive();

  int socket_;
  std::string received_;
};

}  // namespace forebay

#endif  // FOREBAY_BENCH_HTTP_CONNECTION_H_
