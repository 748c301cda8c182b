#include "catalog/catalog_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/catalog_key.h"
#include "catalog/lineage.h"
#include "forebay/v1/catalog.pb.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two versions of a view of payments, a service of the second, a model, and what it was trained on.
class ShopCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    v1::CatalogCommit commit;
    commit.set_version(1);
    auto add = [&] {
      commit.add_changes();
      return commit.mutable_changes(commit.changes_size() - 1)->mutable_object();
    };
    v1::Source* source = add()->mutable_source();
    source->set_name("payments");
    source->add_schema()->set_name("amount");
    source->mutable_about()->set_owner("risk-team");
    add()->mutable_entity()->set_name("user");
    for (uint32_t version : {1, 2}) {
      v1::ViewVersion* view = add()->mutable_view();
      view->set_state(version == 1 ? v1::ViewVersion::RETIRED : v1::ViewVersion::LIVE);
      v1::FeatureView* definition = view->mutable_definition();
      definition->set_name("user_spend");
      definition->set_version(version);
      definition->set_source("payments");
      definition->set_entity("user");
      definition->mutable_about()->add_tags("fraud");
      definition->mutable_about()->set_description("What a user spends, by the hour");
      definition->add_features()->set_name("spend_1h");
    }
    v1::ServiceVersion* service = add()->mutable_service();
    service->set_version(3);
    service->mutable_definition()->set_name("checkout");
    v1::FeatureReference* reference = service->mutable_definition()->add_features();
    reference->set_view("user_spend");
    reference->set_version(2);
    v1::TrainingSetVersion* set = add()->mutable_training_set();
    set->set_name("may");
    set->set_version(1);
    set->set_manifest(R"({"tables": [{"view": "user_spend", "version": 2}]})");
    v1::ModelVersion* model = add()->mutable_model();
    model->set_model("fraud");
    model->set_version(7);
    model->set_service("checkout");
    model->set_service_version(3);
    model->set_training_set("may@1");
    v1::ModelAlias* alias = add()->mutable_alias();
    alias->set_model("fraud");
    alias->set_alias("champion");
    alias->set_version(7);
    for (v1::CatalogChange& change : *commit.mutable_changes())
      change.set_key(KeyOf(change.object()));
    state_ = CatalogState().With(commit).value();
  }

  std::vector<std::string> Find(std::string_view query) const {
    std::vector<std::string> found;
    for (const SearchHit& hit : CatalogSearch(*state_).Find(query))
      found.push_back(hit.key + " " + hit.place);
    return found;
  }

  std::shared_ptr<const CatalogState> state_;
};

TEST_F(ShopCatalogTest, NamesComeBeforeOtherTextsAndLiveBeforeRetired) {
  EXPECT_THAT(Find("fraud"), ElementsAre("alias/fraud@champion name", "model/fraud@7 name",
                                         "view/user_spend@2 tag", "view/user_spend@1 tag"));
  EXPECT_THAT(Find("SPENDS"),
              ElementsAre("view/user_spend@2 description", "view/user_spend@1 description"));
  EXPECT_THAT(Find("amount"), ElementsAre("source/payments column amount"));
  EXPECT_THAT(Find("risk"), ElementsAre("source/payments owner"));
}

TEST_F(ShopCatalogTest, AllWordsMustBeThere) {
  EXPECT_THAT(Find("spend hour"),
              ElementsAre("view/user_spend@2 description", "view/user_spend@1 description"));
  EXPECT_THAT(Find("spend champion"), IsEmpty());
  EXPECT_THAT(Find(" "), IsEmpty());
}

TEST_F(ShopCatalogTest, MisspeltWordsAreFound) {
  EXPECT_THAT(Find("chekout"), ElementsAre("service/checkout@3 name"));
  EXPECT_THAT(Find("paymets"), ElementsAre("source/payments name"));
  EXPECT_THAT(Find("zzzz"), IsEmpty());
}

TEST_F(ShopCatalogTest, LineageGoesUpAndDown) {
  const Lineage lineage(*state_);
  EXPECT_THAT(lineage.TreeBelow("source/payments"),
              ElementsAre("view/user_spend@1", "view/user_spend@2", "  service/checkout@3",
                          "    model/fraud@7", "      alias/fraud@champion", "  training_set/may@1",
                          "    model/fraud@7 (as above)"));
  EXPECT_THAT(lineage.TreeAbove("alias/fraud@champion"),
              ElementsAre("model/fraud@7", "  service/checkout@3", "    view/user_spend@2",
                          "      entity/user", "      source/payments", "  training_set/may@1",
                          "    view/user_spend@2 (as above)"));
}

TEST_F(ShopCatalogTest, ANameStandsForWhatHasIt) {
  EXPECT_THAT(KeysNamed(*state_, "user_spend").value(),
              ElementsAre("view/user_spend@1", "view/user_spend@2"));
  EXPECT_THAT(KeysNamed(*state_, "user_spend@2").value(), ElementsAre("view/user_spend@2"));
  EXPECT_THAT(KeysNamed(*state_, "fraud").value(),
              ElementsAre("alias/fraud@champion", "model/fraud@7"));
  EXPECT_THAT(KeysNamed(*state_, "user_spent").status().message(),
              HasSubstr("did you mean 'user_spend'"));
}

}  // namespace
}  // namespace forebay
