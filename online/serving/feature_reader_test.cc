#include "online/serving/feature_reader.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "engine/state/key.h"
#include "fmt/format.h"
#include "forebay/v1/catalog.pb.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kProject[] = R"(
  name: "shop"
  entities { name: "user" keys { name: "user_id" type: STRING } }
  entities { name: "merchant" keys { name: "merchant_id" type: INT64 } }
  entities { name: "pair" keys { name: "user_id" type: STRING } keys { name: "day" type: TIMESTAMP } }
  entities { name: "old_user" keys { name: "user_id" type: INT64 } }
  feature_views { name: "user_spend" version: 1 entity: "user" features { name: "old" type: INT64 } }
  feature_views {
    name: "user_spend" version: 2 entity: "user"
    features { name: "count_1h" type: INT64 }
    features { name: "spend_1h" type: DOUBLE }
    features { name: "last_country" type: STRING }
  }
  feature_views { name: "merchant_sales" version: 1 entity: "merchant" features { name: "sales" type: INT64 } max_age_us: 100 }
  feature_views { name: "pair_visits" version: 1 entity: "pair" features { name: "visits" type: INT64 } }
  feature_views { name: "legacy" version: 1 entity: "old_user" features { name: "x" type: INT64 } }
  feature_services {
    name: "fraud"
    features { view: "merchant_sales" version: 1 feature: "sales" name: "merchant_sales.sales" }
    features { view: "user_spend" version: 2 feature: "spend_1h" name: "user_spend.spend_1h" }
    features { view: "pair_visits" version: 1 feature: "visits" name: "pair_visits.visits" }
  }
  feature_services {
    name: "versions"
    features { view: "user_spend" version: 1 feature: "old" name: "user_spend@1.old" }
    features { view: "user_spend" version: 2 feature: "count_1h" name: "user_spend.count_1h" }
  }
)";

v1::Project TestProject() {
  v1::Project project;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kProject, &project));
  return project;
}

// What a worker would answer: rows by (view, encoded key).
class FeatureReaderTest : public testing::Test {
 protected:
  static constexpr int kUserSpendOld = 0, kUserSpend = 1, kMerchantSales = 2, kPairVisits = 3;

  FeatureReaderTest()
      : project_(TestProject()),
        reader_(project_, [this](int view, std::string_view key, std::optional<KnownTime> at) {
          return Lookup(view, key, at);
        }) {}

  void Put(int view, const std::vector<Value>& key, ViewRow row) {
    row.found = true;
    for (const v1::Entity& entity : project_.entities()) {
      if (entity.name() == project_.feature_views(view).entity()) {
        rows_[{view, EncodeKey(entity, key)}] = std::move(row);
      }
    }
  }

  absl::StatusOr<ViewRow> Lookup(int view, std::string_view key, std::optional<KnownTime> at) {
    ++lookups_;
    if (during_lookup_) during_lookup_();
    if (!failure_.ok()) return failure_;
    auto found = rows_.find({view, std::string(key)});
    ViewRow row;
    if (found != rows_.end()) {
      row = found->second;
    } else {
      // The default of a count is 0, of anything else null (S19).
      row.values.resize(project_.feature_views(view).features_size());
      row.values[0] = int64_t{0};
    }
    row.at = at.value_or(KnownTime(1000));
    return row;
  }

  // One cell as text: "value status effective_time event_time".
  static std::string Text(const FeatureCell& cell) {
    std::string value = "?";
    if (IsNull(*cell.value)) value = "null";
    if (auto* v = std::get_if<int64_t>(cell.value)) value = fmt::format("{}", *v);
    if (auto* v = std::get_if<double>(cell.value)) value = fmt::format("{}", *v);
    if (auto* v = std::get_if<std::string>(cell.value)) value = *v;
    auto time = [](const auto& t) { return t ? fmt::format("{}", t->value()) : "-"; };
    return fmt::format("{} {} {} {}", value, FeatureStatusName(cell.status),
                       time(cell.effective_time), time(cell.event_time));
  }

  // Every answer as "feature[entity] = cell".
  std::vector<std::string> Read(const ReadRequest& request) {
    absl::StatusOr<ReadResult> result = reader_.Read(request);
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<std::string> cells;
    if (!result.ok()) return cells;
    for (size_t f = 0; f < result->features().size(); ++f) {
      for (size_t e = 0; e < result->entity_count(); ++e) {
        cells.push_back(
            fmt::format("{}[{}] = {}", result->features()[f].name, e, Text(result->At(f, e))));
      }
    }
    return cells;
  }

  std::string Error(const ReadRequest& request) {
    absl::StatusOr<ReadResult> result = reader_.Read(request);
    return result.ok() ? "OK" : result.status().ToString();
  }

  v1::Project project_;
  std::map<std::pair<int, std::string>, ViewRow> rows_;
  absl::Status failure_;
  int lookups_ = 0;
  std::function<void()> during_lookup_;
  FeatureReader reader_;
};

ViewRow Row(std::vector<Value> values, int64_t effective_time, int64_t event_time) {
  return {.values = std::move(values),
          .effective_time = EffectiveTime(effective_time),
          .event_time = EventTime(event_time)};
}

const Value kNone;

TEST_F(FeatureReaderTest, EveryStatusHasItsValueAndTimes) {
  Put(kUserSpend, {Value("u1")}, Row({int64_t{3}, 1.5, kNone}, 900, 890));
  EXPECT_THAT(Read({.features = {"user_spend.*"},
                    .entities = {{{"user_id", Value("u1")}}, {{"user_id", Value("nobody")}}}}),
              ElementsAre("user_spend.count_1h[0] = 3 PRESENT 900 890",
                          "user_spend.count_1h[1] = 0 NOT_FOUND - -",
                          "user_spend.spend_1h[0] = 1.5 PRESENT 900 890",
                          "user_spend.spend_1h[1] = null NOT_FOUND - -",
                          "user_spend.last_country[0] = null NULL_VALUE 900 890",
                          "user_spend.last_country[1] = null NOT_FOUND - -"));
}

TEST_F(FeatureReaderTest, AgeEqualToMaxAgeIsStillPresent) {
  Put(kMerchantSales, {Value(int64_t{7})}, Row({int64_t{42}}, 950, 900));
  ReadRequest request{.features = {"merchant_sales.sales"},
                      .entities = {{{"merchant_id", Value(int64_t{7})}}}};
  EXPECT_THAT(Read(request), ElementsAre("merchant_sales.sales[0] = 42 PRESENT 950 900"));
  request.at = KnownTime(1001);
  EXPECT_THAT(Read(request), ElementsAre("merchant_sales.sales[0] = null OUTSIDE_MAX_AGE 950 900"));
}

TEST_F(FeatureReaderTest, AServiceReadsSeveralEntitiesFromOneSetOfKeys) {
  Put(kUserSpend, {Value("u1")}, Row({int64_t{3}, 1.5, kNone}, 900, 890));
  Put(kMerchantSales, {Value(int64_t{7})}, Row({int64_t{42}}, 950, 940));
  Put(kPairVisits, {Value("u1"), Value(int64_t{86'400'000'000})}, Row({int64_t{5}}, 960, 955));
  for (Value day : {Value(int64_t{86'400'000'000}), Value("1970-01-02T02:00:00+02:00")}) {
    EXPECT_THAT(Read({.feature_service = "fraud",
                      .entities = {{{"day", day},
                                    {"merchant_id", Value(int64_t{7})},
                                    {"user_id", Value("u1")}}}}),
                ElementsAre("merchant_sales.sales[0] = 42 PRESENT 950 940",
                            "user_spend.spend_1h[0] = 1.5 PRESENT 900 890",
                            "pair_visits.visits[0] = 5 PRESENT 960 955"));
  }
}

TEST_F(FeatureReaderTest, AViewIsLookedUpOncePerEntityHoweverManyOfItsFeaturesAreAsked) {
  Read({.features = {"user_spend.spend_1h", "user_spend.count_1h"},
        .entities = {{{"user_id", Value("u1")}}, {{"user_id", Value("u2")}}}});
  EXPECT_EQ(lookups_, 2);
}

TEST_F(FeatureReaderTest, NamesNotInTheProjectAreNotFoundWithTheNearest) {
  EXPECT_EQ(
      Error({.feature_service = "frad"}),
      "NOT_FOUND: unknown feature service 'frad': did you mean 'fraud'? The feature services are: "
      "fraud, versions");
  EXPECT_EQ(
      Error({.features = {"user_spent.x"}}),
      "NOT_FOUND: unknown feature view 'user_spent': did you mean 'user_spend'? The feature views "
      "are: user_spend, merchant_sales, pair_visits, legacy");
  EXPECT_EQ(Error({.features = {"user_spend.spend1h"}}),
            "NOT_FOUND: feature view 'user_spend' (version 2) has no feature 'spend1h': did you "
            "mean 'spend_1h'? The features are: count_1h, spend_1h, last_country");
  EXPECT_THAT(Error({.features = {"spend_1h"}}),
              HasSubstr("INVALID_ARGUMENT: 'spend_1h' is not a feature of a view"));
}

TEST_F(FeatureReaderTest, BothVersionsOfAViewCanBeReadAtOnceEachUnderTheNameAskedFor) {
  ViewRow old;
  old.values = {Value(int64_t{5})};
  Put(kUserSpendOld, {Value("u1")}, old);
  ViewRow row;
  row.values = {Value(int64_t{7}), Value(1.5), Value("DE")};
  Put(kUserSpend, {Value("u1")}, row);
  std::vector<std::string> expected = {
      "user_spend@1.old[0] = 5 PRESENT 0 0", "user_spend.count_1h[0] = 7 PRESENT 0 0",
      "user_spend@2.count_1h[0] = 7 PRESENT 0 0", "user_spend@2.spend_1h[0] = 1.5 PRESENT 0 0"};
  EXPECT_EQ(Read({.features = {"user_spend@1.*", "user_spend.count_1h", "user_spend@2.count_1h",
                               "user_spend@2.spend_1h"},
                  .entities = {{{"user_id", Value("u1")}}}}),
            expected);
  EXPECT_EQ(lookups_, 2);
  EXPECT_THAT(
      Read({.feature_service = "versions", .entities = {{{"user_id", Value("u1")}}}}),
      ElementsAre("user_spend@1.old[0] = 5 PRESENT 0 0", "user_spend.count_1h[0] = 7 PRESENT 0 0"));
}

TEST_F(FeatureReaderTest, WhatIsAskedForMustBeOneOfServiceModelAndFeatures) {
  EXPECT_THAT(Error({}), HasSubstr("INVALID_ARGUMENT: nothing is asked for"));
  EXPECT_THAT(Error({.feature_service = "fraud", .features = {"user_spend.spend_1h"}}),
              HasSubstr("INVALID_ARGUMENT: more than one of"));
  EXPECT_EQ(Error({.features = {"user_spend.spend_1h", "user_spend.spend_1h"}}),
            "INVALID_ARGUMENT: feature 'user_spend.spend_1h' is asked for twice");
}

// The state of a catalog with the services of the project and a model of one of them.
std::shared_ptr<const CatalogState> StateOf(const v1::Project& project, uint32_t version) {
  v1::CatalogCheckpoint checkpoint;
  checkpoint.mutable_last()->set_version(version);
  for (const v1::FeatureService& service : project.feature_services()) {
    v1::ServiceVersion* added = checkpoint.add_objects()->mutable_service();
    *added->mutable_definition() = service;
    added->set_version(1);
  }
  v1::ModelVersion* model = checkpoint.add_objects()->mutable_model();
  model->set_model("scores");
  model->set_version(version);
  model->set_service("versions");
  model->set_service_version(1);
  model->mutable_artifact()->set_uri(fmt::format("s3://models/{}", version));
  v1::ModelAlias* alias = checkpoint.add_objects()->mutable_alias();
  alias->set_model("scores");
  alias->set_alias("champion");
  alias->set_version(version);
  return CatalogState::Of(std::move(checkpoint)).value();
}

TEST_F(FeatureReaderTest, AModelIsAnsweredWithWhatItIs) {
  EXPECT_THAT(Error({.model = "scores@champion"}), HasSubstr("there is no catalog"));
  reader_.SetCatalog(StateOf(project_, 7));
  for (const char* asked : {"scores@champion", "scores@7"}) {
    ReadRequest request{.model = asked, .entities = {{{"user_id", Value("u")}}}};
    absl::StatusOr<ReadResult> result = reader_.Read(request);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->model()->artifact, "s3://models/7");
    EXPECT_EQ(result->model()->catalog_version, 7);
    EXPECT_EQ(result->features().size(), 2u);
  }
  EXPECT_THAT(Error({.model = "scores@6"}), HasSubstr("NOT_FOUND: model scores has no version 6"));
  EXPECT_THAT(Error({.model = "scores"}), HasSubstr("INVALID_ARGUMENT"));
  EXPECT_FALSE(
      reader_.Read({.feature_service = "versions@1", .entities = {{{"user_id", Value("u")}}}})
          ->model());
}

TEST_F(FeatureReaderTest, ACatalogThatMovesDuringAReadDoesNotMoveUnderIt) {
  reader_.SetCatalog(StateOf(project_, 1));
  during_lookup_ = [&] { reader_.SetCatalog(StateOf(project_, 2)); };
  ReadRequest request{.model = "scores@champion"};
  for (const char* user : {"a", "b", "c"}) request.entities.push_back({{"user_id", Value(user)}});
  absl::StatusOr<ReadResult> result = reader_.Read(request);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->model()->version, 1u);
  EXPECT_EQ(result->entity_count(), 3u);
}

TEST_F(FeatureReaderTest, AViewThatTheWorkerLacksOrThatWasRemovedIsSaid) {
  v1::Project more = project_;
  v1::FeatureService* service = more.add_feature_services();
  service->set_name("later");
  service->add_features()->set_view("user_spend");
  service->mutable_features(0)->set_version(3);
  auto state = StateOf(more, 1);
  reader_.SetCatalog(state);
  EXPECT_THAT(
      Error({.feature_service = "later"}),
      HasSubstr("FAILED_PRECONDITION: feature service 'later' takes user_spend@3, which was "
                "removed"));
  v1::CatalogCheckpoint checkpoint = state->ToCheckpoint();
  v1::ViewVersion* view = checkpoint.add_objects()->mutable_view();
  view->mutable_definition()->set_name("user_spend");
  view->mutable_definition()->set_version(3);
  view->set_state(v1::ViewVersion::LIVE);
  reader_.SetCatalog(CatalogState::Of(checkpoint).value());
  EXPECT_THAT(
      Error({.feature_service = "later"}),
      HasSubstr("UNAVAILABLE: feature service 'later' takes user_spend@3, which this worker "
                "does not have yet"));
  v1::ServiceVersion* earlier = checkpoint.add_objects()->mutable_service();
  *earlier->mutable_definition() = project_.feature_services(1);
  earlier->mutable_definition()->set_name("later");
  earlier->set_version(0);
  reader_.SetCatalog(CatalogState::Of(std::move(checkpoint)).value());
  EXPECT_THAT(Read({.feature_service = "later", .entities = {{{"user_id", Value("u")}}}}),
              ElementsAre(HasSubstr("old"), HasSubstr("count_1h")))
      << "the newest version that it has the views of";
}

TEST_F(FeatureReaderTest, AWildcardLeavesOutWhatIsNamedBeforeIt) {
  EXPECT_THAT(Read({.features = {"user_spend.spend_1h", "user_spend.*"},
                    .entities = {{{"user_id", Value("u")}}}}),
              ElementsAre(HasSubstr("spend_1h"), HasSubstr("count_1h"), HasSubstr("last_country")));
}

TEST_F(FeatureReaderTest, WrongKeysAreRejectedWithWhatIsExpected) {
  auto error = [&](EntityKeys keys) {
    return Error({.features = {"user_spend.spend_1h"}, .entities = {std::move(keys)}});
  };
  EXPECT_EQ(error({}), "INVALID_ARGUMENT: user_id is missing; expected user_id (string)");
  EXPECT_EQ(
      error({{"user_id", Value(int64_t{12})}}),
      "INVALID_ARGUMENT: user_id of entity \"user\" must be of type string, not the integer 12");
  EXPECT_EQ(error({{"user_id", kNone}}),
            "INVALID_ARGUMENT: user_id of entity \"user\" must be of type string, not null");
  EXPECT_EQ(error({{"user_id", Value("a")}, {"user", Value("b")}}),
            "INVALID_ARGUMENT: \"user\" is no key of what is asked for; expected user_id (string)");
  EXPECT_EQ(error({{"user_id", Value("a")}, {"user_id", Value("b")}}),
            "INVALID_ARGUMENT: user_id is there twice");
  EXPECT_EQ(
      Error({.features = {"merchant_sales.sales"},
             .entities = {{{"merchant_id", Value(int64_t{1})}}, {{"merchant_id", Value(2.0)}}}}),
      "INVALID_ARGUMENT: entity 1: merchant_id of entity \"merchant\" must be of type int64, not "
      "the "
      "double 2");
  EXPECT_THAT(Error({.features = {"pair_visits.visits"},
                     .entities = {{{"user_id", Value("u")}, {"day", Value("yesterday")}}}}),
              HasSubstr("day of entity \"pair\" must be of type timestamp (RFC 3339 text"));
}

TEST_F(FeatureReaderTest, ViewsThatNeedOneKeyAsTwoTypesCannotBeReadTogether) {
  EXPECT_EQ(Error({.features = {"user_spend.spend_1h", "legacy.x"}}),
            "INVALID_ARGUMENT: key user_id is string in entity \"user\" and int64 in entity "
            "\"old_user\": ask for their features apart");
}

TEST_F(FeatureReaderTest, LimitsAreChecked) {
  ReadRequest request{.features = {"user_spend.spend_1h"}};
  request.entities.resize(FeatureReader::kMostEntities, {{"user_id", Value("u")}});
  EXPECT_EQ(Error(request), "OK");
  request.entities.push_back({{"user_id", Value("u")}});
  EXPECT_EQ(Error(request),
            "INVALID_ARGUMENT: 10001 entities in one request; at most 10000 are allowed: split it");
  EXPECT_THAT(Error({.features = {"user_spend.spend_1h"}, .at = KnownTime::Max()}),
              HasSubstr("outside the years 1 to 9999"));
}

TEST_F(FeatureReaderTest, NoEntitiesGiveNoCells) {
  EXPECT_THAT(Read({.features = {"user_spend.spend_1h"}}), ElementsAre());
}

TEST_F(FeatureReaderTest, AFailedLookupFailsTheRequestAndKeepsItsCode) {
  failure_ = absl::UnavailableError("partition 3 is not running here yet");
  EXPECT_EQ(Error({.features = {"user_spend.spend_1h"}, .entities = {{{"user_id", Value("u")}}}}),
            "UNAVAILABLE: feature view \"user_spend\": partition 3 is not running here yet");
}

TEST_F(FeatureReaderTest, ListsAreForgottenRatherThanKeptWithoutBound) {
  // More lists than are kept: permutations of three features, padded with wildcards of others.
  for (size_t i = 0; i < 2 * ReadPlanner::kMostCachedLists; ++i) {
    std::vector<std::string_view> list;
    for (size_t bit = 0; bit < 11; ++bit) {
      list.push_back((i >> bit) % 2 == 0 ? "user_spend.*" : "pair_visits.*");
    }
    EXPECT_EQ(Error({.features = list}), "OK");
  }
}

}  // namespace
}  // namespace forebay
