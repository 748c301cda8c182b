#include "catalog/project_plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "catalog/catalog_key.h"
#include "schemas/definition/project_folder_for_test.h"

namespace forebay {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Definitions that are applied one after the other.
class ProjectPlanTest : public ::testing::Test {
 protected:
  struct View {
    uint32_t version = 1;
    std::string value = "sum(amount)";
    std::string more;  // keys of the view
    std::string feature = "spend";
  };

  static std::string Text(const View& view) {
    return fmt::format(
        "  - {{name: user_spend, version: {}, source: transactions, entity: user,\n"
        "     features: [{{name: {}, value: {}, windows: [1h, 1d]}}]{}}}\n",
        view.version, view.feature, view.value, view.more);
  }

  // `service`: the list of its features; "": there is none.
  void Define(const std::vector<View>& views, const std::string& service = "") {
    std::string text = views.empty() ? "" : "feature_views:\n";
    for (const View& view : views) text += Text(view);
    if (!service.empty())
      text += fmt::format("feature_services:\n  - {{name: fraud, features: {}}}\n", service);
    folder_.Write("features/views.yaml", text);
  }

  ProjectPlan Plan(PlanOptions options = {}) const {
    auto loaded = folder_.Load();
    EXPECT_TRUE(loaded.ok()) << folder_.Errors();
    return PlanProject(*loaded->project, *state_, options);
  }

  void Commit(const std::vector<v1::CatalogChange>& changes) {
    v1::CatalogCommit commit;
    commit.set_version(state_->version() + 1);
    commit.mutable_changes()->Assign(changes.begin(), changes.end());
    state_ = state_->With(commit).value();
  }

  void Apply(PlanOptions options = {}) {
    ProjectPlan plan = Plan(options);
    EXPECT_THAT(plan.refusals, IsEmpty());
    Commit(plan.ToCommit());
    EXPECT_TRUE(Plan().IsEmpty()) << "what was applied is as it was asked for";
  }

  void SetState(uint32_t version, v1::ViewVersion::State state, const std::string& built = "") {
    v1::CatalogChange change;
    change.set_key(ViewKey({"user_spend", version}));
    *change.mutable_object() = *state_->Find(change.key());
    change.mutable_object()->mutable_view()->set_state(state);
    if (!built.empty()) change.mutable_object()->mutable_view()->add_built(built);
    Commit({change});
  }

  static bool AltersAnswers(const ProjectPlan& plan) {
    return std::ranges::any_of(plan.changes, &PlannedChange::alters_answers);
  }

  static std::vector<std::string> KeysOf(const ProjectPlan& plan, ChangeKind kind) {
    std::vector<std::string> keys;
    for (const PlannedChange& change : plan.changes) {
      if (change.kind == kind) keys.push_back(change.key);
    }
    return keys;
  }

  // "user_spend@1.spend_1h" of a version of the service, one each.
  std::vector<std::string> FeaturesOf(uint32_t version) const {
    std::vector<std::string> features;
    for (const auto& reference :
         state_->Find(ServiceKey("fraud", version))->service().definition().features()) {
      features.push_back(
          fmt::format("{}@{}.{}", reference.view(), reference.version(), reference.feature()));
    }
    return features;
  }

  void RegisterModel(uint32_t service_version) {
    v1::CatalogChange model, alias;
    v1::ModelVersion* version = model.mutable_object()->mutable_model();
    version->set_model("fraud_model");
    version->set_version(1);
    version->set_service("fraud");
    version->set_service_version(service_version);
    alias.mutable_object()->mutable_alias()->set_model("fraud_model");
    alias.mutable_object()->mutable_alias()->set_alias("champion");
    alias.mutable_object()->mutable_alias()->set_version(1);
    model.set_key(KeyOf(model.object()));
    alias.set_key(KeyOf(alias.object()));
    Commit({model, alias});
  }

  ProjectFolder folder_;
  std::shared_ptr<const CatalogState> state_ = std::make_shared<CatalogState>();
};

TEST_F(ProjectPlanTest, FirstEverythingIsNew) {
  Define({{}}, "[user_spend.spend_1h]");
  ProjectPlan plan = Plan();
  EXPECT_THAT(KeysOf(plan, ChangeKind::kAdded),
              ElementsAre("source/transactions", "entity/user", "entity/merchant",
                          "view/user_spend@1", "service/fraud@1"));
  EXPECT_FALSE(AltersAnswers(plan));
  EXPECT_THAT(plan.changes[3].details,
              ElementsAre("2 features of user, computed from the oldest record of topic "
                          "transactions on",
                          "topic demo.user_spend.v1", "table user_spend@1"));
  Apply();
}

TEST_F(ProjectPlanTest, AChangeUnderTheSameVersionIsRefusedWithTheLineToWrite) {
  Define({{}});
  Apply();
  Define({{.value = "mean(amount)"}});
  ProjectPlan plan = Plan();
  ASSERT_THAT(plan.refusals.size(), 1u);
  EXPECT_THAT(plan.refusals[0], AllOf(HasSubstr("view user_spend version 1 was changed (features)"),
                                      HasSubstr("spend_1h was sum(amount) and is mean(amount)"),
                                      HasSubstr("raise its version to 2 (`version: 2`)")));
  Define({{}, {.version = 2, .value = "mean(amount)"}});
  EXPECT_THAT(KeysOf(Plan(), ChangeKind::kAdded), ElementsAre("view/user_spend@2"));
}

TEST_F(ProjectPlanTest, ASourceThatChangesWhatAViewMeansIsRefusedAtTheView) {
  Define({{}});
  Apply();
  std::string base = kBaseFeatures;
  base.replace(base.find("amount: double"), 14, "amount: int64");
  folder_.Write("features/base.yaml", base);
  EXPECT_THAT(Plan().refusals, ElementsAre(HasSubstr("source.schema")));
  base = kBaseFeatures;
  base.replace(base.find("country: string"), 15, "country: string, city: string");
  folder_.Write("features/base.yaml", base);
  ProjectPlan plan = Plan();
  EXPECT_THAT(plan.refusals, IsEmpty());
  EXPECT_THAT(KeysOf(plan, ChangeKind::kChanged), ElementsAre("source/transactions"));
  EXPECT_FALSE(AltersAnswers(plan));
}

TEST_F(ProjectPlanTest, WhatIsSaidOfAViewAndWhetherItIsEnabledIsNoNewVersion) {
  Define({{}});
  Apply();
  Define({{.more = ", owner: ann, tags: [risk], deprecated: {since: 2026-03-01}, enabled: false"}});
  ProjectPlan plan = Plan();
  EXPECT_THAT(plan.refusals, IsEmpty());
  ASSERT_THAT(KeysOf(plan, ChangeKind::kChanged), ElementsAre("view/user_spend@1"));
  EXPECT_THAT(plan.changes[0].details, Contains(HasSubstr("disabled")));
  EXPECT_TRUE(AltersAnswers(plan));
  Apply();
  EXPECT_EQ(state_->Find("view/user_spend@1")->view().state(), v1::ViewVersion::DISABLED);
  Define({{}});
  Apply();
  EXPECT_EQ(state_->Find("view/user_spend@1")->view().state(), v1::ViewVersion::BUILDING);
}

TEST_F(ProjectPlanTest, AViewThatIsBroughtUpStaysAsFarAsItIs) {
  Define({{}});
  Apply();
  SetState(1, v1::ViewVersion::BUILDING, "transactions/0");
  EXPECT_TRUE(Plan().IsEmpty());
  Define({{.more = ", owner: ann"}});
  Apply();
  EXPECT_THAT(state_->Find("view/user_spend@1")->view().built(), ElementsAre("transactions/0"));
  SetState(1, v1::ViewVersion::LIVE);
  EXPECT_TRUE(Plan().IsEmpty());
}

TEST_F(ProjectPlanTest, ANewServiceTakesTheNewestVersionThatIsLive) {
  Define({{}, {.version = 2, .value = "mean(amount)"}});
  Apply();
  SetState(1, v1::ViewVersion::LIVE);
  Define({{}, {.version = 2, .value = "mean(amount)"}}, "[user_spend.spend_1h]");
  EXPECT_THAT(Plan().notes, ElementsAre("service fraud: user_spend stays at version 1; version 2 "
                                        "is there: --repin moves it"));
  Apply();
  EXPECT_THAT(FeaturesOf(1), ElementsAre("user_spend@1.spend_1h"));
  Apply({.repin = true});
  EXPECT_THAT(FeaturesOf(2), ElementsAre("user_spend@2.spend_1h"));
}

TEST_F(ProjectPlanTest, AlertsAndLogsOfWhatWasServedAreNoNewVersion) {
  Define({{}}, "[user_spend.spend_1h]");
  Apply();
  Define({{.value = "sum(amount), alerts: {psi: 0.2}"}},
         "[user_spend.spend_1h], log: {sample: 0.1}");
  ProjectPlan plan = Plan();
  EXPECT_THAT(plan.refusals, IsEmpty());
  EXPECT_THAT(KeysOf(plan, ChangeKind::kChanged),
              ElementsAre("view/user_spend@1", "service/fraud@1"));
  EXPECT_FALSE(AltersAnswers(plan)) << "a worker puts them into the catalog by itself";
  EXPECT_THAT(plan.changes[1].details, ElementsAre("added: log: { sample: 0.1 }"));
  Apply();
  EXPECT_EQ(state_->Find("service/fraud@1")->service().definition().log().sample(), 0.1);
}

TEST_F(ProjectPlanTest, AViewThatIsRemovedIsRetiredAndCanComeBack) {
  Define({{}});
  Apply();
  Define({});
  EXPECT_THAT(KeysOf(Plan(), ChangeKind::kRemoved), ElementsAre("view/user_spend@1"));
  Apply();
  EXPECT_EQ(state_->Find("view/user_spend@1")->view().state(), v1::ViewVersion::RETIRED);
  Define({{.value = "min(amount)"}});
  EXPECT_THAT(Plan().refusals.size(), 1u) << "what it left is still there";
  Define({{}});
  EXPECT_THAT(KeysOf(Plan(), ChangeKind::kAdded), ElementsAre("view/user_spend@1"));
  Apply();
}

TEST_F(ProjectPlanTest, AServiceStaysAtTheVersionsItWasAppliedWith) {
  Define({{}}, "[user_spend.spend_1h]");
  Apply();
  Define({{}, {.version = 2, .value = "mean(amount)"}}, "[user_spend.spend_1h]");
  ProjectPlan plan = Plan();
  EXPECT_THAT(KeysOf(plan, ChangeKind::kAdded), ElementsAre("view/user_spend@2"));
  EXPECT_THAT(KeysOf(plan, ChangeKind::kChanged), IsEmpty());
  EXPECT_THAT(plan.notes, ElementsAre("service fraud: user_spend stays at version 1; version 2 is "
                                      "there: --repin moves it"));
  Apply();
  EXPECT_THAT(FeaturesOf(1), ElementsAre("user_spend@1.spend_1h"));
  plan = Plan({.repin = true});
  ASSERT_THAT(KeysOf(plan, ChangeKind::kChanged), ElementsAre("service/fraud@2"));
  EXPECT_THAT(plan.changes[0].details,
              ElementsAre("user_spend.spend_1h moves from user_spend@1 to user_spend@2"));
  Apply({.repin = true});
  EXPECT_THAT(FeaturesOf(2), ElementsAre("user_spend@2.spend_1h"));
  EXPECT_THAT(FeaturesOf(1), ElementsAre("user_spend@1.spend_1h")) << "for models that take it";
}

TEST_F(ProjectPlanTest, AllFeaturesOfAViewAreThoseOfTheVersionThatTheServiceStaysAt) {
  Define({{}}, "[\"user_spend.*\"]");
  Apply();
  Define({{}, {.version = 2, .feature = "paid"}}, "[\"user_spend.*\"]");
  Apply();
  EXPECT_THAT(FeaturesOf(1), ElementsAre("user_spend@1.spend_1h", "user_spend@1.spend_1d"));
  Define({{}, {.version = 2, .feature = "paid"}}, "[user_spend.paid_1h]");
  EXPECT_THAT(Plan().refusals, ElementsAre(HasSubstr("user_spend@1 has no feature paid_1h")));
  Apply({.repin = true});
  EXPECT_THAT(FeaturesOf(2), ElementsAre("user_spend@2.paid_1h"));
}

TEST_F(ProjectPlanTest, AServiceMovesWhenItsVersionIsGoneOrWritten) {
  Define({{}}, "[user_spend.spend_1h]");
  Apply();
  Define({{.version = 2}}, "[user_spend.spend_1h]");
  Apply();
  EXPECT_THAT(FeaturesOf(2), ElementsAre("user_spend@2.spend_1h"));
  Define({{.version = 2}, {.version = 3}}, "[user_spend@3.spend_1h]");
  Apply();
  EXPECT_THAT(FeaturesOf(3), ElementsAre("user_spend@3.spend_1h"));
}

TEST_F(ProjectPlanTest, AServiceThatWasRemovedComesBack) {
  Define({{}}, "[user_spend.spend_1h]");
  Apply();
  Define({{}});
  Apply();
  Define({{}}, "[user_spend.spend_1h]");
  ProjectPlan plan = Plan();
  EXPECT_THAT(KeysOf(plan, ChangeKind::kAdded), ElementsAre("service/fraud@1"));
  EXPECT_THAT(plan.changes[0].details, ElementsAre("was removed, and comes back"));
  Apply();
}

TEST_F(ProjectPlanTest, AViewThatAPromotedModelTakesIsNotRemoved) {
  Define({{}}, "[user_spend.spend_1h]");
  Apply();
  RegisterModel(1);
  Define({{.version = 2}}, "[user_spend.spend_1h]");
  EXPECT_THAT(Plan().held, ElementsAre(HasSubstr("model fraud_model@champion takes it")));
  EXPECT_TRUE(Plan().IsRefused());
  Define({{.more = ", enabled: false"}}, "[user_spend.spend_1h]");
  EXPECT_THAT(Plan().refusals, ElementsAre(HasSubstr("user_spend@1 is disabled, and model")));
  Define({{}, {.version = 2}});
  ProjectPlan plan = Plan();
  EXPECT_FALSE(plan.IsRefused()) << "its service may go: the model has its version";
  ASSERT_THAT(KeysOf(plan, ChangeKind::kRemoved), ElementsAre("service/fraud@1"));
  EXPECT_THAT(plan.changes.back().details,
              ElementsAre("model fraud_model@1 takes it, and goes on"));
}

TEST_F(ProjectPlanTest, ARemovedViewNamesTheTrainingSetsThatWereMadeOfIt) {
  Define({{}});
  Apply();
  v1::CatalogChange set;
  v1::TrainingSetVersion* version = set.mutable_object()->mutable_training_set();
  version->set_name("may");
  version->set_version(2);
  version->set_manifest(R"({"tables": [{"view": "user_spend", "version": 1}]})");
  set.set_key(KeyOf(set.object()));
  Commit({set});
  Define({});
  EXPECT_THAT(Plan().changes[0].details, Contains("training set may@2 was made of it"));
}

}  // namespace
}  // namespace forebay
