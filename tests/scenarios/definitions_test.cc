// Definitions that change between lives of a task, which kills end at any moment: views come and
// go, outputs are switched on and off. What a view says depends on its records alone (S4, S6).
#include <arrow/api.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "connectors/decode/event_decoder.h"
#include "engine/batch/change_batch.h"
#include "engine/task/rows_sink.h"
#include "fmt/format.h"
#include "schemas/definition/lookup.h"
#include "tests/scenarios/scenario.h"
#include "tests/scenarios/scenario_run.h"

namespace forebay {
namespace {

constexpr const char* kDefinitions = R"(
sources:
  - name: events
    topic: events
    format: json
    key: [k]
    schema: {k: string, x: double, time: timestamp_us}
    event_time: time
    known_time: kafka
    max_future: 10m
entities:
  - {name: thing, keys: {k: string}}
feature_views:
  - name: first
    source: events
    entity: thing
    features: [{name: sum, value: sum(x), windows: [10m]}]
  - name: second
    source: events
    entity: thing
    where: x > 0
    features: [{name: n, value: count(*), windows: [10m, {tumbling: 5m}]}, {name: last, value: last(x), windows: [1h]}]
  - name: third
    source: events
    entity: thing
    emit: {every: 45s}
    features: [{name: most, value: max(x), windows: [10m, lifetime]}]
)";

// Many keys have boundaries in common, so that more than 64 steps are due at once, for long.
Scenario RandomScenario(std::mt19937_64* random) {
  auto below = [&](uint64_t n) { return static_cast<int64_t>((*random)() % n); };
  Scenario scenario{.name = "definitions", .definitions = kDefinitions};
  int64_t now = 1'767'225'600'000'000;
  for (int burst = 0; burst < 4; ++burst) {
    int64_t keys = 50 + below(200);
    for (int64_t key = 0; key < keys; ++key) {
      now += below(10'000);
      scenario.records.push_back(
          {now, fmt::format(R"({{"k":"k{}","x":{},"time":{}}})", key, below(100) - 30, now)});
    }
    now += 300'000'000 + below(900'000'000);
  }
  return scenario;
}

// What a sink holds of one view.
struct Held {
  Offset position{-1};
  std::vector<std::shared_ptr<arrow::RecordBatch>> rows;
  std::vector<std::shared_ptr<arrow::RecordBatch>> pending;  // not yet committed
};

// Sinks of both outputs, as real ones: all up to a view's position is there once and for all.
class Outputs {
 public:
  void Add(const v1::Project& project, const std::vector<ChangeBatch>& batches) {
    for (const ChangeBatch& changes : batches) {
      const v1::FeatureView& view = project.feature_views(changes.view);
      if (view.history() == v1::FeatureView::ON) Add(changes, &history_[view.name()]);
      if (view.updates() == v1::FeatureView::ON) Add(changes, &updates_[view.name()]);
    }
  }
  void Commit(Offset position) {
    for (auto* sink : {&history_, &updates_}) {
      for (auto& [view, held] : *sink) {
        if (held.pending.empty()) continue;
        held.rows.insert(held.rows.end(), held.pending.begin(), held.pending.end());
        held.pending.clear();
        held.position = position;
      }
    }
  }
  void Kill() {
    for (auto* sink : {&history_, &updates_}) {
      for (auto& [view, held] : *sink) held.pending.clear();
    }
  }
  TextTable History(const std::string& view, std::vector<std::string> columns) {
    return Rows(history_[view], std::move(columns));
  }
  TextTable Updates(const std::string& view, std::vector<std::string> columns) {
    return Rows(updates_[view], std::move(columns));
  }

 private:
  static void Add(const ChangeBatch& changes, Held* held) {
    auto lacking = RowsAfter(changes.rows, held->position);
    if (lacking != nullptr) held->pending.push_back(lacking);
  }
  static TextTable Rows(const Held& held, std::vector<std::string> columns) {
    TextTable table{std::move(columns), {}};
    for (const auto& rows : held.rows) AppendRows(*rows, &table);
    return table;
  }

  std::map<std::string, Held> history_, updates_;
};

class DefinitionsTest : public testing::TestWithParam<uint64_t> {
 protected:
  DefinitionsTest() : random_(GetParam()), scenario_(RandomScenario(&random_)) {
    for (size_t i = 0; i < scenario_.records.size(); ++i) {
      records_.push_back({.offset = Offset(static_cast<int64_t>(i)),
                          .timestamp = scenario_.records[i].timestamp,
                          .value = scenario_.records[i].value});
    }
  }

  size_t Below(size_t n) { return random_() % n; }

  // Some of the views, in another order now and then, with some of their outputs.
  v1::Project SomeOf(const v1::Project& all) {
    v1::Project some = all;
    auto& views = *some.mutable_feature_views();
    for (int i = views.size() - 1; i >= 0; --i) {
      if (Below(3) == 0 && views.size() > 1) {
        views.DeleteSubrange(i, 1);
        continue;
      }
      if (Below(4) == 0) views[i].set_history(v1::FeatureView::OFF);
      if (Below(4) == 0) views[i].set_updates(v1::FeatureView::OFF);
    }
    if (views.size() > 1 && Below(3) == 0) views.SwapElements(0, views.size() - 1);
    return some;
  }

  // Applies up to `end`, with commits of the outputs, and now and then of the state, in between.
  void Live(const v1::Project& project, size_t there, size_t end, size_t most_in_batch) {
    std::vector<TaskPlan> plans = PlanTasks(project).value();
    TaskId id{plans[0].topic, PartitionId(0)};
    absl::StatusOr<std::unique_ptr<Task>> task =
        Task::Open(plans[0], id, 1, {.next = Offset(static_cast<int64_t>(there))},
                   stores_.Open(id).value(), size_t{1} << 30);
    ASSERT_TRUE(task.ok()) << task.status();
    RowsSink rows(project);
    (*task)->DeliverTo({&rows});
    EventDecoder decoder = EventDecoder::Make(*plans[0].source, plans[0].columns).value();
    auto at = static_cast<size_t>((*task)->position().value() + 1);
    while (at < end) {
      size_t count = std::min(end - at, 1 + Below(most_in_batch));
      EventBatch batch = decoder.Decode(absl::MakeSpan(records_).subspan(at, count)).value();
      ASSERT_TRUE((*task)->Apply(batch).ok());
      at += count;
      if (Below(3) == 0) Commit(project, rows, task->get(), Below(3) == 0);
    }
    if (end == records_.size()) Commit(project, rows, task->get(), true);
    outputs_.Kill();
  }

  void Commit(const v1::Project& project, const RowsSink& rows, Task* task, bool state) {
    TaskCut cut = task->Cut(state ? CutOf::kStateAtOnce : CutOf::kOutputs);
    outputs_.Add(project, rows.RowsOf(cut.output));
    outputs_.Commit(task->position());
    if (!state) return;
    ASSERT_TRUE(task->Commit(cut).ok());
    task->Durable(cut.number());
  }

  std::mt19937_64 random_;
  const Scenario scenario_;
  std::vector<RawRecord> records_;
  TemporaryFolder folder_;
  StoreFactory stores_{folder_.path(), StoreLimits()};
  Outputs outputs_;
};

TEST_P(DefinitionsTest, OutputsAreThoseOfViewsThatWereAlwaysThere) {
  ScenarioRun straight(scenario_, Way::kStraight);
  size_t there = 0;
  for (int life = 0; life < 12; ++life) {
    there = std::min(records_.size() - 1, there + Below(records_.size() / 6));
    Live(SomeOf(straight.project()), there, Below(there + 1), 40);
  }
  Live(straight.project(), records_.size(), records_.size(), 40);
  for (const v1::FeatureView& view : straight.project().feature_views()) {
    const v1::Entity& entity = *FindEntity(straight.project(), view.entity());
    std::vector<std::string> columns = ChangeSchema(view, entity)->field_names();
    std::string expected = Text(straight.Changes(view.name(), columns));
    EXPECT_GT(expected.size(), 1000u);
    EXPECT_EQ(Text(outputs_.History(view.name(), columns)), expected) << view.name();
    EXPECT_EQ(Text(outputs_.Updates(view.name(), columns)), expected) << view.name();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DefinitionsTest, testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace forebay
