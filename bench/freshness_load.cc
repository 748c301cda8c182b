// How soon an event counts: the time from when a producer is given an event until a lookup sees it,
// while a steady stream of other events comes in.
//
//   freshness_load --brokers localhost:9092 --topic transactions --http 127.0.0.1:8080
//                  --feature user_activity.payments_10m --rate 50000 --seconds 10
//
// Every probe is an event of a user of its own; it is visible once a lookup of the user answers
// PRESENT. Lookups are repeated with a pause between an answer and the next question, which is part
// of the time measured, as is the lookup. Prints one line of JSON. REQUIRES: a worker that applies
// the topic, with known_time: event_time.
//
// Without --http nobody looks: prints before that a line for each probe, its user and when it was
// produced, in seconds of the monotonic clock.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/event_producer.h"
#include "bench/http_connection.h"
#include "bench/transaction_stream.h"
#include "fmt/format.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::milliseconds(1);
constexpr auto kPause = std::chrono::microseconds(500);  // between two lookups
constexpr double kMostRest = 0.005;                      // seconds, between two probes, at random
constexpr auto kPatience = std::chrono::seconds(30);     // for one probe

struct Flags {
  std::string brokers, topic, http, feature, keyed_by = "user_id";
  int64_t rate = 50'000;
  double seconds = 10, warm_up_seconds = 3;
  TransactionStreamOptions stream;

  std::string Key(const Transaction& transaction) const {
    return keyed_by == "user_id" ? transaction.user_id : transaction.merchant_id();
  }
};

Clock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// The steady stream, from a thread of its own.
class PacedStream {
 public:
  PacedStream(const Flags& flags, EventProducer* producer)
      : flags_(flags), producer_(producer), stream_(flags.stream) {
    stream_.Next(&next_);
    event_time_ = next_.event_time;
  }

  void Start() {
    thread_ = std::thread([this] { status_ = Run(); });
  }
  absl::Status Stop() {
    stop_ = true;
    thread_.join();
    return status_;
  }

  const Transaction& first() const { return next_; }  // REQUIRES: not started yet
  int64_t sent() const { return sent_; }
  int64_t event_time() const { return event_time_; }  // milliseconds, of the newest event

 private:
  absl::Status Run() {
    std::string value;
    const Clock::time_point start = Clock::now();
    while (!stop_) {
      const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
      const auto due = static_cast<int64_t>(elapsed * static_cast<double>(flags_.rate));
      for (; sent_ < due; ++sent_) {
        value.clear();
        AppendJson(next_, &value);
        event_time_ = std::max(event_time_.load(), next_.event_time);
        RETURN_IF_ERROR(producer_->Send(flags_.topic, flags_.Key(next_), value, next_.event_time));
        stream_.Next(&next_);
      }
      std::this_thread::sleep_for(kTick);
    }
    return absl::OkStatus();
  }

  const Flags& flags_;
  EventProducer* const producer_;
  TransactionStream stream_;
  Transaction next_;
  std::atomic<int64_t> sent_{0}, event_time_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
  absl::Status status_;
};

class Prober {
 public:
  Prober(const Flags& flags, const Transaction& pattern, EventProducer* producer)
      : flags_(flags), producer_(producer), probe_(pattern) {
    if (!flags.http.empty()) connection_.emplace(flags.http);
  }

  const std::string& user() const { return probe_.user_id; }  // of the last probe
  Clock::time_point start() const { return start_; }          // when it was produced

  // Produces an event of a new user and waits until it is seen, if somebody looks.
  // DEADLINE_EXCEEDED: it never was.
  absl::Status Probe(int64_t event_time) {
    probe_.user_id = fmt::format("probe{}", ++probes_);
    probe_.merchant = probes_;
    probe_.event_time = event_time;
    value_.clear();
    AppendJson(probe_, &value_);
    const std::string question = fmt::format(
        R"({{"features": ["{}"], "entity": {{"user_id": "{}"}}}})", flags_.feature, probe_.user_id);
    start_ = Clock::now();
    RETURN_IF_ERROR(producer_->Send(flags_.topic, flags_.Key(probe_), value_, event_time));
    if (!connection_) return absl::OkStatus();
    while (Clock::now() - start_ < kPatience) {
      ASSIGN_OR_RETURN(bool visible, IsPresent(question));
      if (visible) return absl::OkStatus();
      std::this_thread::sleep_for(kPause);
    }
    return absl::DeadlineExceededError(
        fmt::format("an event was not visible to lookups {} s after it was produced",
                    std::chrono::seconds(kPatience).count()));
  }

 private:
  absl::StatusOr<bool> IsPresent(const std::string& question) try {
    HttpAnswer answer = connection_->Post("/v1/get", question);
    if (answer.status == 200) return answer.body.find("\"PRESENT\"") != std::string_view::npos;
    return absl::InternalError(
        fmt::format("a lookup was answered with {}: {}", answer.status, answer.body));
  } catch (const std::exception& error) {
    return absl::UnavailableError(error.what());
  }

  const Flags& flags_;
  EventProducer* const producer_;
  std::optional<HttpConnection> connection_;
  Transaction probe_;
  Clock::time_point start_;
  std::string value_;
  uint32_t probes_ = 0;
};

void Print(const Flags& flags, std::vector<double> milliseconds, double rate) {
  std::sort(milliseconds.begin(), milliseconds.end());
  auto quantile = [&](double q) {
    return milliseconds[static_cast<size_t>(q * static_cast<double>(milliseconds.size() - 1))];
  };
  fmt::print(
      R"({{"asked_rate": {}, "rate": {:.0f}, "probes": {}, "p50_ms": {:.2f}, "p99_ms": {:.2f}, )"
      R"("max_ms": {:.2f}}})"
      "\n",
      flags.rate, rate, milliseconds.size(), quantile(0.5), quantile(0.99), milliseconds.back());
}

void PrintProbe(const Prober& prober) {
  std::chrono::duration<double> start = prober.start().time_since_epoch();
  fmt::print("{} {:.6f}\n", prober.user(), start.count());
}

// The load shares the cores with what it measures. librdkafka polls without a pause in the last
// millisecond of linger.ms; that a record comes twice does no harm.
const std::map<std::string, std::string> kCheapProducer = {{"linger.ms", "3"},
                                                           {"enable.idempotence", "false"}};

absl::Status Run(const Flags& flags) {
  ASSIGN_OR_RETURN(std::unique_ptr<EventProducer> producer,
                   EventProducer::Create(flags.brokers, kCheapProducer));
  PacedStream stream(flags, producer.get());
  Prober prober(flags, stream.first(), producer.get());
  RandomNumbers random(1);
  stream.Start();
  absl::Status status;
  std::vector<double> milliseconds;
  const Clock::time_point start = Clock::now();
  const Clock::time_point measured = start + Seconds(flags.warm_up_seconds);
  const Clock::time_point end = measured + Seconds(flags.seconds);
  // At least one, however slow the machine is.
  for (Clock::time_point now = start; status.ok() && (now < end || milliseconds.empty());
       now = Clock::now()) {
    status = prober.Probe(stream.event_time());
    if (status.ok() && now >= measured) {
      std::chrono::duration<double, std::milli> took = Clock::now() - prober.start();
      milliseconds.push_back(took.count());
      if (flags.http.empty()) PrintProbe(prober);
    }
    std::this_thread::sleep_for(Seconds(random.Uniform() * kMostRest));
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  const double rate = static_cast<double>(stream.sent()) / elapsed;
  absl::Status streamed = stream.Stop();
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(streamed);
  RETURN_IF_ERROR(producer->Flush());
  Print(flags, std::move(milliseconds), rate);
  return absl::OkStatus();
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) try {
  forebay::Flags flags;
  CLI::App app("Produces events at a rate and times when they are seen");
  app.add_option("--brokers", flags.brokers, "host:port of a broker")->required();
  app.add_option("--topic", flags.topic, "The topic that the worker reads")->required();
  app.add_option("--http", flags.http, "Address and port of the worker's HTTP");
  app.add_option("--feature", flags.feature, "A feature by user_id, view.name");
  app.add_option("--keyed-by", flags.keyed_by, "What the topic is partitioned by")
      ->check(CLI::IsMember({"user_id", "merchant_id"}))
      ->capture_default_str();
  app.add_option("--rate", flags.rate, "Events per second")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seconds", flags.seconds, "How long to measure")->capture_default_str();
  app.add_option("--warm-up", flags.warm_up_seconds, "Seconds before that")->capture_default_str();
  app.add_option("--users", flags.stream.users, "At most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--zipf", flags.stream.zipf, "How unevenly users share the events")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  absl::Status ran = forebay::Run(flags);
  if (ran.ok()) return 0;
  fmt::print(stderr, "freshness_load: {}\n", std::string(ran.message()));
  return 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "freshness_load: {}\n", error.what());
  return 1;
}
