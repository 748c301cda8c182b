// The engine alone: decoded batches in memory through one task on one thread, 22 features, hot
// keys.
//
//   engine_bench [EVENTS [KEYS]]
//
// Prints one line of JSON. CPU seconds are the thread's, from the first batch to the last; making
// the events is not in them.
#include <arrow/api.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>

#include "engine/task/task.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

constexpr int64_t kBatch = 4096;
constexpr int64_t kStart = 1'767'225'600'000'000;  // 2026-01-01
constexpr int64_t kStep = 51'840;                  // microseconds between two events

// States never leave the hot map here, so the store is only asked for new keys.
class EmptyStore final : public StateStore {
 public:
  absl::StatusOr<std::optional<std::string>> ReadMeta() const override { return std::nullopt; }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view) const override {
    return std::nullopt;
  }
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view> keys) const override {
    return std::vector<std::optional<std::string>>(keys.size());
  }
  absl::Status Scan(
      const std::function<absl::Status(std::string_view, std::string_view)>&) const override {
    return absl::OkStatus();
  }
  absl::Status Commit(const StateDelta&) override { return absl::OkStatus(); }
};

v1::Expression Column(const std::string& name, v1::DataType type) {
  v1::Expression expression;
  expression.set_type(type);
  expression.set_column(name);
  return expression;
}

// count, sum, mean, min, max of amount over four windows, and events abroad over two.
v1::Project MakeProject() {
  v1::Project project;
  project.set_name("bench");
  v1::Source& source = *project.add_sources();
  source.set_name("transactions");
  source.set_topic("transactions");
  source.add_key("user_id");
  source.set_known_time(v1::Source::EVENT_TIME);
  for (const auto& [name, type] :
       {std::pair("user_id", v1::STRING), {"amount", v1::DOUBLE}, {"country", v1::STRING}}) {
    v1::Field& field = *source.add_schema();
    field.set_name(name);
    field.set_type(type);
  }
  v1::Entity& entity = *project.add_entities();
  entity.set_name("user");
  *entity.add_keys() = source.schema(0);
  v1::FeatureView& view = *project.add_feature_views();
  view.set_name("user");
  view.set_version(1);
  view.set_source("transactions");
  view.set_entity("user");
  for (const char* function : {"count", "sum", "mean", "min", "max", "count"}) {
    v1::Aggregate& aggregate = *view.add_aggregates();
    aggregate.set_function(function);
    *aggregate.add_arguments() = Column("amount", v1::DOUBLE);
    aggregate.set_type(std::string_view(function) == "count" ? v1::INT64 : v1::DOUBLE);
  }
  v1::Expression& filter = *view.mutable_aggregates(5)->mutable_filter();
  filter.set_type(v1::BOOL);
  filter.mutable_call()->set_function("not_equal");
  *filter.mutable_call()->add_arguments() = Column("country", v1::STRING);
  v1::Expression& us = *filter.mutable_call()->add_arguments();
  us.set_type(v1::STRING);
  us.mutable_literal()->set_string_value("US");
  constexpr int64_t kMinute = 60'000'000, kHour = 60 * kMinute, kDay = 24 * kHour;
  const std::pair<int64_t, int64_t> windows[] = {
      {10 * kMinute, kMinute}, {kHour, 5 * kMinute}, {kDay, kHour}, {7 * kDay, kDay}};
  for (uint32_t aggregate = 0; aggregate < 6; ++aggregate) {
    for (int w = 0; w < 4; ++w) {
      if (aggregate == 5 && w != 1 && w != 2) continue;
      v1::Feature& feature = *view.add_features();
      feature.set_name(fmt::format("f{}_{}", aggregate, w));
      feature.set_aggregate(aggregate);
      feature.set_type(view.aggregates(static_cast<int>(aggregate)).type());
      feature.mutable_window()->set_kind(v1::Window::SAWTOOTH);
      feature.mutable_window()->set_size_us(windows[w].first);
      feature.mutable_window()->set_hop_us(windows[w].second);
    }
  }
  return project;
}

EventBatch MakeBatch(const TaskPlan& plan, int64_t first, int64_t keys, std::mt19937_64* random) {
  arrow::StringBuilder users, countries;
  arrow::DoubleBuilder amounts;
  EventBatch batch;
  for (int64_t i = first; i < first + kBatch; ++i) {
    // A skew like that of cards: the cube of a uniform number.
    double u = static_cast<double>((*random)() >> 11) * 0x1.0p-53;
    auto user = static_cast<int64_t>(u * u * u * static_cast<double>(keys));
    (void)users.Append(fmt::format("u{:07}", user));
    (void)amounts.Append(0.5 + static_cast<double>((*random)() % 200'000) / 100);
    (void)countries.Append((*random)() % 100 < 82 ? "US" : "FR");
    int64_t late = (*random)() % 100 < 2 ? static_cast<int64_t>((*random)() % 120'000'000) : 0;
    int64_t time = kStart + i * kStep - late;
    batch.records.push_back({.offset = Offset(i), .timestamp = time});
    batch.event_times.push_back(EventTime(time));
    batch.known_times.push_back(KnownTime(time));
  }
  batch.last_offset = Offset(first + kBatch - 1);
  std::map<std::string, std::shared_ptr<arrow::Array>> columns = {
      {"user_id", users.Finish().ValueOrDie()},
      {"amount", amounts.Finish().ValueOrDie()},
      {"country", countries.Finish().ValueOrDie()}};
  arrow::ArrayVector arrays;
  for (const auto& field : plan.event_schema->fields()) arrays.push_back(columns.at(field->name()));
  batch.columns = arrow::RecordBatch::Make(plan.event_schema, kBatch, std::move(arrays));
  return batch;
}

double ThreadCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

int Main(int64_t events, int64_t keys) {
  v1::Project project = MakeProject();
  std::vector<TaskPlan> plans = PlanTasks(project).value();
  auto task = Task::Open(plans[0], {"transactions", PartitionId(0)}, 1,
                         std::make_unique<EmptyStore>(), size_t{64} << 30)
                  .value();
  std::mt19937_64 random(42);
  double seconds = 0;
  int64_t changes = 0, done = 0;
  for (; done < events; done += kBatch) {
    EventBatch batch = MakeBatch(plans[0], done, keys, &random);
    double start = ThreadCpuSeconds();
    absl::Status status = task->Apply(batch);
    TaskOutput output = task->TakeOutput();
    for (const ChangeBatch& change : output.changes) changes += change.rows->num_rows();
    output = {};
    seconds += ThreadCpuSeconds() - start;
    if (!status.ok()) {
      fmt::print(stderr, "{}\n", status.ToString());
      return 1;
    }
  }
  fmt::print(
      "{{\"bench\": \"engine\", \"events\": {}, \"keys\": {}, \"features\": 22, \"changes\": {}, "
      "\"cpu_seconds\": {:.3f}, \"events_per_cpu_second\": {:.0f}}}\n",
      done, keys, changes, seconds, static_cast<double>(done) / seconds);
  return 0;
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  int64_t events = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
  int64_t keys = argc > 2 ? std::atoll(argv[2]) : 100'000;
  return forebay::Main(events, keys);
}
