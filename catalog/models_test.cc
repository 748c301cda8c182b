#include "catalog/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "catalog/catalog_key.h"
#include "catalog/shadow.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ModelReference Champion() {
  return {.model = "fraud", .version = 0, .alias = "champion"};
}

// A catalog with service fraud@1 and fraud@2, of views spend@1 and spend@2.
class ModelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CatalogLog::Changes changes;
    for (uint32_t version : {1, 2}) {
      v1::CatalogObject view, service;
      view.mutable_view()->mutable_definition()->set_name("spend");
      view.mutable_view()->mutable_definition()->set_version(version);
      view.mutable_view()->set_state(v1::ViewVersion::LIVE);
      changes.push_back(Change(view));
      service.mutable_service()->set_version(version);
      service.mutable_service()->mutable_definition()->set_name("fraud_features");
      v1::FeatureReference* reference =
          service.mutable_service()->mutable_definition()->add_features();
      reference->set_view("spend");
      reference->set_version(version);
      reference->set_feature("paid_1h");
      reference->set_name("spend.paid_1h");
      changes.push_back(Change(service));
    }
    ASSERT_EQ(Commit(changes), absl::OkStatus());
  }

  static v1::CatalogChange Change(const v1::CatalogObject& object) {
    v1::CatalogChange change;
    change.set_key(KeyOf(object));
    *change.mutable_object() = object;
    return change;
  }

  absl::Status Commit(const absl::StatusOr<CatalogLog::Changes>& changes) {
    if (!changes.ok()) return changes.status();
    v1::CatalogCommit commit;
    commit.set_version(state_->version() + 1);
    commit.mutable_changes()->Assign(changes->begin(), changes->end());
    state_ = state_->With(commit).value();
    return absl::OkStatus();
  }

  // Version 1, 2, ...
  void Register(double auc, uint32_t service_version = 0) {
    v1::ModelVersion model;
    model.set_model("fraud");
    model.set_service("fraud_features");
    model.set_service_version(service_version);
    (*model.mutable_metrics())["auc"] = auc;
    ASSERT_EQ(Commit(RegisterModel(*state_, model)), absl::OkStatus());
  }

  void SetState(uint32_t view, v1::ViewVersion::State to) {
    v1::CatalogObject object = *state_->Find(ViewKey({"spend", view}));
    object.mutable_view()->set_state(to);
    ASSERT_EQ(Commit(CatalogLog::Changes{Change(object)}), absl::OkStatus());
  }

  uint32_t ChampionVersion() const {
    auto model = FindModel(*state_, Champion());
    return model.ok() ? (*model)->version() : 0;
  }

  std::shared_ptr<const CatalogState> state_ = std::make_shared<CatalogState>();
};

TEST_F(ModelsTest, VersionsCountUpAndTakeTheServiceAsItIs) {
  Register(0.9);
  Register(0.95, 1);
  EXPECT_EQ(FindModel(*state_, {.model = "fraud", .version = 1}).value()->service_version(), 2u)
      << "the newest";
  EXPECT_EQ(FindModel(*state_, {.model = "fraud", .version = 2}).value()->service_version(), 1u);
}

TEST_F(ModelsTest, AVersionOfTheServiceCanBeNamed) {
  v1::ModelVersion model;
  model.set_model("fraud");
  model.set_service("fraud_features@1");
  ASSERT_EQ(Commit(RegisterModel(*state_, model)), absl::OkStatus());
  const v1::ModelVersion& made = *FindModel(*state_, {.model = "fraud", .version = 1}).value();
  EXPECT_EQ(made.service(), "fraud_features");
  EXPECT_EQ(made.service_version(), 1u);
  for (const char* wrong : {"fraud_features@3", "fraud_features@", "fraud_features@01"}) {
    model.set_service(wrong);
    EXPECT_TRUE(absl::IsNotFound(RegisterModel(*state_, model).status())) << wrong;
  }
}

TEST_F(ModelsTest, APromotionIsRolledBackStepByStep) {
  for (double auc : {0.9, 0.91, 0.92}) Register(auc);
  for (uint32_t version : {1, 3, 2}) {
    ASSERT_EQ(Commit(PromoteModel(*state_, Champion(), version, std::nullopt)), absl::OkStatus());
    EXPECT_EQ(ChampionVersion(), version);
  }
  for (uint32_t version : {3, 1}) {
    ASSERT_EQ(Commit(RollBackModel(*state_, Champion(), std::nullopt)), absl::OkStatus());
    EXPECT_EQ(ChampionVersion(), version);
  }
  EXPECT_THAT(RollBackModel(*state_, Champion(), std::nullopt).status().message(),
              HasSubstr("fraud@champion stands for version 1, and has stood for nothing else"));
}

TEST_F(ModelsTest, PromotingWhatStandsAlreadyChangesNothing) {
  Register(0.9);
  ASSERT_EQ(Commit(PromoteModel(*state_, Champion(), 1, std::nullopt)), absl::OkStatus());
  EXPECT_THAT(PromoteModel(*state_, Champion(), 1, std::nullopt).value(), IsEmpty());
}

TEST_F(ModelsTest, OfTwoWhoSawTheSameOneIsTold) {
  Register(0.9);
  Register(0.91);
  ASSERT_EQ(Commit(PromoteModel(*state_, Champion(), 1, 0)), absl::OkStatus());
  absl::Status late = PromoteModel(*state_, Champion(), 2, 0).status();
  EXPECT_TRUE(absl::IsAborted(late)) << late;
  EXPECT_THAT(late.message(), HasSubstr("fraud@champion stands for version 1 by now"));
  EXPECT_TRUE(absl::IsAborted(RollBackModel(*state_, Champion(), 2).status()));
}

TEST_F(ModelsTest, AModelWhoseViewDoesNotLiveIsNotPromoted) {
  Register(0.9, 1);
  Register(0.91, 2);
  SetState(1, v1::ViewVersion::DISABLED);
  absl::Status status = PromoteModel(*state_, Champion(), 1, std::nullopt).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.message(), HasSubstr("fraud@1 takes spend@1, which is disabled"));
  SetState(1, v1::ViewVersion::LIVE);
  ASSERT_EQ(Commit(PromoteModel(*state_, Champion(), 1, std::nullopt)), absl::OkStatus());
  ASSERT_EQ(Commit(PromoteModel(*state_, Champion(), 2, std::nullopt)), absl::OkStatus());
  SetState(1, v1::ViewVersion::RETIRED);
  EXPECT_THAT(RollBackModel(*state_, Champion(), std::nullopt).status().message(),
              HasSubstr("retired"));
}

TEST_F(ModelsTest, AVersionThatIsBuiltBesideALiveOneIsNotPromoted) {
  Register(0.9, 1);
  Register(0.91, 2);
  SetState(2, v1::ViewVersion::BUILDING);
  absl::Status status = PromoteModel(*state_, Champion(), 2, std::nullopt).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.message(), HasSubstr("takes spend@2, which is being brought up"));
  SetState(1, v1::ViewVersion::BUILDING);
  EXPECT_EQ(Commit(PromoteModel(*state_, Champion(), 2, std::nullopt)), absl::OkStatus())
      << "no worker has run yet";
}

TEST_F(ModelsTest, WrongNamesAreToldWithTheNearest) {
  Register(0.9);
  ASSERT_EQ(Commit(PromoteModel(*state_, Champion(), 1, std::nullopt)), absl::OkStatus());
  auto message = [&](const char* text) {
    return std::string(FindModel(*state_, ModelReference::Parse(text).value()).status().message());
  };
  EXPECT_THAT(message("frau@1"), HasSubstr("did you mean 'fraud'"));
  EXPECT_THAT(message("fraud@9"), HasSubstr("no version 9: its newest is 1"));
  EXPECT_THAT(message("fraud@champoin"), HasSubstr("did you mean 'champion'"));
  for (const char* text :
       {"fraud", "@1", "fraud@", "Fraud@1", "fraud@-1", "fraud@1x y", "fraud@007"})
    EXPECT_TRUE(absl::IsInvalidArgument(ModelReference::Parse(text).status())) << text;
  v1::ModelVersion model;
  model.set_model("churn");
  model.set_service("fraud_feature");
  EXPECT_THAT(RegisterModel(*state_, model).status().message(),
              HasSubstr("did you mean 'fraud_features'"));
  model.set_service("fraud_features");
  model.set_training_set("may@1");
  EXPECT_THAT(RegisterModel(*state_, model).status().message(),
              HasSubstr("no training set 'may@1'"));
  EXPECT_TRUE(absl::IsInvalidArgument(
      PromoteModel(*state_, {.model = "fraud", .version = 1}, 1, std::nullopt).status()));
}

TEST_F(ModelsTest, AShadowStaysWithItsAliasUntilItIsEnded) {
  Register(0.9);
  Register(0.95);
  const ModelReference challenger{.model = "fraud", .alias = "challenger"};
  ASSERT_EQ(Commit(PromoteModel(*state_, Champion(), 1, std::nullopt)), absl::OkStatus());
  ASSERT_EQ(Commit(PromoteModel(*state_, challenger, 1, std::nullopt)), absl::OkStatus());
  ASSERT_EQ(Commit(ShadowModel(*state_, challenger, "champion", 0.25)), absl::OkStatus());
  EXPECT_THAT(*ShadowModel(*state_, challenger, "champion", 0.25), IsEmpty()) << "it is that";
  ASSERT_EQ(Commit(PromoteModel(*state_, challenger, 2, std::nullopt)), absl::OkStatus());
  ASSERT_EQ(Commit(RollBackModel(*state_, challenger, std::nullopt)), absl::OkStatus());
  EXPECT_EQ(FindAlias(*state_, challenger)->shadow().of(), "champion");
  EXPECT_EQ(FindAlias(*state_, challenger)->shadow().sample(), 0.25);
  ASSERT_EQ(Commit(EndShadow(*state_, challenger)), absl::OkStatus());
  EXPECT_FALSE(FindAlias(*state_, challenger)->has_shadow());
  EXPECT_THAT(EndShadow(*state_, challenger).status().message(), HasSubstr("is no shadow"));
}

TEST_F(ModelsTest, AShadowOfNothingOrOfItselfIsRefused) {
  Register(0.9);
  const ModelReference challenger{.model = "fraud", .alias = "challenger"};
  auto refused = [&](const ModelReference& alias, const std::string& of, double sample) {
    return std::string(ShadowModel(*state_, alias, of, sample).status().message());
  };
  EXPECT_THAT(refused(challenger, "champion", 1), HasSubstr("no version of model fraud is called"));
  ASSERT_EQ(Commit(PromoteModel(*state_, challenger, 1, std::nullopt)), absl::OkStatus());
  EXPECT_THAT(refused(challenger, "champoin", 1), HasSubstr("called 'champoin'"));
  EXPECT_THAT(refused(challenger, "challenger", 1), HasSubstr("its own shadow"));
  ASSERT_EQ(Commit(PromoteModel(*state_, Champion(), 1, std::nullopt)), absl::OkStatus());
  for (double sample : {0.0, -1.0, 1.5, std::nan("")})
    EXPECT_THAT(refused(challenger, "champion", sample), HasSubstr("above 0 and at most 1"));
  EXPECT_THAT(refused({.model = "fraud", .version = 1}, "champion", 1), HasSubstr("is a version"));
  SetState(2, v1::ViewVersion::DISABLED);
  EXPECT_THAT(refused(challenger, "champion", 1), HasSubstr("which is disabled"));
}

TEST_F(ModelsTest, DifferencesAreOfAllThatItIsMadeOf) {
  Register(0.9, 1);
  Register(0.91, 2);
  std::vector<std::string> differences;
  for (const ModelDifference& one :
       DiffModels(*state_, *FindModel(*state_, {.model = "fraud", .version = 1}).value(),
                  *FindModel(*state_, {.model = "fraud", .version = 2}).value()))
    differences.push_back(one.ToString());
  EXPECT_THAT(differences, ElementsAre("service: fraud_features@1 -> fraud_features@2",
                                       "feature spend.paid_1h: spend@1.paid_1h -> spend@2.paid_1h",
                                       "metric auc: 0.9 -> 0.91"));
}

}  // namespace
}  // namespace forebay
