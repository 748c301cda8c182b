// The server on real sockets, with a plain client: what happens between threads and connections.
// The shapes of answers are tested in read_json_test.cc and tests/serving.
#include "online/http/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "online/http/connection.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A blocking connection.
class Client {
 public:
  explicit Client(uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(socket_); }

  bool connected() const { return connected_; }

  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }

  // One answer, header and body; what came so far when the connection ends.
  std::string Receive() {
    constexpr std::string_view kLength = "Content-Length: ";
    while (true) {
      size_t header = received_.find("\r\n\r\n");
      if (header != std::string::npos) {
        size_t at = received_.find(kLength);
        size_t length = at < header ? std::stoul(received_.substr(at + kLength.size())) : 0;
        size_t total = header + 4 + length;
        if (received_.size() >= total) {
          std::string answer = received_.substr(0, total);
          received_.erase(0, total);
          return answer;
        }
      }
      ssize_t bytes = recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (bytes <= 0) return std::exchange(received_, "");
      received_.append(buffer_.data(), static_cast<size_t>(bytes));
    }
  }

  std::string Post(std::string_view path, std::string_view body) {
    Send(fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", path,
                     body.size(), body));
    return Receive();
  }

  std::string Get(std::string_view path) {
    Send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
    return Receive();
  }

 private:
  int socket_;
  bool connected_ = false;
  std::string received_;
  std::vector<char> buffer_ = std::vector<char>(1 << 20);
};

const std::string kText(3000, 'x');
constexpr std::string_view kGet = R"({"features": ["v.n"], "entity": {"id": 1}})";

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest()
      : reader_(Project(), [this](int, std::string_view key, std::optional<KnownTime>) {
          if (block_) {
            reached_.Notify();
            released_.WaitForNotification();
          }
          return ViewRow{.found = true, .values = {int64_t{5}, kText}};
        }) {}

  static v1::Project Project() {
    v1::Project project;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"(entities { name: "user" keys { name: "id" type: INT64 } }
           feature_views { name: "v" entity: "user" features { name: "n" type: INT64 }
                           features { name: "text" type: STRING } })",
        &project));
    return project;
  }

  std::unique_ptr<HttpServer> Start(const HttpServerOptions& options = {},
                                    CatalogSources catalog = {}) {
    auto server = HttpServer::Start(
        options, &reader_, &metrics_, [] { return absl::OkStatus(); }, std::move(catalog));
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  std::atomic<bool> block_{false};
  absl::Notification reached_, released_;
  MetricsRegistry metrics_;
  FeatureReader reader_;
};

TEST_F(HttpServerTest, PagesThatTakeLongHoldNoLookupUpAndAreRefusedWhereTooManyWait) {
  absl::Notification begun, refused, go_on;
  std::atomic<bool> first{true};
  auto server = Start({.page_threads = 1, .most_waiting_pages = 1}, {.tasks = [&] {
                        if (first.exchange(false)) begun.Notify();
                        go_on.WaitForNotification();
                        return std::vector<TaskState>();
                      }});
  std::atomic<int> answered{0};
  auto ask = [&] {
    const std::string answer = Client(server->port()).Get("/v1/catalog/status");
    if (answer.find(" 503 ") != std::string::npos) refused.Notify();
    if (answer.find("\"tasks\":[]") != std::string::npos) ++answered;
  };
  std::vector<std::thread> clients;
  clients.emplace_back(ask);
  begun.WaitForNotification();
  for (int i = 0; i < 2; ++i) clients.emplace_back(ask);  // one waits, the other may not
  refused.WaitForNotification();
  EXPECT_THAT(Client(server->port()).Post("/v1/get", kGet), HasSubstr("\"value\":5"));
  EXPECT_THAT(Client(server->port()).Get("/healthz"), HasSubstr("alive"));
  go_on.Notify();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 2);
}

TEST_F(HttpServerTest, AServerThatStopsWaitsForThePageThatIsBeingMade) {
  absl::Notification begun, go_on;
  auto server = Start({.page_threads = 1}, {.tasks = [&] {
                        begun.Notify();
                        go_on.WaitForNotification();
                        return std::vector<TaskState>();
                      }});
  Client client(server->port());
  client.Send("GET /v1/catalog/status HTTP/1.1\r\nHost: x\r\n\r\n");
  begun.WaitForNotification();
  std::thread stop([&] { server->Stop(absl::ZeroDuration()); });
  go_on.Notify();
  stop.join();
}

TEST_F(HttpServerTest, ManyClientsAreServedAtOnceOnConnectionsThatStay) {
  auto server = Start();
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      Client client(server->port());
      for (int j = 0; j < 50; ++j) {
        right += client.Post("/v1/get", kGet).find("\"value\":5") != std::string::npos ? 1 : 0;
        // Some leave in the middle of a request, some ask for the metrics meanwhile.
        if (j % 10 == 0) Client(server->port()).Send("POST /v1/get HTTP/1.1\r\nContent-Le");
        if (i == 0) client.Send("GET /metrics HTTP/1.1\r\n\r\n"), client.Receive();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 400);
}

TEST_F(HttpServerTest, RequestsSentAheadAreAnsweredInOrder) {
  auto server = Start();
  Client client(server->port());
  client.Send(
      "GET /healthz HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\nGET /readyz HTTP/1.1\r\n\r\n");
  EXPECT_THAT(client.Receive(), HasSubstr("alive"));
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(client.Receive(), HasSubstr("ready"));
}

TEST_F(HttpServerTest, AnIdleOrSlowClientHoldsUpNobody) {
  auto server = Start({.threads = 1});
  Client idle(server->port()), slow(server->port());
  slow.Send("POST /v1/get HTTP/1.1\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_THAT(Client(server->port()).Post("/v1/get", kGet), StartsWith("HTTP/1.1 200 "));
}

// More than sockets hold: the server waits for the reader, and works for others.
TEST_F(HttpServerTest, AnAnswerThatIsReadLateIsWholeAndHoldsUpNobody) {
  auto server = Start({.threads = 1});
  std::string body = R"({"features": ["v.text"], "entities": [{"id": 1})";
  for (int i = 0; i < 9'999; ++i) body += R"(,{"id":1})";
  body += "]}";
  Client late(server->port());
  late.Send(fmt::format("POST /v1/batch-get HTTP/1.1\r\nContent-Length: {}\r\n\r\n{}", body.size(),
                        body));
  std::string others;
  for (int i = 0; i < 100; ++i) others = Client(server->port()).Post("/v1/get", kGet);
  EXPECT_THAT(others, StartsWith("HTTP/1.1 200 "));
  const std::string answer = late.Receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_GT(answer.size(), 10'000 * kText.size());
  EXPECT_THAT(answer.substr(answer.size() - 2), "]}");
}

TEST_F(HttpServerTest, AConnectionThatSendsNothingIsClosed) {
  auto server = Start({.idle_timeout = absl::Milliseconds(50)});
  EXPECT_EQ(Client(server->port()).Receive(), "");
}

TEST_F(HttpServerTest, ABodyThatDoesNotComeIsNotWaitedForLong) {
  auto server = Start({.request_timeout = absl::Milliseconds(50)});
  Client client(server->port());
  client.Send("POST /v1/get HTTP/1.1\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_EQ(client.Receive(), "");
}

TEST_F(HttpServerTest, AConnectionThatIdlesMakesRoomForANewOne) {
  auto server = Start({.max_connections = 2});
  Client first(server->port()), second(server->port());
  EXPECT_THAT(first.Post("/v1/get", kGet), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(second.Post("/v1/get", kGet), StartsWith("HTTP/1.1 200 "));
  first.Send("GET /healthz HTT");  // no request yet
  Client third(server->port());
  EXPECT_THAT(third.Post("/v1/get", kGet), StartsWith("HTTP/1.1 200 "));
  // The server may have begun to wait for the second a moment earlier: an answer is read before.
  if (std::string answer = second.Post("/v1/get", kGet); !answer.empty()) {
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(first.Receive(), "");
  } else {
    first.Send("P/1.1\r\n\r\n");
    EXPECT_THAT(first.Receive(), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(HttpServerTest, AConnectionAboveTheLimitGetsNoLookupsWhereAllOthersAreBusy) {
  auto server = Start({.max_connections = 1});
  block_ = true;
  Client busy(server->port());
  std::thread client([&] { busy.Post("/v1/get", kGet); });
  reached_.WaitForNotification();
  EXPECT_THAT(Client(server->port()).Post("/v1/get", kGet), StartsWith("HTTP/1.1 503 "));
  Client asks(server->port());
  asks.Send("GET /healthz HTTP/1.1\r\n\r\n");
  EXPECT_THAT(asks.Receive(), StartsWith("HTTP/1.1 200 "));
  released_.Notify();
  client.join();
}

TEST_F(HttpServerTest, ASocketAboveTheNumberOfFilesIsToldSo) {
  auto server = Start({.most_files = 0});
  EXPECT_THAT(Client(server->port()).Receive(), StartsWith("HTTP/1.1 503 "));
}

// Sends the header of a body and a part of it, for which the server may take twice the bytes.
std::unique_ptr<Client> BeginUpload(const HttpServer& server, size_t length, size_t sent) {
  auto client = std::make_unique<Client>(server.port());
  client->Send(fmt::format(
      "POST /v1/get HTTP/1.1\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n", length));
  EXPECT_THAT(client->Receive(), StartsWith("HTTP/1.1 100 "));
  client->Send(std::string(sent, ' '));
  return client;
}

TEST_F(HttpServerTest, WhatABodyPromisesTakesNoRoom) {
  auto server = Start({.max_buffered_bytes = 1000, .transfer_grace = absl::Hours(1)});
  auto stalled = BeginUpload(*server, /*length=*/1'000'000, /*sent=*/0);
  auto small = BeginUpload(*server, /*length=*/900, /*sent=*/900);
  EXPECT_THAT(small->Receive(), StartsWith("HTTP/1.1 400 "));  // read, and no JSON
}

TEST_F(HttpServerTest, BodiesAboveTheMemoryForAllOfThemAreToldSo) {
  auto server = Start({.max_buffered_bytes = 200'000, .transfer_grace = absl::Hours(1)});
  std::string answer;
  while (!answer.starts_with("HTTP/1.1 503 ")) {  // until the first is read before the second
    auto first = BeginUpload(*server, 90'000, 80'000),
         second = BeginUpload(*server, 90'000, 90'000);
    answer = second->Receive();
    ASSERT_FALSE(answer.empty());
  }
  EXPECT_THAT(answer, HasSubstr("too many large requests are under way"));
  EXPECT_THAT(Client(server->port()).Post("/v1/get", kGet), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, AnUploadThatStallsMakesRoomForAnother) {
  auto server = Start({.max_buffered_bytes = 200'000, .transfer_grace = absl::ZeroDuration()});
  std::vector<std::unique_ptr<Client>> stalled;
  for (int i = 0; i < 8; ++i) stalled.push_back(BeginUpload(*server, 90'000, 80'000));
  // Those that are still being read may make room for themselves, too.
  while (!BeginUpload(*server, 90'000, 90'000)->Receive().starts_with("HTTP/1.1 400 ")) {
  }
  EXPECT_EQ(stalled.front()->Receive(), "");
}

TEST_F(HttpServerTest, LookupsThatTakeLongHoldUpNoPage) {
  auto server = Start({.threads = 1});
  block_ = true;
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  auto ask = [&] {
    right += Client(server->port()).Post("/v1/get", kGet).ends_with("}}}") ? 1 : 0;
  };
  clients.emplace_back(ask);
  reached_.WaitForNotification();
  block_ = false;
  for (int i = 0; i < 3; ++i) clients.emplace_back(ask);
  for (std::string_view page : {"/healthz", "/readyz", "/metrics"}) {
    Client client(server->port());
    client.Send(fmt::format("GET {} HTTP/1.1\r\n\r\n", page));
    EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 200 ")) << page;
  }
  EXPECT_EQ(right, 0);
  released_.Notify();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 4);
}

TEST(ChooseWaitToEnd, TakesTheLongestForARequestOrElseForATransferOfSomeLength) {
  using std::chrono::seconds;
  const std::chrono::steady_clock::time_point now(seconds(100));
  auto wait = [&](WaitsFor what, int age) { return Wait{what, now - seconds(age)}; };
  constexpr auto kNothing = WaitsFor::kNothing, kRequest = WaitsFor::kRequest,
                 kTransfer = WaitsFor::kTransfer;
  auto choose = [&](const std::vector<Wait>& waits, bool transfers = false) {
    return ChooseWaitToEnd(waits, now, seconds(1), transfers);
  };
  EXPECT_EQ(choose({wait(kNothing, 9), wait(kRequest, 0), wait(kRequest, 3), wait(kTransfer, 5)}),
            2u);
  EXPECT_EQ(choose({wait(kNothing, 9), wait(kTransfer, 2), wait(kTransfer, 3)}), 2u);
  EXPECT_EQ(choose({wait(kRequest, 9), wait(kTransfer, 1)}, /*transfers=*/true), 1u);
  EXPECT_EQ(choose({wait(kRequest, 9), wait(kTransfer, 0)}, /*transfers=*/true), std::nullopt);
  EXPECT_EQ(choose({wait(kNothing, 9)}), std::nullopt);
  EXPECT_EQ(choose({}), std::nullopt);
}

TEST_F(HttpServerTest, ABodyAboveTheLimitIsRefusedWithoutBeingRead) {
  auto server = Start({.max_body_bytes = 1000});
  Client client(server->port());
  client.Send("POST /v1/get HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, StopAnswersWhatIsUnderWayAndClosesTheRest) {
  auto server = Start();
  Client idle(server->port());
  EXPECT_THAT(idle.Post("/v1/get", kGet), StartsWith("HTTP/1.1 200 "));
  block_ = true;
  Client busy(server->port());
  std::string answer;
  std::thread client([&] { answer = busy.Post("/v1/get", kGet); });
  reached_.WaitForNotification();
  std::thread stopper([&] { server->Stop(absl::Seconds(60)); });
  EXPECT_EQ(idle.Receive(), "");  // closed at once
  released_.Notify();
  stopper.join();
  client.join();
  EXPECT_THAT(answer, HasSubstr("\"value\":5"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_FALSE(Client(server->port()).connected());
}

TEST_F(HttpServerTest, StopWaitsNoLongerThanItsDeadline) {
  auto server = Start({.request_timeout = absl::Hours(1)});
  Client slow(server->port());
  slow.Send("POST /v1/get HTTP/1.1\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n");
  slow.Receive();
  server->Stop(absl::Milliseconds(20));
  EXPECT_EQ(slow.Receive(), "");
}

TEST_F(HttpServerTest, APortThatIsTakenIsAnErrorThatSaysWhatToChange) {
  auto server = Start();
  auto second = HttpServer::Start({.port = server->port()}, &reader_, &metrics_, nullptr);
  EXPECT_EQ(
      second.status().ToString(),
      fmt::format("FAILED_PRECONDITION: cannot listen on 127.0.0.1 port {}: the port is taken: "
                  "stop what listens there, or set serving.http_port in forebay.yaml to a free "
                  "port",
                  server->port()));
  EXPECT_THAT(
      HttpServer::Start({.address = "example"}, &reader_, &metrics_, nullptr).status().ToString(),
      StartsWith("INVALID_ARGUMENT: \"example\" is no IP address"));
}

}  // namespace
}  // namespace forebay
