#include "connectors/lineage/lineage_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "connectors/lineage/run_event.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Answers each request with the next status; keeps what came.
class Receiver {
 public:
  explicit Receiver(std::vector<int> statuses) : statuses_(std::move(statuses)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(socket_, 16);
    socklen_t size = sizeof(address);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Receiver() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<std::string> requests() {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }

 private:
  void Serve() {
    for (size_t i = 0;; ++i) {
      const int one = accept(socket_, nullptr, nullptr);
      if (one < 0) return;
      std::string text;
      while (text.find("}\n") == std::string::npos && !text.ends_with("}")) {
        char bytes[4096];
        const ssize_t got = recv(one, bytes, sizeof(bytes), 0);
        if (got <= 0) break;
        text.append(bytes, static_cast<size_t>(got));
      }
      {
        absl::MutexLock lock(&mutex_);
        requests_.push_back(text);
      }
      const std::string answer = "HTTP/1.1 " +
                                 std::to_string(statuses_[std::min(i, statuses_.size() - 1)]) +
                                 " x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      (void)!write(one, answer.data(), answer.size());
      close(one);
    }
  }

  const std::vector<int> statuses_;
  const int socket_ = socket(AF_INET, SOCK_STREAM, 0);
  int port_ = 0;
  absl::Mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

class LineageSenderTest : public ::testing::Test {
 protected:
  ~LineageSenderTest() override { std::filesystem::remove_all(folder_); }

  std::function<void(const std::string&)> Warn() {
    return [this](const std::string& what) { warnings_.push_back(what); };
  }

  static LineageTarget Quick(const std::string& url) {
    return {.url = url, .tries = 3, .pause = absl::Milliseconds(1)};
  }

  std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("lineage-" + std::to_string(getpid()));
  std::vector<std::string> warnings_;  // read when the sender has gone
};

TEST_F(LineageSenderTest, AppendsToAFile) {
  std::filesystem::create_directories(folder_);
  const std::string file = (folder_ / "events").string();
  for (int i = 0; i < 2; ++i) {
    LineageSender sender({.file = file}, Warn());
    sender.Send("{\"a\":1}");
  }
  std::ifstream read(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(read, line);) lines.push_back(line);
  EXPECT_THAT(lines, ElementsAre("{\"a\":1}", "{\"a\":1}"));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(LineageSenderTest, WarnsOnceOfWhatCannotBeWritten) {
  LineageSender sender({.file = (folder_ / "not" / "there").string()}, Warn());
  sender.Send("{}");
  sender.Send("{}");
  while (sender.dropped() < 2) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("No such file")));
}

TEST_F(LineageSenderTest, PostsWithTheKeyAndTriesAgain) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / "key") << "secret\n";
  Receiver receiver({503, 201});
  LineageTarget target = Quick(receiver.url());
  target.api_key_file = (folder_ / "key").string();
  {
    LineageSender sender(target, Warn());
    sender.Send("{\"a\":1}");
    while (receiver.requests().size() < 2) absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_THAT(receiver.requests(), SizeIs(2));
  EXPECT_THAT(receiver.requests()[1], HasSubstr("POST /api/v1/lineage HTTP/1.1"));
  EXPECT_THAT(receiver.requests()[1], HasSubstr("authorization: Bearer secret"));
  EXPECT_THAT(receiver.requests()[1], HasSubstr("{\"a\":1}"));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(LineageSenderTest, WhoEndsItWaitsForTheNextTry) {
  Receiver receiver({503, 503, 201});
  {
    LineageSender sender(Quick(receiver.url()), Warn());
    sender.Send("{}");
  }
  EXPECT_THAT(receiver.requests(), SizeIs(3));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(LineageSenderTest, WhatIsRefusedIsNotTriedAgain) {
  Receiver receiver({400});
  {
    LineageSender sender(Quick(receiver.url() + "/lineage"), Warn());
    sender.Send("{}");
    while (sender.dropped() < 1) absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_THAT(receiver.requests(), ElementsAre(HasSubstr("POST /lineage ")));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("answered 400")));
}

TEST_F(LineageSenderTest, NobodyWaitsForAReceiverThatIsAway) {
  LineageTarget target = Quick("http://127.0.0.1:1");
  target.pause = absl::Hours(1);
  target.patience = absl::Milliseconds(1);
  const absl::Time start = absl::Now();
  {
    LineageSender sender(target, Warn());
    for (size_t i = 0; i < 2 * LineageSender::kMostWaiting; ++i) sender.Send("{}");
    EXPECT_GE(sender.dropped(), static_cast<int64_t>(LineageSender::kMostWaiting) - 1);
  }
  EXPECT_LT(absl::Now() - start, absl::Seconds(60)) << "an hour until the next try";
  EXPECT_THAT(warnings_, SizeIs(1));
}

TEST(RunEventTest, SaysWhatARunReadsAndWrites) {
  LineageRun run{.id = NewRunId(1'796'117'332'140'231), .job = {"shop", "shop.worker"}};
  const LineageName topic{"kafka://broker:9092", "orders"};
  run.inputs.push_back(
      {.id = topic, .type = "TOPIC", .columns = {{"amount", "double", ""}}, .rows = 9});
  run.outputs.push_back({.id = {"file", "/w/spend"},
                         .storage = "delta",
                         .origins = {{"paid", {{topic, "amount"}}}},
                         .version = 3,
                         .rows = 7});
  const auto event = nlohmann::json::parse(
      RunEventJson(run, RunStage::kFail, 1'796'117'332'140'231, "disk\xff full"));
  EXPECT_EQ(event["eventType"], "FAIL");
  EXPECT_EQ(event["eventTime"], "2026-12-01T09:28:52.140231Z");
  EXPECT_EQ(event["run"]["facets"]["errorMessage"]["message"], "disk\xEF\xBF\xBD full");
  EXPECT_EQ(event["job"]["facets"]["jobType"]["processingType"], "BATCH");
  EXPECT_EQ(event["inputs"][0]["facets"]["schema"]["fields"][0]["ordinal_position"], 1);
  EXPECT_FALSE(event["inputs"][0].contains("outputFacets"));
  const auto& output = event["outputs"][0];
  EXPECT_EQ(output["facets"]["version"]["datasetVersion"], "3");
  EXPECT_EQ(output["facets"]["columnLineage"]["fields"]["paid"]["inputFields"][0]["field"],
            "amount");
  EXPECT_EQ(output["outputFacets"]["outputStatistics"]["rowCount"], 7);
}

TEST(RunEventTest, RunIdsAreUuidsOfTheirTime) {
  const std::string id = NewRunId(1'796'117'332'140'231), later = NewRunId(1'796'117'333'140'231);
  EXPECT_THAT(id, ::testing::MatchesRegex(
                      "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_LT(id, later);
  EXPECT_NE(id, NewRunId(1'796'117'332'140'231));
}

}  // namespace
}  // namespace forebay
