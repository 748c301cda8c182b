// The records of payments: 22 features as those of bench/transactions, of which four are means.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "connectors/update_record/update_record.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

constexpr int kSteps = 4096;
constexpr int kWindows = 4;

v1::Project PaymentsProject(v1::FeatureView::UpdateFormat format) {
  v1::Project project;
  project.set_name("bench");
  v1::Entity* entity = project.add_entities();
  entity->set_name("user");
  v1::Field* key = entity->add_keys();
  key->set_name("user_id");
  key->set_type(v1::STRING);
  v1::FeatureView* view = project.add_feature_views();
  view->set_name("user_activity");
  view->set_version(1);
  view->set_entity("user");
  view->set_update_format(format);
  view->set_update_headers(v1::FeatureView::HEADERS_DELETES);
  auto add = [&](const std::string& name, v1::DataType type) {
    v1::Feature* feature = view->add_features();
    feature->set_name(name);
    feature->set_type(type);
  };
  const std::vector<std::string> windows = {"10m", "1h", "24h", "7d"};
  for (const std::string& window : windows) add("payments_" + window, v1::INT64);
  for (const char* name : {"spend_", "mean_", "smallest_", "largest_"}) {
    for (const std::string& window : windows) add(name + window, v1::DOUBLE);
  }
  for (int i : {1, 2}) add("foreign_" + windows[i], v1::INT64);
  return project;
}

// Steps of users who have paid a few times in a day and some dozens of times in a week.
class Payments {
 public:
  Payments() {
    std::lognormal_distribution<double> amount(3.5, 1);
    for (int i = 0; i < kSteps; ++i) {
      keys_.push_back("u" + std::to_string(random_() % 100'000));
      amounts_.clear();
      for (uint64_t n = 5 + random_() % 60; n > 0; --n)
        amounts_.push_back(std::round(amount(random_) * 100) / 100);
      AddFeatures();
    }
    for (int i = 0; i < kSteps; ++i) AddChange(i);
  }

  void Append(const UpdateRecordEncoder& encoder, EncodedUpdates* out) const {
    const Scalar* features = features_.data();
    for (const Change& change : changes_) {
      encoder.Append(change, features, out);
      features += 22;
    }
  }

 private:
  void AddFeatures() {
    const size_t in_day = 1 + random_() % 4;
    const size_t newest[kWindows] = {1, 1 + random_() % in_day, in_day, amounts_.size()};
    for (size_t n : newest) features_.push_back(Scalar::Int64(static_cast<int64_t>(n)));
    auto add = [&](auto of_newest) {
      for (size_t n : newest) features_.push_back(Scalar::Double(of_newest(amounts_.data(), n)));
    };
    auto sum = [](const double* amounts, size_t n) {
      double total = 0;
      for (size_t i = n; i > 0; --i) total += amounts[i - 1];
      return total;
    };
    add(sum);
    add([&](const double* amounts, size_t n) { return sum(amounts, n) / static_cast<double>(n); });
    add([](const double* amounts, size_t n) { return *std::min_element(amounts, amounts + n); });
    add([](const double* amounts, size_t n) { return *std::max_element(amounts, amounts + n); });
    for (int i = 0; i < 2; ++i) features_.push_back(Scalar::Int64(static_cast<int64_t>(i)));
  }

  void AddChange(int i) {
    constexpr int64_t kStart = 1'767'225'600'000'000;
    int64_t time = kStart + i * int64_t{3'141'000};
    changes_.push_back({.key = HashedKey(keys_[i]),
                        .effective_time = time,
                        .event_time = i % 2 == 0 ? time : time - 86'412'000'000,
                        .known_time = time,
                        .op = i % 2 == 0 ? ChangeOp::kEvent : ChangeOp::kExpire,
                        .offset = 1'000'000 + i,
                        .ordinal = i % 3});
  }

  std::mt19937_64 random_{1};
  std::vector<double> amounts_;  // the newest first
  std::vector<std::string> keys_;
  std::vector<Scalar> features_;
  std::vector<Change> changes_;
};

void Encode(benchmark::State& state, v1::FeatureView::UpdateFormat format) {
  const v1::Project project = PaymentsProject(format);
  const UpdateRecordEncoder encoder(project, 0, {"transactions", PartitionId(3)});
  const Payments payments;
  EncodedUpdates updates;
  size_t bytes = 0;
  for (auto _ : state) {
    updates.Clear();
    payments.Append(encoder, &updates);
  }
  for (size_t i = 0; i < updates.size(); ++i) bytes += updates[i].payload();
  state.SetItemsProcessed(state.iterations() * kSteps);
  state.counters["bytes"] = static_cast<double>(bytes) / kSteps;
  state.counters["seconds"] = benchmark::Counter(
      kSteps, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(Encode, json, v1::FeatureView::UPDATE_JSON);
BENCHMARK_CAPTURE(Encode, protobuf, v1::FeatureView::UPDATE_PROTOBUF);

}  // namespace
}  // namespace forebay
