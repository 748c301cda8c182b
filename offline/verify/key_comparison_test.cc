#include "offline/verify/key_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

constexpr ComparedPlaces kAll = {.table = true, .updates = true, .online = true};

v1::FeatureView ViewOf(const std::vector<std::string>& features) {
  v1::FeatureView view;
  for (const std::string& name : features) view.add_features()->set_name(name);
  return view;
}

ComparisonLimits LimitsAt(int64_t position, size_t memory = 1 << 20) {
  return {.position = Offset(position), .end = Offset(1'000), .memory = memory, .shown = 10};
}

// A step made by that offset at that time.
StepText Step(int64_t offset, std::string features, ChangeOp op = ChangeOp::kEvent) {
  return {.op = op,
          .effective_time = offset,
          .event_time = 7,
          .known_time = offset,
          .offset = Offset(offset),
          .features = std::move(features)};
}

StepText Tombstone(int64_t offset) {
  return {.op = ChangeOp::kDelete, .effective_time = offset, .offset = Offset(offset)};
}

void AddRow(KeyComparison* compared, const std::string& key, StepText row) {
  if (compared->WantsRow(key, row)) compared->AddRow(key, std::move(row));
}

struct OnlineState {
  std::string features;
  int64_t last_effective = 0;
  bool live = true;
  bool unemitted = false;
};

bool AddOnline(KeyComparison* compared, const std::string& key, const OnlineState& state) {
  auto features_at = [&](int64_t at) {
    EXPECT_GE(at, state.last_effective);
    return state.features;
  };
  return compared->AddOnline(key, {.live = state.live,
                                   .unemitted = state.unemitted,
                                   .last_effective = state.last_effective,
                                   .event_time = 7,
                                   .features_at = features_at});
}

std::vector<std::string> Shown(const KeyComparison& compared) {
  std::vector<std::string> shown;
  for (const KeyDifference& found : compared.differences()) {
    shown.push_back(fmt::format("{} {}: {} | {} | {}: {}", found.key, found.column, found.online,
                                found.updates, found.table, found.why));
  }
  return shown;
}

::testing::Matcher<const KeyCounts&> Are(int64_t equal, int64_t differing, int64_t moving) {
  return ::testing::AllOf(::testing::Field(&KeyCounts::equal, equal),
                          ::testing::Field(&KeyCounts::differing, differing),
                          ::testing::Field(&KeyCounts::moving, moving));
}

TEST(KeyComparison, SaysOfEachKeyWhichPlaceHasWhatAndWhy) {
  const v1::FeatureView view = ViewOf({"n", "spend"});
  KeyComparison compared(view, kAll, LimitsAt(50));
  for (const char* key : {"same", "update", "row", "state", "unpublished", "lost", "old"}) {
    AddRow(&compared, key, Step(20, "2\n0.5"));
    AddRow(&compared, key, Step(10, "1\nnull"));
  }
  AddRow(&compared, "row", Step(30, "2\n9.5"));
  AddRow(&compared, "deleted", Step(40, "", ChangeOp::kDelete));
  for (const char* key : {"same", "row", "state", "lost", "rowless"})
    compared.AddUpdate(key, Step(20, "2\n0.5"));
  compared.AddUpdate("update", Step(20, "3\n0.5"));
  compared.AddUpdate("old", Step(20, "2\n0.5"));
  compared.AddUpdate("old", absl::InvalidArgumentError("its value is no JSON object"));
  compared.AddUpdate("deleted", Tombstone(40));
  for (const char* key : {"same", "update", "row", "unpublished", "old", "rowless"})
    AddOnline(&compared, key, {.features = "2\n0.5", .last_effective = 20});
  AddOnline(&compared, "state", {.features = "2\n0.25", .last_effective = 20});
  AddOnline(&compared, "deleted", {.last_effective = 40, .live = false});
  EXPECT_FALSE(compared.Finish());
  EXPECT_THAT(compared.counts(), Are(1, 7, 0));
  EXPECT_THAT(
      Shown(compared),
      ::testing::UnorderedElementsAre(
          "update n: 2 | 3 | 2: update topic and table have other values of the step of offset 20",
          "row spend:  | 0.5 | 9.5: the newest update is of offset 20, the newest row of offset "
          "30; the state's last step is of 1970-01-01T00:00:00.000020Z, that of the table of "
          "1970-01-01T00:00:00.000030Z",
          "state spend: 0.25 | 0.5 | 0.5: the state at the time of the step of offset 20 has other "
          "values than the table",
          "unpublished : step of 1970-01-01T00:00:00.000020Z | nothing | event of offset 20: the "
          "update topic lacks it",
          "lost : nothing | event of offset 20 | event of offset 20: the state lacks it",
          "old : step of 1970-01-01T00:00:00.000020Z | odd | event of offset 20: the newest record "
          "of the update topic is none of forebay's: its value is no JSON object",
          "rowless : step of 1970-01-01T00:00:00.000020Z | event of offset 20 | nothing: the table "
          "lacks it; the table lacks it, the state does not"));
}

TEST(KeyComparison, WhatCameAfterThePositionDoesNotCount) {
  const v1::FeatureView view = ViewOf({"n"});
  KeyComparison compared(view, kAll, LimitsAt(50));
  for (const char* key : {"kept", "compacted", "impossible"}) AddRow(&compared, key, Step(20, "2"));
  compared.AddUpdate("kept", Step(20, "2"));
  compared.AddUpdate("kept", Step(60, "3"));
  compared.AddUpdate("compacted", Step(60, "3"));
  compared.AddUpdate("impossible", Step(1'000, "3"));
  for (const char* key : {"kept", "compacted", "impossible"})
    AddOnline(&compared, key, {.features = "2", .last_effective = 20});
  compared.Finish();
  EXPECT_THAT(compared.counts(), Are(1, 1, 1));
  EXPECT_THAT(compared.differences()[0].why,
              ::testing::EndsWith("it says that offset 1000 made it, and the partition ends before "
                                  "1000"));
}

TEST(KeyComparison, StepsOfFilesBeforeTheTopicCountWhateverTheirOffsets) {
  const v1::FeatureView view = ViewOf({"n"});
  ComparisonLimits limits = LimitsAt(5);
  limits.files = FilesBefore{.until = 100};
  KeyComparison compared(view, kAll, limits);
  StepText later = Step(150, "2");  // by a record of the topic, after the position
  later.offset = Offset(6);
  for (const char* key : {"event", "expired", "expiring", "gone", "going"})
    AddRow(&compared, key, Step(50, "1"));
  AddRow(&compared, "event", later);
  for (const char* key : {"expired", "expiring"})
    AddRow(&compared, key, Step(60, "0", ChangeOp::kExpire));
  for (const char* key : {"gone", "going"}) AddRow(&compared, key, Step(60, "", ChangeOp::kDelete));
  compared.AddUpdate("event", Step(50, "1"));
  compared.AddUpdate("event", later);
  for (const char* key : {"expired", "expiring"})
    compared.AddUpdate(key, Step(60, "0", ChangeOp::kExpire));
  compared.AddUpdate("going", Step(50, "1"));
  compared.AddUpdate("going", Tombstone(60));
  for (const char* key : {"event", "expiring", "going"})
    AddOnline(&compared, key, {.features = "1", .last_effective = 50});
  AddOnline(&compared, "expired", {.features = "0", .last_effective = 60});
  EXPECT_FALSE(compared.Finish());
  EXPECT_THAT(compared.counts(), Are(2, 0, 2));
  EXPECT_THAT(Shown(compared), ::testing::IsEmpty());
}

// The files have offsets up to 40 and times before 100, the topic begins at offset 10; the state is
// that of offset 20 and time 60.
class PositionsDivide : public testing::Test {
 protected:
  static ComparisonLimits Limits() {
    ComparisonLimits limits = LimitsAt(20);
    limits.clock = KnownTime(60);
    limits.files = FilesBefore{
        .until = 100, .has_all_before = false, .last = Offset(40), .topic_from = Offset(10)};
    return limits;
  }

  static StepText At(int64_t offset, int64_t effective, int64_t known,
                     ChangeOp op = ChangeOp::kEvent) {
    return {.op = op,
            .effective_time = effective,
            .event_time = 7,
            .known_time = known,
            .offset = Offset(offset),
            .features = op == ChangeOp::kDelete ? "" : "1"};
  }

  // With the step in table and topic, after one of the files that the state has.
  KeyCounts CountsOf(const StepText& step) {
    KeyComparison compared(view_, kAll, Limits());
    for (const StepText& one : {At(0, 30, 30), step}) {
      AddRow(&compared, "k", one);
      compared.AddUpdate("k", one);
    }
    AddOnline(&compared, "k", {.features = "1", .last_effective = 30});
    compared.Finish();
    return compared.counts();
  }

  const v1::FeatureView view_ = ViewOf({"n"});
};

TEST_F(PositionsDivide, AStepThatOnlyFilesCanHaveMadeCounts) {
  EXPECT_THAT(CountsOf(At(35, 50, 50)), Are(0, 1, 0)) << "an event from before the clock";
  EXPECT_THAT(CountsOf(At(20, 90, 90)), Are(0, 1, 0)) << "one up to the position";
}

TEST_F(PositionsDivide, AStepThatOnlyTheTopicCanHaveMadeLaterDoesNot) {
  EXPECT_THAT(CountsOf(At(41, 90, 90)), Are(1, 0, 0)) << "files have no such offset";
  EXPECT_THAT(CountsOf(At(35, 120, 100)), Are(1, 0, 0)) << "nor such a time";
}

TEST_F(PositionsDivide, OfAStepThatBothCanHaveMadeTheStateTells) {
  for (ChangeOp op : {ChangeOp::kEvent, ChangeOp::kExpire, ChangeOp::kDelete})
    EXPECT_THAT(CountsOf(At(35, 60, 60, op)), Are(0, 0, 1));
  EXPECT_THAT(CountsOf(At(35, 40, 40, ChangeOp::kExpire)), Are(0, 0, 1));
  KeyComparison compared(view_, kAll, Limits());
  for (const char* key : {"made", "lost", "come", "back"}) {
    const StepText step = At(35, key == std::string("lost") ? 50 : 60, 50);
    AddRow(&compared, key, step);
    compared.AddUpdate(key, step);
  }
  AddOnline(&compared, "made", {.features = "1", .last_effective = 60});
  AddOnline(&compared, "back", {.last_effective = 55, .live = false});
  compared.Finish();
  EXPECT_THAT(compared.counts(), Are(1, 1, 2));
}

TEST(KeyComparison, UpdatesThatLeaveOutExpiriesAreTheNewestRowThatIsNone) {
  v1::FeatureView view = ViewOf({"n"});
  view.set_update_expiry(v1::FeatureView::OFF);
  for (bool newest_first : {true, false}) {
    KeyComparison compared(view, kAll, LimitsAt(50));
    std::vector<StepText> rows = {Step(10, "1"), Step(20, "2"), Step(30, "1", ChangeOp::kExpire),
                                  Step(40, "0", ChangeOp::kExpire)};
    if (newest_first) std::reverse(rows.begin(), rows.end());
    for (const StepText& row : rows) AddRow(&compared, "k", row);
    compared.AddUpdate("k", Step(20, "2"));
    AddOnline(&compared, "k", {.features = "0", .last_effective = 40});
    compared.Finish();
    EXPECT_THAT(compared.counts(), Are(1, 0, 0));
  }
}

TEST(KeyComparison, AKeyThatWaitsForItsNextEmitIsMoving) {
  v1::FeatureView view = ViewOf({"n"});
  view.set_emit_every_us(60);
  KeyComparison compared(view, kAll, LimitsAt(50));
  for (const char* key : {"emitted", "waiting", "ahead"}) {
    AddRow(&compared, key, Step(20, "2"));
    compared.AddUpdate(key, Step(20, "2"));
  }
  AddOnline(&compared, "emitted", {.features = "2", .last_effective = 15});
  AddOnline(&compared, "waiting", {.features = "3", .last_effective = 25, .unemitted = true});
  AddOnline(&compared, "ahead", {.features = "3", .last_effective = 25});
  compared.Finish();
  EXPECT_THAT(compared.counts(), Are(1, 1, 1));
}

TEST(KeyComparison, WithoutATableStateAndTopicAreCompared) {
  const v1::FeatureView view = ViewOf({"n"});
  KeyComparison compared(view, {.updates = true, .online = true}, LimitsAt(50));
  for (const char* key : {"same", "other", "lost"}) compared.AddUpdate(key, Step(20, "2"));
  compared.AddUpdate("later", Step(60, "1"));
  AddOnline(&compared, "same", {.features = "2", .last_effective = 20});
  AddOnline(&compared, "other", {.features = "3", .last_effective = 20});
  AddOnline(&compared, "later", {.features = "1", .last_effective = 40});
  AddOnline(&compared, "unpublished", {.features = "1", .last_effective = 40});
  compared.Finish();
  EXPECT_THAT(compared.counts(), Are(1, 3, 1));
}

TEST(KeyComparison, ALookupCountsWhereItIsOfTheStepThatAllAgreeOn) {
  const v1::FeatureView view = ViewOf({"n"});
  KeyComparison compared(view, kAll, LimitsAt(50));
  for (const char* key : {"same", "other", "later", "gone", "behind"}) {
    AddRow(&compared, key, Step(20, "2"));
    compared.AddUpdate(key, Step(20, "2"));
    EXPECT_TRUE(AddOnline(&compared, key, {.features = "2", .last_effective = 20}));
  }
  EXPECT_FALSE(AddOnline(&compared, "rowless", {.features = "2", .last_effective = 20}));
  compared.AddLookup("same", Step(20, "2"));
  compared.AddLookup("other", Step(20, "3"));
  compared.AddLookup("later", Step(60, "3"));
  compared.AddLookup("gone", std::nullopt);
  compared.AddLookup("behind", Step(10, "2"));
  compared.Finish();
  EXPECT_THAT(compared.counts(), Are(3, 3, 0));
  EXPECT_EQ(compared.counts().looked_up, 1);
  EXPECT_THAT(Shown(compared),
              ::testing::Contains("other n: 3 | 2 | 2: a lookup answers otherwise than the state, "
                                  "as of the step of 1970-01-01T00:00:00.000020Z"));
}

TEST(KeyComparison, KeysThatMemoryDoesNotHoldAreComparedInFurtherPasses) {
  const v1::FeatureView view = ViewOf({"n"});
  KeyComparison compared(view, kAll, LimitsAt(5'000, /*memory=*/40'000));
  int passes = 0;
  do {
    ++passes;
    for (int i = 0; i < 1'000; ++i) {
      AddRow(&compared, fmt::format("key-{}", i), Step(20, "2"));
      compared.AddUpdate(fmt::format("key-{}", i), Step(20, i % 100 == 0 ? "3" : "2"));
    }
    for (int i = 0; i < 1'000; i += 1)
      AddOnline(&compared, fmt::format("key-{}", i), {.features = "2", .last_effective = 20});
  } while (compared.Finish());
  EXPECT_GT(passes, 5);
  EXPECT_LT(passes, 40);
  EXPECT_THAT(compared.counts(), Are(990, 10, 0));
  EXPECT_EQ(compared.differences().size(), 10u);
}

}  // namespace
}  // namespace forebay
