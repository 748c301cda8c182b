#include "catalog/catalog_project.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/catalog_key.h"
#include "forebay/v1/catalog.pb.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::CatalogObject Source(const std::string& topic) {
  v1::CatalogObject object;
  object.mutable_source()->set_name("orders");
  object.mutable_source()->set_topic(topic);
  return object;
}

v1::CatalogObject View(uint32_t version, v1::ViewVersion::State state = v1::ViewVersion::LIVE) {
  v1::CatalogObject object;
  v1::ViewVersion& view = *object.mutable_view();
  view.set_state(state);
  view.mutable_definition()->set_name("spend");
  view.mutable_definition()->set_version(version);
  view.mutable_definition()->set_source("orders");
  view.mutable_definition()->set_disabled(state == v1::ViewVersion::DISABLED);
  return object;
}

class FollowCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Put({Source("orders"), View(1), View(2)});
    before_ = state_;
    project_ = ProjectOf("shop", *state_);
  }

  void Put(const std::vector<v1::CatalogObject>& objects,
           const std::vector<std::string>& gone = {}) {
    v1::CatalogCommit commit;
    commit.set_version(state_->version() + 1);
    for (const v1::CatalogObject& object : objects) {
      v1::CatalogChange& change = *commit.add_changes();
      change.set_key(KeyOf(object));
      *change.mutable_object() = object;
    }
    for (const std::string& key : gone) commit.add_changes()->set_key(key);
    state_ = state_->With(commit).value();
  }

  // "1", "2 disabled".
  std::vector<std::string> Followed() const {
    std::vector<std::string> views;
    const v1::Project followed = FollowCatalog(project_, *before_, *state_);
    for (const auto& view : followed.feature_views())
      views.push_back(std::to_string(view.version()) + (view.disabled() ? " disabled" : ""));
    return views;
  }

  std::shared_ptr<const CatalogState> state_ = std::make_shared<CatalogState>();
  std::shared_ptr<const CatalogState> before_;
  v1::Project project_;
};

TEST_F(FollowCatalogTest, ViewsComeGoAndAreDisabledInTheirPlaces) {
  EXPECT_THAT(Followed(), ElementsAre("1", "2"));
  Put({View(1, v1::ViewVersion::DISABLED), View(3, v1::ViewVersion::BUILDING)});
  EXPECT_THAT(Followed(), ElementsAre("1 disabled", "2", "3"));
  Put({View(1), View(2, v1::ViewVersion::RETIRED)});
  EXPECT_THAT(Followed(), ElementsAre("1", "3"));
  Put({}, {ViewKey({"spend", 2}), ViewKey({"spend", 1})});
  EXPECT_THAT(Followed(), ElementsAre("3"));
}

TEST_F(FollowCatalogTest, WhatAFolderLacksStaysOut) {
  project_.mutable_feature_views()->RemoveLast();
  Put({View(3)});
  EXPECT_THAT(Followed(), ElementsAre("1", "3"));
}

TEST_F(FollowCatalogTest, ASourceGoesWithTheLastViewOfIt) {
  Put({}, {SourceKey("orders"), ViewKey({"spend", 1})});
  EXPECT_EQ(FollowCatalog(project_, *before_, *state_).sources_size(), 1) << "spend@2 reads it";
  Put({}, {ViewKey({"spend", 2})});
  EXPECT_THAT(FollowCatalog(project_, *before_, *state_).sources(), IsEmpty());
}

TEST_F(FollowCatalogTest, ASourceIsAsItIsNow) {
  Put({Source("orders-2")});
  EXPECT_EQ(FollowCatalog(project_, *before_, *state_).sources(0).topic(), "orders-2");
}

}  // namespace
}  // namespace forebay
