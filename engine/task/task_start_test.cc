// Where tasks begin: decisions of facts alone.
#include "engine/task/task_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"

namespace forebay {
namespace {

using testing::HasSubstr;

const TaskId kTask{"events", PartitionId(2)};

// Views "old" and "new"; a topic by entity "shop".
class TaskStartTest : public testing::Test {
 protected:
  TaskStartTest() {
    old_view_.set_name("old");
    new_view_.set_name("new");
    entity_.set_name("shop");
    for (const v1::FeatureView* view : {&old_view_, &new_view_}) {
      plan_.views.emplace_back();
      plan_.views.back().definition = view;
    }
    plan_.forwards.push_back({.entity = &entity_});
  }

  // State of "old" and "shop" at 100; the task had read to `position`.
  v1::TaskMeta Stored(int64_t position = 100) {
    v1::TaskMeta meta;
    meta.set_position(position);
    meta.set_clock_us(position * 10);
    v1::StoredView& view = *meta.add_views();
    view.set_name("old");
    view.set_position(100);
    view.set_clock_us(1000);
    view.set_history(true);
    view.set_updates(true);
    v1::StoredForward& forward = *meta.add_forwards();
    forward.set_entity("shop");
    forward.set_position(100);
    return meta;
  }

  void StoreNew(v1::TaskMeta* meta, int64_t position) {
    v1::StoredView& view = *meta->add_views();
    view.set_name("new");
    view.set_position(position);
    view.set_history(true);
    view.set_updates(true);
  }

  TaskStart Start(const v1::TaskMeta* meta, const PartitionBounds& bounds) {
    return StartTask(plan_, kTask, meta, bounds).value();
  }

  v1::FeatureView old_view_, new_view_;
  v1::Entity entity_;
  TaskPlan plan_;
};

TEST_F(TaskStartTest, WithoutStateAllBeginsAtTheOldestRecord) {
  TaskStart start = Start(nullptr, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(-1));
  EXPECT_EQ(start.read_before, Offset(-1));
  EXPECT_FALSE(start.views[0].complete_from.has_value());
}

TEST_F(TaskStartTest, ANewViewIsBroughtUpWhileTheOthersPassOver) {
  v1::TaskMeta meta = Stored();
  TaskStart start = Start(&meta, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(-1));
  EXPECT_FALSE(start.resumes);
  EXPECT_EQ(start.clock, Window::kAlways);
  EXPECT_EQ(start.read_before, Offset(100));
  EXPECT_EQ(start.views[0].after, Offset(100));
  EXPECT_EQ(start.views[0].clock, 1000);
  EXPECT_EQ(start.views[1].after, Offset(-1));
  EXPECT_EQ(start.forwards[0].after, Offset(100));
}

TEST_F(TaskStartTest, ABringUpThatWasCutShortGoesOn) {
  v1::TaskMeta meta = Stored(/*position=*/40);
  StoreNew(&meta, 40);
  TaskStart start = Start(&meta, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(40));
  EXPECT_TRUE(start.resumes);
  EXPECT_EQ(start.clock, 400);
  EXPECT_EQ(start.read_before, Offset(100));
  EXPECT_EQ(start.views[1].after, Offset(40));
}

TEST_F(TaskStartTest, AViewWithAnOutputThatWasOffIsComputedAgain) {
  for (bool history : {false, true}) {
    v1::TaskMeta meta = Stored();
    StoreNew(&meta, 100);
    meta.mutable_views(0)->set_history(history);
    meta.mutable_views(0)->set_updates(!history);
    TaskStart start = Start(&meta, {.next = Offset(500)});
    EXPECT_TRUE(start.has_new);
    EXPECT_FALSE(start.resumes);
    EXPECT_EQ(start.position, Offset(-1));
    EXPECT_EQ(start.read_before, Offset(100));
    EXPECT_FALSE(start.views[0].stored);
    EXPECT_EQ(start.views[0].after, Offset(-1));
    EXPECT_EQ(start.views[1].after, Offset(100));
  }
}

TEST_F(TaskStartTest, AnOutputThatIsSwitchedOffLeavesTheViewWhereItIs) {
  v1::TaskMeta meta = Stored();
  StoreNew(&meta, 100);
  old_view_.set_history(v1::FeatureView::OFF);
  old_view_.set_updates(v1::FeatureView::OFF);
  TaskStart start = Start(&meta, {.next = Offset(500)});
  EXPECT_FALSE(start.has_new);
  EXPECT_TRUE(start.resumes);
  EXPECT_EQ(start.views[0].after, Offset(100));
}

TEST_F(TaskStartTest, WhereTheBeginningIsGoneAnOutputBeginsNowOrNotAtAll) {
  v1::TaskMeta meta = Stored();
  StoreNew(&meta, 100);
  meta.mutable_views(0)->set_history(false);
  PartitionBounds bounds{.oldest = Offset(1), .next = Offset(500)};
  absl::Status status = StartTask(plan_, kTask, &meta, bounds).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("view old@0: history was off until now"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--from-now old@0"));
  plan_.views[0].from_now = true;
  TaskStart start = Start(&meta, bounds);
  EXPECT_TRUE(start.resumes);
  EXPECT_TRUE(start.has_new);
  EXPECT_TRUE(start.views[0].stored);
  EXPECT_EQ(start.views[0].after, Offset(100));
}

TEST_F(TaskStartTest, FromNowCountsFromTheEndOfThePartition) {
  plan_.views[1].from_now = true;
  v1::TaskMeta meta = Stored();
  TaskStart start = Start(&meta, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(100));
  EXPECT_TRUE(start.resumes);
  EXPECT_EQ(start.views[1].after, Offset(499));
  EXPECT_EQ(start.views[1].complete_from, PartStart::kNoRecordYet);
  EXPECT_FALSE(start.views[0].complete_from.has_value());
}

TEST_F(TaskStartTest, WithoutState_FromNowReadsNothingThatWasThere) {
  plan_.views[0].from_now = plan_.views[1].from_now = plan_.forwards[0].from_now = true;
  EXPECT_EQ(Start(nullptr, {.next = Offset(500)}).position, Offset(499));
}

TEST_F(TaskStartTest, WhereAViewCountsFromNowOnIsNotReadBefore) {
  v1::TaskMeta meta = Stored();
  meta.set_read_before(100);
  StoreNew(&meta, 499);
  EXPECT_EQ(Start(&meta, {.next = Offset(500)}).read_before, Offset(100));
  EXPECT_FALSE(StartTask(plan_, kTask, &meta, {.next = Offset(400)}).ok());
}

TEST_F(TaskStartTest, AViewWithStateDoesNotStartFromNow) {
  plan_.views[0].from_now = true;
  v1::TaskMeta meta = Stored();
  StoreNew(&meta, 100);
  EXPECT_EQ(Start(&meta, {.next = Offset(500)}).views[0].after, Offset(100));
}

TEST_F(TaskStartTest, WhereTheBeginningIsGoneAViewIsNotComplete) {
  v1::TaskMeta meta = Stored();
  TaskStart start = Start(&meta, {.oldest = Offset(90), .next = Offset(500)});
  EXPECT_EQ(start.views[1].complete_from, PartStart::kNoRecordYet);
  EXPECT_FALSE(start.views[0].complete_from.has_value());
}

// Its sinks know of earlier work, up to 300.
TEST_F(TaskStartTest, WithoutItsStateNothingIsBuiltFromHalfTheRecords) {
  const PartitionBounds bounds{.oldest = Offset(90), .next = Offset(500)};
  absl::Status status = StartTask(plan_, kTask, nullptr, bounds, Offset(300)).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.ToString(),
              HasSubstr("keeps records from offset 90 on only: old, new cannot"));
  EXPECT_THAT(status.ToString(), HasSubstr("`forebay run --from-oldest old --from-oldest new`"));
  plan_.views[0].from_now = true;
  EXPECT_THAT(StartTask(plan_, kTask, nullptr, bounds, Offset(300)).status().ToString(),
              HasSubstr("on only: new cannot"));
}

TEST_F(TaskStartTest, WithoutItsStateItBeginsAnewWhereAllRecordsAreThere) {
  TaskStart start = StartTask(plan_, kTask, nullptr, {.next = Offset(500)}, Offset(300)).value();
  EXPECT_EQ(start.position, Offset(-1));
  EXPECT_FALSE(start.views[0].complete_from.has_value());
}

TEST_F(TaskStartTest, WithoutItsStateItBeginsAtTheOldestRecordWhereThatIsAskedFor) {
  std::vector<TaskPlan> plans(1);
  plans[0] = std::move(plan_);
  StartFromOldest({&old_view_, &new_view_}, &plans);
  plan_ = std::move(plans[0]);
  const PartitionBounds bounds{.oldest = Offset(90), .next = Offset(500)};
  TaskStart start = StartTask(plan_, kTask, nullptr, bounds, Offset(300)).value();
  EXPECT_EQ(start.position, Offset(-1));
  EXPECT_EQ(start.views[0].complete_from, PartStart::kNoRecordYet);
}

// The topic that they feed has what was forwarded.
TEST_F(TaskStartTest, WithoutItsStateATaskThatOnlyForwardsBeginsAnew) {
  plan_.views.clear();
  const PartitionBounds bounds{.oldest = Offset(90), .next = Offset(500)};
  EXPECT_TRUE(StartTask(plan_, kTask, nullptr, bounds, Offset(300)).ok());
}

TEST_F(TaskStartTest, RecordsThatAViewStillNeedsMustBeThere) {
  v1::TaskMeta meta = Stored();
  auto start = StartTask(plan_, kTask, &meta, {.oldest = Offset(102), .next = Offset(500)});
  EXPECT_TRUE(absl::IsFailedPrecondition(start.status()));
  EXPECT_THAT(start.status().ToString(), HasSubstr("deleted before they were read"));
  EXPECT_TRUE(StartTask(plan_, kTask, &meta, {.oldest = Offset(101), .next = Offset(500)}).ok());
}

TEST_F(TaskStartTest, AViewThatHasNoRecordYetBeginsAtWhatIsThere) {
  v1::TaskMeta meta = Stored(/*position=*/-1);
  StoreNew(&meta, -1);
  v1::FeatureView newest;
  newest.set_name("newest");
  plan_.views.emplace_back();
  plan_.views.back().definition = &newest;
  TaskStart start = Start(&meta, {.oldest = Offset(90), .next = Offset(500)});
  EXPECT_EQ(start.views[1].after, Offset(-1));
  EXPECT_EQ(start.views[1].complete_from, PartStart::kNoRecordYet);
}

TEST_F(TaskStartTest, ATopicThatEndsBeforeTheStateIsAnother) {
  v1::TaskMeta meta = Stored();
  auto start = StartTask(plan_, kTask, &meta, {.next = Offset(100)});
  EXPECT_TRUE(absl::IsFailedPrecondition(start.status()));
  EXPECT_THAT(start.status().ToString(), HasSubstr("the topic ends at 99"));
}

TEST_F(TaskStartTest, WaitingRecordsAreReadAgain) {
  v1::TaskMeta meta = Stored();
  StoreNew(&meta, 100);
  meta.set_read_position(80);
  TaskStart start = Start(&meta, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(80));
  EXPECT_EQ(start.views[0].after, Offset(100));
}

class ArchiveStartTest : public TaskStartTest {
 protected:
  ArchiveStartTest() {
    source_.set_name("payments");
    plan_.source = &source_;
    plan_.archive.emplace();
  }

  // That of a source, which has what follows `after`, up to 100.
  static void StoreArchive(const std::string& source, v1::TaskMeta* meta) {
    v1::StoredArchive& archive = *meta->mutable_archive();
    archive.set_source(source);
    archive.set_after(40);
    archive.set_position(100);
    archive.set_last_row(99);
  }

  v1::Source source_;
};

TEST_F(ArchiveStartTest, WithoutStateItHasWhatTheTopicHolds) {
  EXPECT_EQ(Start(nullptr, {.next = Offset(500)}).archive->after, Offset(-1));
  TaskStart start = Start(nullptr, {.oldest = Offset(70), .next = Offset(500)});
  EXPECT_EQ(start.position, Offset(-1));
  EXPECT_EQ(start.archive->after, Offset(69));
  EXPECT_FALSE(start.archive->stored);
}

TEST_F(ArchiveStartTest, SwitchedOnItBeginsWhereTheTaskIs) {
  plan_.views.resize(1);
  v1::TaskMeta meta = Stored();
  TaskStart start = Start(&meta, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(100));
  EXPECT_TRUE(start.resumes);
  EXPECT_TRUE(start.has_new);
  EXPECT_EQ(start.archive->after, Offset(100));
  EXPECT_FALSE(start.archive->stored);
}

TEST_F(ArchiveStartTest, SwitchedOnWithANewViewItHasWhatIsReadForThat) {
  v1::TaskMeta meta = Stored();
  TaskStart start = Start(&meta, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(-1));
  EXPECT_EQ(start.archive->after, Offset(-1));
}

TEST_F(ArchiveStartTest, GoesOnAndPassesOverWhatItHas) {
  v1::TaskMeta meta = Stored();
  StoreArchive("payments", &meta);
  TaskStart start = Start(&meta, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(-1));  // for the view "new"
  EXPECT_EQ(start.archive->after, Offset(100));
  EXPECT_TRUE(start.archive->stored);
}

TEST_F(ArchiveStartTest, OfASourceOfAnotherNameBeginsAnew) {
  plan_.views.resize(1);
  v1::TaskMeta meta = Stored();
  StoreArchive("orders", &meta);
  EXPECT_FALSE(Start(&meta, {.next = Offset(500)}).archive->stored);
}

TEST_F(ArchiveStartTest, AloneItIsReadForFromTheOldestRecord) {
  plan_.views.clear();
  plan_.forwards.clear();
  TaskStart start = Start(nullptr, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(-1));
  EXPECT_TRUE(start.has_new);
  v1::TaskMeta meta;
  meta.set_position(100);
  StoreArchive("payments", &meta);
  start = Start(&meta, {.next = Offset(500)});
  EXPECT_EQ(start.position, Offset(100));
  EXPECT_FALSE(start.has_new);
}

}  // namespace
}  // namespace forebay
