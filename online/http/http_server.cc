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
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "online/http/arriving_body.h"
#include "online/http/connection.h"
#include "online/http/lookup_slots.h"
#include "online/http/page_threads.h"
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
constexpr size_t kMostToldToClose =
    16;  // connections that are told to close, before more are accepted
// What is still taken, and thrown away, from a client that is not listened to any more: closing at
// once would reset the connection and could take our last answer with it.
constexpr auto kMostLinger = std::chrono::seconds(2);
constexpr size_t kMostLingerBytes = size_t{64} << 20;

// To await what may fail: the error goes to `error`, and what comes with it is returned.
auto Await(error_code& error) { return net::redirect_error(net::use_awaitable, error); }

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

using Parser = http::request_parser<ArrivingBody>;

// The answer to a request that could not be read.
PageAnswer ProtocolError(const error_code& error, const HttpServerOptions& options) {
  PageAnswer answer;
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

PageAnswer TooManyConnections() {
  return ErrorAnswer(
      absl::UnavailableError("too many connections are open: close some, or try again later"));
}

// True for what a client wrote wrong; false for what the network did, and for a client that left.
bool IsProtocolError(const error_code& error) {
  return error.category() == make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

// Takes what came of the body together with the header: most often, all. Error need_more: not all.
error_code TakeBody(beast::flat_buffer& buffer, Parser& parser) {
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
       HttpRoutes::Ready ready, CatalogSources catalog)
      : options_(options),
        routes_(reader, metrics, std::move(ready), std::move(catalog)),
        slots_(LookupThreads()),
        connections_(options.max_connections, options.max_buffered_bytes,
                     absl::ToChronoNanoseconds(options.transfer_grace)),
        io_(LookupThreads() + 1),
        acceptor_(net::make_strand(io_)),
        pages_(std::make_unique<PageThreads>(options.page_threads, options.most_waiting_pages,
                                             &give_up_)) {}

  absl::Status Start();
  void Stop(absl::Duration deadline);
  uint16_t port() const { return port_; }

 private:
  int LookupThreads() const { return std::max(1, options_.threads); }

  net::awaitable<void> Accept();
  net::awaitable<void> Serve(Connections::Ptr connection);
  net::awaitable<void> ServeRequests(Connection& connection);
  // Reads one request, answers it. False: the connection is at its end.
  net::awaitable<bool> ServeRequest(Connection& connection);
  // Takes what the buffer lacks of the body.
  net::awaitable<error_code> ReadBody(Connection& connection, Parser& parser, Charge& charge);
  net::awaitable<bool> Write(Connection& connection, PageAnswer answer, bool head, bool keep_alive,
                             unsigned version);
  // For an answer to what was not read to its end: closes the connection, too.
  net::awaitable<bool> Refuse(Connection& connection, PageAnswer answer, unsigned version);
  net::awaitable<void> Linger(Connection& connection);
  bool MayStay(tcp::socket& socket) { return socket.native_handle() < options_.most_files; }

  const HttpServerOptions options_;
  const HttpRoutes routes_;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> give_up_{false};  // lookups under way, too
  std::atomic<uint64_t> refused_{0};
  LookupSlots slots_;
  Connections connections_;

  // Last: what waits in it, and goes with it, uses what is above.
  net::io_context io_;
  tcp::acceptor acceptor_;
  std::unique_ptr<PageThreads> pages_;  // they post to io_
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
  for (int i = 0; i < LookupThreads() + 1; ++i) {
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
  connections_.ForEach([](const Connections::Ptr& connection) {
    net::post(connection->stream.get_executor(), [connection] {
      if (connection->waits_for() == WaitsFor::kRequest) connection->stream.cancel();
    });
  });
  connections_.AwaitNone(deadline);
  give_up_ = true;
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  pages_.reset();
  // Those that the deadline cut off; gone before io_, which their sockets are of.
  connections_.CloseAll();
}

net::awaitable<void> HttpServer::Impl::Accept() {
  while (!stopping_) {
    error_code error;
    // Those that make room for others must have the time to go.
    for (int i = 0; i < 1000 && connections_.ending() > kMostToldToClose; ++i) {
      net::steady_timer pause(acceptor_.get_executor(), std::chrono::milliseconds(1));
      co_await pause.async_wait(Await(error));
    }
    auto socket = co_await acceptor_.async_accept(net::make_strand(io_), Await(error));
    if (stopping_) co_return;
    if (error) {
      // Out of file descriptors, most likely, though others than connections took them: wait for
      // some to be closed.
      net::steady_timer pause(acceptor_.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(Await(error));
      continue;
    }
    auto connection = std::make_shared<Connection>(std::move(socket));
    net::co_spawn(connection->stream.get_executor(), Serve(connection), net::detached);
  }
}

net::awaitable<void> HttpServer::Impl::Serve(Connections::Ptr connection) {
  error_code ignored;
  connection->stream.socket().set_option(tcp::no_delay(true), ignored);
  connection->stream.socket().non_blocking(true, ignored);
  Admission admission =
      MayStay(connection->stream.socket()) ? connections_.Add(connection) : Admission::kNone;
  if (admission != Admission::kNone) {
    connection->pages_only = admission == Admission::kPages;
    co_await ServeRequests(*connection);
    connection->stream.close();
    connections_.Remove(connection);
  } else if (!stopping_) {
    ++refused_;
    co_await Write(*connection, TooManyConnections(), /*head=*/false, /*keep_alive=*/false,
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
  Parser parser;
  parser.body_limit(options_.max_body_bytes);
  parser.header_limit(kMostHeaderBytes);

  connection.StartWait(WaitsFor::kRequest);
  // Stop() may have passed by while the last answer was being written.
  if (stopping_) co_return false;
  connection.stream.expires_after(absl::ToChronoNanoseconds(options_.idle_timeout));
  error_code header_error;
  co_await http::async_read_header(connection.stream, connection.buffer, parser,
                                   Await(header_error));
  connection.EndWait();
  if (header_error) {
    if (!IsProtocolError(header_error)) co_return false;
    co_return co_await Refuse(connection, ProtocolError(header_error, options_), /*version=*/11);
  }

  const auto& request = parser.get();
  unsigned version = request.version();
  const RunsOn runs_on = HttpRoutes::RunsOnFor(View(request.target()));
  const bool lookup = runs_on == RunsOn::kLookupSlot;
  if (connection.pages_only && lookup) {
    ++refused_;
    co_return co_await Refuse(connection, TooManyConnections(), version);
  }
  if (beast::iequals(request[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on(http::status::continue_, version);
    connection.stream.expires_after(absl::ToChronoNanoseconds(options_.request_timeout));
    error_code error;
    co_await http::async_write(connection.stream, go_on, Await(error));
    if (error) co_return false;
  }
  Charge charge(&connections_, &connection);
  error_code body_error = TakeBody(connection.buffer, parser);
  if (body_error == http::error::need_more)
    body_error = co_await ReadBody(connection, parser, charge);
  if (body_error == net::error::no_buffer_space) {
    PageAnswer busy = ErrorAnswer(
        absl::UnavailableError("too many large requests are under way: try again later"));
    co_return co_await Refuse(connection, std::move(busy), version);
  }
  if (body_error) {
    if (!IsProtocolError(body_error)) co_return false;
    co_return co_await Refuse(connection, ProtocolError(body_error, options_), version);
  }

  bool head = request.method() == http::verb::head;
  std::string_view method = View(request.method_string()), target = View(request.target());
  if (lookup && !slots_.TryTake()) co_await slots_.Wait(connection.stream.get_executor());
  const HttpRoutes::Server server{connections_.count(), refused_, &give_up_};
  PageAnswer answer;
  if (runs_on == RunsOn::kPageThread) {
    // By name: g++ 12 destroys what stands in a co_await twice. These pages take no body.
    std::function<PageAnswer()> make = [this, method = std::string(method),
                                        target = std::string(target), server] {
      return routes_.Answer(method, target, "", server);
    };
    answer = co_await pages_->Run(std::move(make), connection.stream.get_executor());
  } else {
    answer = routes_.Answer(method, target, request.body(), server);
  }
  if (lookup) slots_.Give();
  bool keep_alive = request.keep_alive() && !stopping_ && !connection.pages_only;
  co_return co_await Write(connection, std::move(answer), head, keep_alive, version);
}

net::awaitable<error_code> HttpServer::Impl::ReadBody(Connection& connection, Parser& parser,
                                                      Charge& charge) {
  // The time is that of the whole body: a byte now and then does not lengthen it.
  connection.stream.expires_after(absl::ToChronoNanoseconds(options_.request_timeout));
  connection.StartWait(WaitsFor::kTransfer);
  error_code error;
  size_t charged = 0;
  bool more = true;
  while (more) {
    size_t held = parser.get().body().capacity();
    if (!charge.Add(held - charged)) co_return error_code(net::error::no_buffer_space);
    charged = held;
    co_await http::async_read_some(connection.stream, connection.buffer, parser, Await(error));
    more = !error && !parser.is_done();
  }
  connection.EndWait();
  co_return error;
}

net::awaitable<bool> HttpServer::Impl::Refuse(Connection& connection, PageAnswer answer,
                                              unsigned version) {
  connection.EndWait();
  co_await Write(connection, std::move(answer), /*head=*/false, /*keep_alive=*/false, version);
  co_await Linger(connection);
  co_return false;
}

net::awaitable<bool> HttpServer::Impl::Write(Connection& connection, PageAnswer answer, bool head,
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
    Charge charge(&connections_, &connection);
    if (!charge.Add(response.body().size())) co_return false;
    connection.StartWait(WaitsFor::kTransfer);
    connection.stream.expires_after(absl::ToChronoNanoseconds(options_.request_timeout));
    co_await http::async_write(connection.stream, serializer, Await(error));
    connection.EndWait();
  }
  co_return !error && keep_alive;
}

net::awaitable<void> HttpServer::Impl::Linger(Connection& connection) {
  error_code ignored;
  connection.stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  connection.stream.expires_after(kMostLinger);
  std::vector<char> discarded(Connection::kMostReadAhead);
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
                                                              HttpRoutes::Ready ready,
                                                              CatalogSources catalog) {
  auto impl =
      std::make_unique<Impl>(options, reader, metrics, std::move(ready), std::move(catalog));
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

uint16_t HttpServer::port() const { return impl_->port(); }

void HttpServer::Stop(absl::Duration deadline) { impl_->Stop(deadline); }

}  // namespace forebay
