#include "catalog/built_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/catalog_key.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const ViewId kSpend{"spend", 2};

// A catalog of spend@2, which is in that state.
class BuiltViewsTest : public ::testing::Test {
 protected:
  void SetState(v1::ViewVersion::State state) {
    v1::CatalogChange change;
    v1::ViewVersion& view = *change.mutable_object()->mutable_view();
    view.mutable_definition()->set_name(kSpend.name);
    view.mutable_definition()->set_version(kSpend.version);
    view.set_state(state);
    change.set_key(ViewKey(kSpend));
    Commit({change});
  }

  void Commit(const std::vector<v1::CatalogChange>& changes) {
    v1::CatalogCommit commit;
    commit.set_version(state_->version() + 1);
    commit.mutable_changes()->Assign(changes.begin(), changes.end());
    state_ = state_->With(commit).value();
  }

  std::vector<v1::CatalogChange> Take(std::vector<std::string> built) const {
    return TakeBuilt({{kSpend, {.tasks = 3, .built = std::move(built)}}}, *state_);
  }
  const v1::ViewVersion& view() const { return state_->Find(ViewKey(kSpend))->view(); }

  std::shared_ptr<const CatalogState> state_ = std::make_shared<CatalogState>();
};

TEST_F(BuiltViewsTest, AViewIsLiveOnceTheTasksOfAllWorkersHaveMetTheHead) {
  SetState(v1::ViewVersion::BUILDING);
  Commit(Take({"orders/2", "orders/0"}));
  EXPECT_EQ(view().state(), v1::ViewVersion::BUILDING);
  EXPECT_THAT(view().built(), ElementsAre("orders/0", "orders/2"));
  EXPECT_THAT(Take({"orders/0"}), IsEmpty()) << "that is known";
  Commit(Take({"orders/1"}));
  EXPECT_EQ(view().state(), v1::ViewVersion::LIVE);
  EXPECT_THAT(view().built(), IsEmpty());
}

TEST_F(BuiltViewsTest, WhatIsNotBuildingStaysAsItIs) {
  EXPECT_THAT(Take({"orders/0", "orders/1", "orders/2"}), IsEmpty()) << "it was purged";
  for (auto state : {v1::ViewVersion::LIVE, v1::ViewVersion::DISABLED, v1::ViewVersion::RETIRED}) {
    SetState(state);
    EXPECT_THAT(Take({"orders/0", "orders/1", "orders/2"}), IsEmpty());
  }
}

}  // namespace
}  // namespace forebay
