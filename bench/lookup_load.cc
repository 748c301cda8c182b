// Load on the doors of a worker: closed-loop clients (each asks, waits for the answer, asks again).
//
//   lookup_load --grpc 127.0.0.1:8081 --feature-service fraud --key user_id=u%d --keys 100000
//   lookup_load --http 127.0.0.1:8080 --features user_spend.spend_10m --key user_id=u%d --batch 100
//   lookup_load --http 127.0.0.1:8080 --model fraud@champion --key user_id=u1
//
// Prints one line of JSON: requests, errors, requests per second, and p50, p99, p999 in
// microseconds; of a model, also the answers that differ.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/http_connection.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "forebay/v1/serving.grpc.pb.h"
#include "forebay/v1/serving.pb.h"
#include "schemas/types/json.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;
using Answers = std::set<std::string, std::less<>>;

struct Settings {
  std::string http, grpc;
  std::string feature_service;
  std::string model;
  std::vector<std::string> features;
  std::vector<std::string> keys_text;  // "name=pattern"; a pattern has one %d or %0Nd, or none
  int64_t keys = 10'000;
  int connections = 4;
  int batch = 0;  // 0: Get
  double seconds = 5;
  double warm_up_seconds = 1;
};

// A key column: its name, and the text around the number of the entity. A pattern that is "%d"
// alone makes integers.
struct KeyColumn {
  std::string name, before, after;
  bool numbered = false;
  int width = 0;  // of the number, filled with zeros

  bool integer() const { return numbered && width == 0 && before.empty() && after.empty(); }
  std::string Text(int64_t n) const {
    return numbered ? fmt::format("{}{:0{}}{}", before, n, width, after) : before;
  }
};

KeyColumn ParseKey(const std::string& text) {
  size_t equals = text.find('=');
  if (equals == std::string::npos)
    throw std::runtime_error("--key " + text + ": expected name=pattern");
  KeyColumn key{text.substr(0, equals), text.substr(equals + 1), ""};
  static const std::regex kNumber("%(?:0([1-9]))?d");
  if (std::smatch found; std::regex_search(key.before, found, kNumber)) {
    key.numbered = true;
    if (found[1].matched) key.width = found.str(1)[0] - '0';
    key.after = found.suffix();
    key.before.resize(static_cast<size_t>(found.position()));
  }
  return key;
}

// One client on one connection. Ask() returns whether the answer was right.
class LoadClient {
 public:
  virtual ~LoadClient() = default;
  // `numbers`: of the entities to ask for.
  virtual bool Ask(const std::vector<int64_t>& numbers) = 0;
  // That differ, of a model; not those beyond kMostAnswers.
  const Answers& answers() const { return answers_; }

 protected:
  void Keep(std::string_view answer) {
    if (answers_.size() < kMostAnswers && !answers_.contains(answer)) answers_.emplace(answer);
  }

 private:
  static constexpr size_t kMostAnswers = 1000;
  Answers answers_;
};

class GrpcClient : public LoadClient {
 public:
  GrpcClient(const Settings& settings, const std::vector<KeyColumn>& keys, int number)
      : settings_(settings), keys_(keys) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("forebay.connection", number);  // else channels share one connection
    arguments.SetMaxReceiveMessageSize(-1);
    stub_ = v1::FeatureServing::NewStub(
        grpc::CreateCustomChannel(settings.grpc, grpc::InsecureChannelCredentials(), arguments));
  }

  bool Ask(const std::vector<int64_t>& numbers) override {
    grpc::ClientContext context;
    if (settings_.batch == 0) {
      v1::GetRequest request;
      v1::GetResponse response;
      Select(request);
      Fill(numbers[0], *request.mutable_entity());
      return stub_->Get(&context, request, &response).ok() && response.features_size() > 0;
    }
    v1::BatchGetRequest request;
    v1::BatchGetResponse response;
    Select(request);
    for (int64_t n : numbers) Fill(n, *request.add_entities()->mutable_keys());
    return stub_->BatchGet(&context, request, &response).ok() && response.features_size() > 0;
  }

 private:
  template <typename Request>
  void Select(Request& request) {
    request.set_feature_service(settings_.feature_service);
    for (const std::string& feature : settings_.features) request.add_features(feature);
  }

  template <typename Map>
  void Fill(int64_t number, Map& entity) {
    for (const KeyColumn& key : keys_) {
      if (key.integer()) {
        entity[key.name].set_int64_value(number);
      } else {
        entity[key.name].set_string_value(key.Text(number));
      }
    }
  }

  const Settings& settings_;
  const std::vector<KeyColumn>& keys_;
  std::unique_ptr<v1::FeatureServing::Stub> stub_;
};

class HttpClient : public LoadClient {
 public:
  HttpClient(const Settings& settings, const std::vector<KeyColumn>& keys)
      : settings_(settings), keys_(keys), connection_(settings.http) {}

  bool Ask(const std::vector<int64_t>& numbers) override {
    std::string body = "{";
    if (!settings_.model.empty()) {
      body += "\"model\":";
      AppendJsonString(settings_.model, &body);
    } else if (!settings_.feature_service.empty()) {
      body += "\"feature_service\":";
      AppendJsonString(settings_.feature_service, &body);
    } else {
      body += "\"features\":";
      for (size_t i = 0; i < settings_.features.size(); ++i) {
        body += i == 0 ? '[' : ',';
        AppendJsonString(settings_.features[i], &body);
      }
      body += ']';
    }
    if (settings_.batch == 0) {
      body += ",\"entity\":";
      AppendEntity(numbers[0], &body);
    } else {
      body += ",\"entities\":[";
      for (size_t i = 0; i < numbers.size(); ++i) {
        if (i > 0) body += ',';
        AppendEntity(numbers[i], &body);
      }
      body += ']';
    }
    body += '}';
    const HttpAnswer answer =
        connection_.Post(settings_.batch == 0 ? "/v1/get" : "/v1/batch-get", body);
    if (!settings_.model.empty()) Keep(answer.body);
    return answer.status == 200;
  }

 private:
  void AppendEntity(int64_t number, std::string* out) {
    *out += '{';
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (i > 0) *out += ',';
      AppendJsonString(keys_[i].name, out);
      *out += ':';
      if (keys_[i].integer()) {
        AppendJsonInt(number, out);
      } else {
        AppendJsonString(keys_[i].Text(number), out);
      }
    }
    *out += '}';
  }

  const Settings& settings_;
  const std::vector<KeyColumn>& keys_;
  HttpConnection connection_;
};

struct Outcome {
  std::vector<int64_t> nanoseconds;  // of right answers after the warm-up
  int64_t errors = 0;
  Answers answers;
  std::string failure;  // not empty: the client ended early
};

void Run(const Settings& settings, const std::vector<KeyColumn>& keys, int number,
         Clock::time_point start, Outcome* outcome) try {
  std::unique_ptr<LoadClient> client;
  if (!settings.grpc.empty()) {
    client = std::make_unique<GrpcClient>(settings, keys, number);
  } else {
    client = std::make_unique<HttpClient>(settings, keys);
  }
  auto seconds = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  };
  Clock::time_point measured = start + seconds(settings.warm_up_seconds);
  Clock::time_point end = measured + seconds(settings.seconds);
  std::mt19937_64 random(static_cast<uint64_t>(number));
  std::uniform_int_distribution<int64_t> entity(1, settings.keys);
  std::vector<int64_t> numbers(static_cast<size_t>(std::max(1, settings.batch)));
  for (Clock::time_point asked = Clock::now(); asked < end;) {
    for (int64_t& n : numbers) n = entity(random);
    bool right = client->Ask(numbers);
    Clock::time_point answered = Clock::now();
    if (asked >= measured) {
      if (right) {
        outcome->nanoseconds.push_back((answered - asked).count());
      } else {
        ++outcome->errors;
      }
    }
    asked = answered;
  }
  outcome->answers = client->answers();
} catch (const std::exception& error) {
  outcome->failure = error.what();
}

int Report(const Settings& settings, std::vector<Outcome>& outcomes) {
  std::vector<int64_t> all;
  Answers answers;
  int64_t errors = 0;
  for (Outcome& outcome : outcomes) {
    if (!outcome.failure.empty()) {
      std::cerr << "lookup_load: " << outcome.failure << std::endl;
      return 1;
    }
    all.insert(all.end(), outcome.nanoseconds.begin(), outcome.nanoseconds.end());
    answers.insert(outcome.answers.begin(), outcome.answers.end());
    errors += outcome.errors;
  }
  std::sort(all.begin(), all.end());
  auto quantile = [&](double q) {
    if (all.empty()) return 0.0;
    auto at = static_cast<size_t>(q * static_cast<double>(all.size()));
    return static_cast<double>(all[std::min(at, all.size() - 1)]) / 1000;
  };
  fmt::print(
      "{{\"door\": \"{}\", \"connections\": {}, \"batch\": {}, \"requests\": {}, \"errors\": {}, "
      "\"requests_per_second\": {:.0f}, \"p50_us\": {:.1f}, \"p99_us\": {:.1f}, \"p999_us\": "
      "{:.1f}{}}}\n",
      settings.grpc.empty() ? "http" : "grpc", settings.connections, settings.batch, all.size(),
      errors, static_cast<double>(all.size()) / settings.seconds, quantile(0.5), quantile(0.99),
      quantile(0.999),
      settings.model.empty() ? "" : fmt::format(", \"answers\": [{}]", fmt::join(answers, ", ")));
  return errors == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Closed-loop load on the doors of a worker.");
  auto* http = app.add_option("--http", settings.http, "Address and port of HTTP");
  app.add_option("--grpc", settings.grpc, "Address and port of gRPC")->excludes(http);
  auto* service = app.add_option("--feature-service", settings.feature_service, "What to ask for");
  app.add_option("--features", settings.features, "What to ask for")
      ->delimiter(',')
      ->excludes(service);
  app.add_option("--model", settings.model, "What to ask for, by --http")
      ->excludes(service)
      ->excludes("--features")
      ->excludes("--grpc");
  app.add_option("--key", settings.keys_text,
                 "name=pattern, for each key column; %d stands for the number of the entity, alone "
                 "it makes an integer; %07d has seven digits")
      ->required();
  app.add_option("--keys", settings.keys, "Entities are numbered from 1 to this")
      ->capture_default_str();
  app.add_option("--connections", settings.connections, "Clients")->capture_default_str();
  app.add_option("--batch", settings.batch, "Entities per request; 0: one, by Get")
      ->capture_default_str();
  app.add_option("--seconds", settings.seconds, "How long to measure")->capture_default_str();
  app.add_option("--warm-up", settings.warm_up_seconds, "Seconds before that")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (settings.http.empty() && settings.grpc.empty()) {
    std::cerr << "lookup_load: give --http or --grpc" << std::endl;
    return 2;
  }
  std::vector<KeyColumn> keys;
  for (const std::string& text : settings.keys_text) keys.push_back(ParseKey(text));
  std::vector<Outcome> outcomes(static_cast<size_t>(settings.connections));
  std::vector<std::thread> clients;
  Clock::time_point start = Clock::now();
  for (int i = 0; i < settings.connections; ++i) {
    clients.emplace_back(Run, std::cref(settings), std::cref(keys), i, start,
                         &outcomes[static_cast<size_t>(i)]);
  }
  for (std::thread& client : clients) client.join();
  return Report(settings, outcomes);
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) try {
  return forebay::Main(argc, argv);
} catch (const std::exception& error) {
  std::cerr << "lookup_load: " << error.what() << std::endl;
  return 2;
}
