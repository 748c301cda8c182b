// State cuts that are made bit by bit while records are applied: each is, byte for byte, the one
// that is made in one go at its position, and a task that is killed meanwhile goes on from the last
// that was committed.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "connectors/decode/event_decoder.h"
#include "engine/task/rows_sink.h"
#include "fmt/format.h"
#include "tests/scenarios/scenario.h"
#include "tests/scenarios/scenario_run.h"

namespace forebay {
namespace {

// A view whose steps are wanted, one that emits, and one whose steps nobody sees.
constexpr const char* kDefinitions = R"(
sources:
  - name: events
    topic: events
    format: json
    key: [k]
    schema: {k: string, x: double, s: string, time: timestamp_us}
    event_time: time
    known_time: kafka
entities:
  - {name: thing, keys: {k: string}}
feature_views:
  - name: every
    source: events
    entity: thing
    features: [{name: sum, value: sum(x), windows: [10m, {tumbling: 5m}]}, {name: some, value: 'last_n(s, 3)', windows: [1h]}]
  - name: emitted
    source: events
    entity: thing
    emit: {every: 45s}
    features: [{name: most, value: max(x), windows: [10m]}]
  - name: none
    source: events
    entity: thing
    history: off
    updates: off
    features: [{name: n, value: count(*), windows: [10m]}, {name: newest, value: last(s), windows: [{sawtooth: 1m, hop: 20s}]}]
)";

constexpr int64_t kKeys = 60;
constexpr std::string_view kPrefixOfNone("\0\0\0\3", 4);  // of the third view's keys in a store

// Keys come, go for good, and come again; some records are late.
Scenario RandomScenario(std::mt19937_64* random) {
  auto below = [&](uint64_t n) { return static_cast<int64_t>((*random)() % n); };
  Scenario scenario{.name = "state cuts", .definitions = kDefinitions};
  int64_t now = 1'767'225'600'000'000;
  for (int i = 0; i < 1500; ++i) {
    int64_t pause[] = {0, below(1000), below(20'000'000), below(60'000'000)};
    now += pause[below(4)] + (below(200) == 0 ? below(1'500'000'000) : 0);
    int64_t time = now - (below(6) == 0 ? below(3'000'000'000) : 0);
    scenario.records.push_back(
        {now, fmt::format(R"({{"k":"k{}","x":{},"s":"{}","time":{}}})", below(kKeys), below(100),
                          std::string(static_cast<size_t>(below(30)), 'a'), time)});
    if (below(30) == 0)
      scenario.records.push_back({now, fmt::format("k{}", below(kKeys)), /*erases=*/"thing"});
  }
  return scenario;
}

// What a commit writes; the meta's key is empty.
using Changes = std::map<std::string, std::optional<std::string>>;
using Stored = std::map<std::string, std::string>;

struct MapDelta final : StateDelta {
  void Put(std::string_view key, std::string_view value) override {
    EXPECT_TRUE(changes.emplace(key, value).second) << "twice";
  }
  void Delete(std::string_view key) override {
    EXPECT_TRUE(changes.emplace(key, std::nullopt).second) << "twice";
  }
  void Purge(std::string_view key) override {
    changes.emplace(fmt::format("purge {}", key), std::nullopt);
  }
  void SetMeta(std::string_view meta) override { Put("", meta); }

  Changes changes;
};

class MapStore final : public StateStore {
 public:
  explicit MapStore(Stored* stored) : stored_(*stored) {}

  absl::StatusOr<std::optional<std::string>> ReadMeta() const override { return Get(""); }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    auto found = stored_.find(std::string(key));
    return found == stored_.end() ? std::nullopt : std::optional(found->second);
  }
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view> keys) const override {
    std::vector<std::optional<std::string>> values;
    for (std::string_view key : keys) values.push_back(*Get(key));
    return values;
  }
  absl::Status Scan(
      const std::function<absl::Status(std::string_view, std::string_view)>& visit) const override {
    for (const auto& [key, value] : stored_) {
      if (key.empty()) continue;
      if (absl::Status status = visit(key, value); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  std::unique_ptr<StateDelta> NewDelta(size_t) const override {
    return std::make_unique<MapDelta>();
  }
  absl::Status Commit(StateDelta& delta) override {
    for (const auto& [key, value] : static_cast<const MapDelta&>(delta).changes) {
      stored_.erase(key);
      if (value) stored_[key] = *value;
    }
    return absl::OkStatus();
  }

 private:
  Stored& stored_;
};

class StateCutTest : public testing::TestWithParam<uint64_t> {
 protected:
  StateCutTest()
      : random_(GetParam()),
        scenario_(RandomScenario(&random_)),
        straight_(scenario_, Way::kStraight),
        plans_(PlanTasks(straight_.project()).value()),
        sink_(straight_.project(), {WantedSteps::Which::kNewestOfCut}),
        records_(RawRecordsOf(scenario_)) {}

  int64_t Below(size_t n) { return static_cast<int64_t>(random_() % n); }

  std::unique_ptr<Task> Open(Stored* stored, size_t hot_bytes) {
    TaskId id{plans_[0].topic, PartitionId(0)};
    auto task =
        Task::Open(plans_[0], id, 1, {.next = Offset(static_cast<int64_t>(records_.size()))},
                   std::make_unique<MapStore>(stored), hot_bytes);
    EXPECT_TRUE(task.ok()) << task.status();
    (*task)->DeliverTo({&sink_});
    return *std::move(task);
  }

  void Apply(Task* task, size_t count) {
    auto at = static_cast<size_t>(task->position().value() + 1);
    EventDecoder decoder = EventDecoder::Make(*plans_[0].source, plans_[0].columns, nullptr,
                                              ControlsOf(scenario_, straight_.project()))
                               .value();
    EventBatch batch = decoder.Decode(absl::MakeSpan(records_).subspan(at, count)).value();
    ASSERT_TRUE(task->Apply(batch).ok());
  }

  static uint64_t Commit(Task* task, const TaskCut& cut) {
    EXPECT_TRUE(task->Commit(cut).ok());
    if (!cut.states.empty()) task->Durable(cut.number());
    return cut.number();
  }

  static const Changes& ChangesOf(const StateCut& cut) {
    return static_cast<const MapDelta&>(*cut.delta).changes;
  }

  void ExpectSameLookups(const Task& a, const Task& b) {
    const auto at = a.clock();
    for (int view = 0; view < 3; ++view) {
      std::string key = fmt::format("k{}", Below(kKeys));
      ViewRow of_a = a.Lookup(view, key, at).value(), of_b = b.Lookup(view, key, at).value();
      EXPECT_EQ(of_a.found, of_b.found);
      EXPECT_EQ(of_a.values, of_b.values);
      EXPECT_EQ(of_a.effective_time, of_b.effective_time);
    }
  }

  std::mt19937_64 random_;
  const Scenario scenario_;
  ScenarioRun straight_;
  const std::vector<TaskPlan> plans_;
  RowsSink sink_;
  const std::vector<RawRecord> records_;
};

TEST_P(StateCutTest, ACutBesideEventsIsThatMadeAtOnce) {
  Stored stored_at_once, stored;
  std::unique_ptr<Task> at_once = Open(&stored_at_once, size_t{1} << 30);
  std::unique_ptr<Task> task = Open(&stored, /*hot_bytes=*/0);
  std::map<int64_t, Changes> expected;  // by position
  size_t begun = 0, interleaved = 0;
  for (size_t left = records_.size(); left > 0;) {
    size_t count = std::min<size_t>(left, 1 + Below(20));
    Apply(at_once.get(), count);
    Apply(task.get(), count);
    left -= count;
    if (Below(3) == 0) task->AdvanceStateCut(1 + Below(30));
    ExpectSameLookups(*task, *at_once);
    const bool begins = expected.size() == begun;
    CutOf of = Below(10) == 0 ? CutOf::kStateAtOnce : begins ? CutOf::kState : CutOf::kOutputs;
    TaskCut reference = at_once->Cut(of == CutOf::kOutputs ? of : CutOf::kStateAtOnce);
    if (!reference.states.empty())
      expected[task->position().value()] = ChangesOf(reference.states.back());
    Commit(at_once.get(), reference);
    TaskCut cut = task->Cut(of);
    for (const StateCut& state : cut.states) {
      ++begun;
      interleaved += state.position < task->position() ? 1 : 0;
      ASSERT_TRUE(expected.contains(state.position.value()));
      EXPECT_TRUE(ChangesOf(state) == expected[state.position.value()]) << state.position.value();
    }
    Commit(task.get(), cut);
  }
  EXPECT_GT(begun, 10u);
  EXPECT_GT(interleaved, 5u);
  Commit(task.get(), task->Cut(CutOf::kStateAtOnce));
  Commit(at_once.get(), at_once->Cut(CutOf::kStateAtOnce));
  EXPECT_TRUE(stored == stored_at_once);
}

TEST_P(StateCutTest, ATaskThatIsKilledWhileItCutsGoesOnFromTheLastCommit) {
  Stored stored_at_once, stored;
  std::unique_ptr<Task> at_once = Open(&stored_at_once, size_t{1} << 30);
  Apply(at_once.get(), records_.size());
  Commit(at_once.get(), at_once->Cut(CutOf::kStateAtOnce));
  std::unique_ptr<Task> task = Open(&stored, /*hot_bytes=*/0);
  const auto last = static_cast<int64_t>(records_.size()) - 1;
  while (task->position().value() < last) {
    Apply(task.get(), std::min<size_t>(last - task->position().value(), 1 + Below(20)));
    if (Below(3) == 0) task->AdvanceStateCut(1 + Below(30));
    Commit(task.get(), task->Cut(Below(3) == 0 ? CutOf::kState : CutOf::kOutputs));
    if (Below(12) == 0) task = Open(&stored, /*hot_bytes=*/0);
  }
  Commit(task.get(), task->Cut(CutOf::kStateAtOnce));
  for (int i = 0; i < 5 * kKeys; ++i) ExpectSameLookups(*task, *at_once);
  // Which steps that nobody sees are made already depends on when a state was last read.
  auto is_of_none = [](const auto& stored) { return stored.first.starts_with(kPrefixOfNone); };
  std::erase_if(stored, is_of_none);
  std::erase_if(stored_at_once, is_of_none);
  EXPECT_TRUE(stored == stored_at_once);
}

INSTANTIATE_TEST_SUITE_P(Seeds, StateCutTest, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace forebay
