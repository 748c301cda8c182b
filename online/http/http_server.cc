#include "online/http/http_server.h"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "online/http/read_json.h"
#include "online/serving/port_error.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

constexpr size_t kMostHeaderBytes = 16 * 1024;
constexpr size_t kMostReadAhead = 64 * 1024;
// What is still taken, and thrown away, from a client that is not listened to any more: closing at
// once would reset the connection and could take our last answer with it.
constexpr auto kMostLinger = std::chrono::seconds(2);
constexpr size_t kMostLingerBytes = size_t{64} << 20;

// To await what may fail: the error goes to `error`, and what comes with it is returned.
auto Await(error_code& error) { return net::redirect_error(net::use_awaitable, error); }

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

// Its bytes count in `total` until it goes.
class Reservation {
 public:
  explicit Reservation(std::atomic<size_t>& total) : total_(total) {}
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() { total_ -= bytes_; }

  void Add(size_t bytes) {
    bytes_ += bytes;
    total_ += bytes;
  }
  // False, and nothing counted, when that would pass `most`.
  bool TryAdd(size_t bytes, size_t most) {
    if (total_.fetch_add(bytes) + bytes > most) {
      total_ -= bytes;
      return false;
    }
    bytes_ += bytes;
    return true;
  }

 private:
  std::atomic<size_t>& total_;
  size_t bytes_ = 0;
};

struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}

  beast::tcp_stream stream;  // on a strand of its own: nothing else here needs a lock
  beast::flat_buffer buffer{kMostReadAhead};
  bool idle = true;  // waits for a request
};

// The answer to a request that could not be read.
HttpAnswer ProtocolError(const error_code& error, const HttpServerOptions& options) {
  HttpAnswer answer;
  if (error == http::error::body_limit) {
    answer = ErrorAnswer(absl::ResourceExhaustedError(fmt::format(
        "the body is longer than {} bytes: split the request", options.max_body_bytes)));
    answer.status = 413;
  } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    answer = ErrorAnswer(absl::ResourceExhaustedError(
        fmt::format("the header is longer than {} bytes", kMostHeaderBytes)));
    answer.status = 431;
  } else {
    answer = ErrorAnswer(
        absl::InvalidArgumentError(fmt::format("this is not HTTP/1.1: {}", error.message())));
  }
  return answer;
}

// True for what a client wrote wrong; false for what the network did, and for a client that left.
bool IsProtocolError(const error_code& error) {
  return error.category() == make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

// Takes what came of the body together with the header: most often, all. Error need_more: not all.
error_code TakeBody(beast::flat_buffer& buffer, http::request_parser<http::string_body>& parser) {
  if (parser.is_done()) return {};
  parser.eager(true);
  error_code error;
  buffer.consume(parser.put(buffer.data(), error));
  return !error && !parser.is_done() ? http::error::need_more : error;
}

absl::StatusOr<tcp::endpoint> Endpoint(const HttpServerOptions& options) {
  error_code error;
  auto address = net::ip::make_address(options.address, error);
  if (error) {
    return absl::InvalidArgumentError(fmt::format(
        "\"{}\" is no IP address: set serving.address in forebay.yaml to one, such as 0.0.0.0",
        options.address));
  }
  return tcp::endpoint(address, options.port);
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const HttpServerOptions& options, const FeatureReader* reader, MetricsRegistry* metrics,
       HttpRoutes::Ready ready)
      : options_(options),
        routes_(reader, metrics, std::move(ready)),
        io_(std::max(1, options.threads)),
        acceptor_(net::make_strand(io_)) {}

  absl::Status Start();
  void Stop(absl::Duration deadline);
  uint16_t port() const { return port_; }

 private:
  using ConnectionPtr = std::shared_ptr<Connection>;

  net::awaitable<void> Accept();
  net::awaitable<void> Serve(ConnectionPtr connection);
  net::awaitable<void> ServeRequests(Connection& connection);
  // Reads one request, answers it. False: the connection is at its end.
  net::awaitable<bool> ServeRequest(Connection& connection);
  net::awaitable<bool> Write(Connection& connection, HttpAnswer answer, bool head, bool keep_alive,
                             unsigned version);
  net::awaitable<void> Linger(Connection& connection);

  // False when there are too many, or when the server stops.
  bool Register(const ConnectionPtr& connection);
  void Unregister(const ConnectionPtr& connection);

  const HttpServerOptions options_;
  const HttpRoutes routes_;
  uint16_t port_ = 0;
  std::atomic<size_t> buffered_bytes_{0};
  std::atomic<bool> stopping_{false};

  absl::Mutex mutex_;
  absl::flat_hash_set<ConnectionPtr> connections_ ABSL_GUARDED_BY(mutex_);
  std::atomic<size_t> open_connections_{0};

  // Last: what waits in it, and goes with it, uses what is above.
  net::io_context io_;
  tcp::acceptor acceptor_;
  std::vector<std::thread> threads_;
};

absl::Status HttpServer::Impl::Start() {
  ASSIGN_OR_RETURN(tcp::endpoint endpoint, Endpoint(options_));
  error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(net::socket_base::max_listen_connections, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (error) {
    return PortError(options_.address, options_.port, "serving.http_port", error.value());
  }
  net::co_spawn(acceptor_.get_executor(), Accept(), net::detached);
  for (int i = 0; i < std::max(1, options_.threads); ++i) {
    threads_.emplace_back([this] { io_.run(); });
  }
  return absl::OkStatus();
}

void HttpServer::Impl::Stop(absl::Duration deadline) {
  if (threads_.empty()) return;
  stopping_ = true;
  net::post(acceptor_.get_executor(), [this] {
    error_code ignored;
    acceptor_.close(ignored);
  });
  {
    absl::MutexLock lock(&mutex_);
    for (const ConnectionPtr& connection : connections_) {
      net::post(connection->stream.get_executor(), [connection] {
        if (connection->idle) connection->stream.cancel();
      });
    }
    auto all_gone = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return connections_.empty(); };
    mutex_.AwaitWithTimeout(absl::Condition(&all_gone), deadline);
  }
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  // Those that the deadline cut off; gone before io_, which their sockets are of.
  absl::MutexLock lock(&mutex_);
  for (const ConnectionPtr& connection : connections_) connection->stream.close();
  connections_.clear();
}

bool HttpServer::Impl::Register(const ConnectionPtr& connection) {
  absl::MutexLock lock(&mutex_);
  if (stopping_ || connections_.size() >= options_.max_connections) return false;
  connections_.insert(connection);
  open_connections_ = connections_.size();
  return true;
}

void HttpServer::Impl::Unregister(const ConnectionPtr& connection) {
  absl::MutexLock lock(&mutex_);
  connections_.erase(connection);
  open_connections_ = connections_.size();
}

net::awaitable<void> HttpServer::Impl::Accept() {
  while (!stopping_) {
    error_code error;
    auto socket = co_await acceptor_.async_accept(net::make_strand(io_), Await(error));
    if (stopping_) co_return;
    if (error) {
      // Out of file descriptors, most likely: wait for some to be closed.
      net::steady_timer pause(acceptor_.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(Await(error));
      continue;
    }
    auto connection = std::make_shared<Connection>(std::move(socket));
    net::co_spawn(connection->stream.get_executor(), Serve(connection), net::detached);
  }
}

net::awaitable<void> HttpServer::Impl::Serve(ConnectionPtr connection) {
  error_code ignored;
  connection->stream.socket().set_option(tcp::no_delay(true), ignored);
  connection->stream.socket().non_blocking(true, ignored);
  if (Register(connection)) {
    co_await ServeRequests(*connection);
    connection->stream.close();
    Unregister(connection);
  } else if (!stopping_) {
    HttpAnswer answer = ErrorAnswer(absl::UnavailableError(
        fmt::format("{} connections are open, as many as are served", options_.max_connections)));
    co_await Write(*connection, std::move(answer), /*head=*/false, /*keep_alive=*/false,
                   /*version=*/11);
  }
}

net::awaitable<void> HttpServer::Impl::ServeRequests(Connection& connection) {
  // Not `while (co_await ...)`: g++ 12 makes an illegal instruction of it.
  bool more = true;
  while (more) {
    more = co_await ServeRequest(connection);
  }
}

net::awaitable<bool> HttpServer::Impl::ServeRequest(Connection& connection) {
  http::request_parser<http::string_body> parser;
  parser.body_limit(options_.max_body_bytes);
  parser.header_limit(kMostHeaderBytes);

  connection.idle = true;
  // Stop() may have passed by while the last answer was being written.
  if (stopping_) co_return false;
  connection.stream.expires_after(absl::ToChronoNanoseconds(options_.idle_timeout));
  error_code header_error;
  co_await http::async_read_header(connection.stream, connection.buffer, parser,
                                   Await(header_error));
  connection.idle = false;
  if (header_error) {
    if (IsProtocolError(header_error)) {
      co_await Write(connection, ProtocolError(header_error, options_), /*head=*/false,
                     /*keep_alive=*/false, /*version=*/11);
      co_await Linger(connection);
    }
    co_return false;
  }

  const auto& request = parser.get();
  unsigned version = request.version();
  Reservation reservation(buffered_bytes_);
  size_t body_bytes = parser.content_length() ? *parser.content_length() : 0;
  if (parser.chunked()) body_bytes = options_.max_body_bytes;
  if (!reservation.TryAdd(body_bytes, options_.max_buffered_bytes)) {
    HttpAnswer busy = ErrorAnswer(
        absl::UnavailableError("too many large requests are under way: try again later"));
    co_await Write(connection, std::move(busy), /*head=*/false, /*keep_alive=*/false, version);
    co_await Linger(connection);
    co_return false;
  }
  if (beast::iequals(request[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on(http::status::continue_, version);
    connection.stream.expires_after(absl::ToChronoNanoseconds(options_.request_timeout));
    error_code error;
    co_await http::async_write(connection.stream, go_on, Await(error));
    if (error) co_return false;
  }
  error_code body_error = TakeBody(connection.buffer, parser);
  if (body_error == http::error::need_more) {
    connection.stream.expires_after(absl::ToChronoNanoseconds(options_.request_timeout));
    co_await http::async_read(connection.stream, connection.buffer, parser, Await(body_error));
  }
  if (body_error) {
    if (IsProtocolError(body_error)) {
      co_await Write(connection, ProtocolError(body_error, options_), /*head=*/false,
                     /*keep_alive=*/false, version);
      co_await Linger(connection);
    }
    co_return false;
  }

  HttpAnswer answer = routes_.Answer(View(request.method_string()), View(request.target()),
                                     request.body(), open_connections_);
  reservation.Add(answer.body.size());
  bool keep_alive = request.keep_alive() && !stopping_;
  bool head = request.method() == http::verb::head;
  co_return co_await Write(connection, std::move(answer), head, keep_alive, version);
}

net::awaitable<bool> HttpServer::Impl::Write(Connection& connection, HttpAnswer answer, bool head,
                                             bool keep_alive, unsigned version) {
  http::response<http::string_body> response(http::int_to_status(answer.status), version);
  response.set(http::field::content_type,
               beast::string_view(answer.content_type.data(), answer.content_type.size()));
  if (!answer.allow.empty()) {
    response.set(http::field::allow, beast::string_view(answer.allow.data(), answer.allow.size()));
  }
  response.keep_alive(keep_alive);
  response.content_length(answer.body.size());
  if (!head) response.body() = std::move(answer.body);
  http::response_serializer<http::string_body> serializer(response);
  error_code error;
  // Most answers go at once; the rest of a long one waits for its reader.
  http::write(connection.stream.socket(), serializer, error);
  if (error == net::error::would_block) {
    connection.stream.expires_after(absl::ToChronoNanoseconds(options_.request_timeout));
    co_await http::async_write(connection.stream, serializer, Await(error));
  }
  co_return !error && keep_alive;
}

net::awaitable<void> HttpServer::Impl::Linger(Connection& connection) {
  error_code ignored;
  connection.stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  connection.stream.expires_after(kMostLinger);
  std::vector<char> discarded(kMostReadAhead);
  for (size_t total = 0; total < kMostLingerBytes;) {
    error_code error;
    total += co_await connection.stream.async_read_some(net::buffer(discarded), Await(error));
    if (error) co_return;
  }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { Stop(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                              const FeatureReader* reader,
                                                              MetricsRegistry* metrics,
                                                              HttpRoutes::Ready ready) {
  auto impl = std::make_unique<Impl>(options, reader, metrics, std::move(ready));
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

uint16_t HttpServer::port() const { return impl_->port(); }

void HttpServer::Stop(absl::Duration deadline) { impl_->Stop(deadline); }

}  // namespace forebay
