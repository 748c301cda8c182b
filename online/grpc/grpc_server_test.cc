// Stopping and ports; the answers are tested in tests/serving, with a real client.
#include "online/grpc/grpc_server.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/serving.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace forebay {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

class GrpcServerTest : public testing::Test {
 protected:
  GrpcServerTest()
      : reader_(Project(), [this](int, std::string_view, std::optional<KnownTime>) {
          if (!reached_once_.exchange(true)) reached_.Notify();
          released_.WaitForNotification();
          return ViewRow{.found = true, .values = {int64_t{5}}};
        }) {}

  static v1::Project Project() {
    v1::Project project;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"(entities { name: "user" keys { name: "id" type: INT64 } }
           feature_views { name: "v" entity: "user" features { name: "n" type: INT64 } })",
        &project));
    return project;
  }

  std::unique_ptr<GrpcServer> Start() {
    auto server = GrpcServer::Start({}, &reader_, &metrics_, [] { return absl::OkStatus(); });
    EXPECT_TRUE(server.ok()) << server.status();
    auto channel = grpc::CreateChannel(fmt::format("127.0.0.1:{}", (*server)->port()),
                                       grpc::InsecureChannelCredentials());
    stub_ = v1::FeatureServing::NewStub(channel);
    health_ = grpc::health::v1::Health::NewStub(channel);
    return *std::move(server);
  }

  grpc::Status Get(v1::GetResponse* response) {
    v1::GetRequest request;
    request.add_features("v.n");
    (*request.mutable_entity())["id"].set_int64_value(1);
    grpc::ClientContext context;
    return stub_->Get(&context, request, response);
  }

  std::atomic<bool> reached_once_{false};
  absl::Notification reached_, released_;
  MetricsRegistry metrics_;
  FeatureReader reader_;
  std::unique_ptr<v1::FeatureServing::Stub> stub_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

TEST_F(GrpcServerTest, StopAnswersWhatIsUnderWay) {
  auto server = Start();
  v1::GetResponse response;
  grpc::Status status;
  std::thread client([&] { status = Get(&response); });
  reached_.WaitForNotification();
  std::thread stopper([&] { server->Stop(absl::Seconds(60)); });
  // The port closes while the call is still under way.
  while (GrpcServer::Start({.port = server->port()}, &reader_, &metrics_,
                           [] { return absl::OkStatus(); })
             .status()
             .code() == absl::StatusCode::kFailedPrecondition) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  released_.Notify();
  stopper.join();
  client.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.features_size(), 1);
  EXPECT_EQ(response.features(0).value().int64_value(), 5);
}

TEST_F(GrpcServerTest, AfterStopCallsAreUnavailableAndStopAgainDoesNothing) {
  released_.Notify();
  auto server = Start();
  v1::GetResponse response;
  EXPECT_TRUE(Get(&response).ok());
  server->Stop(absl::Seconds(60));
  server->Stop(absl::Seconds(60));
  EXPECT_EQ(Get(&response).error_code(), grpc::StatusCode::UNAVAILABLE);
}

// A watcher that reads late, as on a busy machine: what it was told is not lost with the
// connection.
TEST_F(GrpcServerTest, StopTellsThoseWhoWatchHealthAndEndsTheirStreams) {
  auto server = Start();
  grpc::ClientContext known_context, unknown_context;
  HealthCheckRequest unknown_service;
  unknown_service.set_service("nobody");
  auto known = health_->Watch(&known_context, HealthCheckRequest());
  auto unknown = health_->Watch(&unknown_context, unknown_service);
  HealthCheckResponse response;
  ASSERT_TRUE(known->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  ASSERT_TRUE(unknown->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  server->Stop(absl::Seconds(60));
  ASSERT_TRUE(known->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(known->Read(&response));
  EXPECT_EQ(known->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(unknown->Read(&response));
  EXPECT_EQ(unknown->Finish().error_message(), "the server is stopping");
}

TEST_F(GrpcServerTest, AWatcherThatGoesLeavesTheOthers) {
  auto server = Start();
  HealthCheckResponse response;
  {
    grpc::ClientContext context;
    auto watch = health_->Watch(&context, HealthCheckRequest());
    ASSERT_TRUE(watch->Read(&response));
    context.TryCancel();
    EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  grpc::ClientContext context;
  EXPECT_TRUE(health_->Check(&context, HealthCheckRequest(), &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
}

TEST_F(GrpcServerTest, LookupsThatTakeLongHoldUpNoOtherCall) {
  auto server = Start();
  v1::BatchGetRequest request;
  request.add_features("v.n");
  for (int i = 0; i < 1000; ++i) (*request.add_entities()->mutable_keys())["id"].set_int64_value(i);
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([&] {
      grpc::ClientContext context;
      v1::BatchGetResponse response;
      if (stub_->BatchGet(&context, request, &response).ok()) right += response.features_size();
    });
  }
  reached_.WaitForNotification();
  grpc::ClientContext context;
  HealthCheckResponse response;
  EXPECT_TRUE(health_->Check(&context, HealthCheckRequest(), &response).ok());
  EXPECT_EQ(right, 0);
  released_.Notify();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 20);
}

TEST_F(GrpcServerTest, ConnectionsAboveTheLimitAreClosedAndCounted) {
  released_.Notify();
  auto server = GrpcServer::Start({.max_connections = 1}, &reader_, &metrics_,
                                  [] { return absl::OkStatus(); });
  ASSERT_TRUE(server.ok()) << server.status();
  auto ask = [&](const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    HealthCheckResponse response;
    return grpc::health::v1::Health::NewStub(channel)
        ->Check(&context, HealthCheckRequest(), &response)
        .error_code();
  };
  auto channel = [&] {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(fmt::format("127.0.0.1:{}", (*server)->port()),
                                     grpc::InsecureChannelCredentials(), own);
  };
  auto first = channel();
  EXPECT_EQ(ask(first), grpc::StatusCode::OK);
  EXPECT_EQ(ask(channel()), grpc::StatusCode::UNAVAILABLE);
  EXPECT_GE((*server)->refused_connections(), 1u);
  EXPECT_EQ(ask(first), grpc::StatusCode::OK);
  first.reset();
  while (ask(channel()) != grpc::StatusCode::OK) {  // until the server has seen that it went
  }
}

TEST_F(GrpcServerTest, APortThatIsTakenOrAnAddressThatIsNoneIsAnError) {
  auto server = Start();
  EXPECT_EQ(
      GrpcServer::Start({.port = server->port()}, &reader_, &metrics_, nullptr).status().ToString(),
      fmt::format("FAILED_PRECONDITION: cannot listen on 127.0.0.1 port {}: the port is taken: "
                  "stop what listens there, or set serving.grpc_port in forebay.yaml to a free "
                  "port",
                  server->port()));
  EXPECT_THAT(
      GrpcServer::Start({.address = "localhost"}, &reader_, &metrics_, nullptr).status().ToString(),
      testing::StartsWith("INVALID_ARGUMENT: \"localhost\" is no IP address"));
}

}  // namespace
}  // namespace forebay
