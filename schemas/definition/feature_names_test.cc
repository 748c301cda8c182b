#include "schemas/definition/feature_names.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;

constexpr char kVersions[] = R"(
  feature_views { name: "spend" version: 2 features { name: "total" } features { name: "mean" } }
  feature_views { name: "visits" version: 7 features { name: "n" } }
  feature_views { name: "spend" version: 10 features { name: "sum" } features { name: "mean" } }
  feature_views { name: "spend" version: 1 features { name: "total" } }
  feature_services {
    name: "fraud"
    features { view: "spend" version: 10 feature: "sum" name: "spend.sum" }
    features { view: "spend" version: 2 feature: "mean" name: "spend@2.mean" }
  }
)";

class FeatureNamesTest : public testing::Test {
 protected:
  FeatureNamesTest() {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kVersions, &project_));
  }

  // "version.feature = name" of each feature; or the error.
  std::vector<std::string> Texts(const absl::StatusOr<std::vector<NamedFeature>>& found) const {
    if (!found.ok()) return {found.status().ToString()};
    std::vector<std::string> texts;
    for (const NamedFeature& feature : *found) {
      const v1::FeatureView& view = project_.feature_views(feature.view);
      texts.push_back(fmt::format("{}.{} = {}", view.version(),
                                  view.features(feature.feature).name(), feature.name));
    }
    return texts;
  }
  std::vector<std::string> Find(std::string_view text) const {
    return Texts(FeatureNames(project_).Find(text));
  }
  std::vector<std::string> FindAny(std::string_view text) const {
    return Texts(ResolveAnyName(project_, text));
  }
  std::string FindView(std::string_view text) const {
    absl::StatusOr<int> view = FeatureNames(project_).FindView(text);
    return view.ok() ? fmt::format("{}", *view) : view.status().ToString();
  }

  v1::Project project_;
};

TEST_F(FeatureNamesTest, WithoutAVersionTheHighestIsMeantWhateverTheOrderOfDeclarations) {
  EXPECT_THAT(Find("spend.sum"), ElementsAre("10.sum = spend.sum"));
  EXPECT_THAT(Find("spend.*"), ElementsAre("10.sum = spend.sum", "10.mean = spend.mean"));
  EXPECT_EQ(FindView("spend"), "2");
}

TEST_F(FeatureNamesTest, AVersionThatIsWrittenIsMeantAndStaysInTheName) {
  EXPECT_THAT(Find("spend@1.total"), ElementsAre("1.total = spend@1.total"));
  EXPECT_THAT(Find("spend@2.*"), ElementsAre("2.total = spend@2.total", "2.mean = spend@2.mean"));
  EXPECT_THAT(Find("spend@10.mean"), ElementsAre("10.mean = spend@10.mean"));
  EXPECT_EQ(FindView("spend@2"), "0");
}

TEST_F(FeatureNamesTest, AServiceHasTheVersionsThatItsDefinitionSettled) {
  EXPECT_THAT(FindAny("fraud"), ElementsAre("10.sum = spend.sum", "2.mean = spend@2.mean"));
  project_.mutable_feature_services(0)->mutable_features(0)->set_version(3);
  EXPECT_THAT(FindAny("fraud"),
              ElementsAre("INTERNAL: feature service 'fraud' has view: \"spend\" feature: \"sum\" "
                          "version: 3 name: \"spend.sum\", which the project lacks"));
}

TEST_F(FeatureNamesTest, AViewAloneIsAllItsFeaturesOnACommandLine) {
  EXPECT_THAT(FindAny("spend"), ElementsAre("10.sum = spend.sum", "10.mean = spend.mean"));
  EXPECT_THAT(FindAny("spend@1"), ElementsAre("1.total = spend@1.total"));
  EXPECT_THAT(FindAny("visits.n"), ElementsAre("7.n = visits.n"));
  EXPECT_THAT(FindAny("frad"),
              ElementsAre("INVALID_ARGUMENT: unknown feature view or service 'frad': did you mean "
                          "'fraud'? The feature views and services are: spend, visits, fraud (a "
                          "feature is written view.feature)"));
  EXPECT_THAT(FindAny("spend@3"),
              ElementsAre("INVALID_ARGUMENT: feature view 'spend' has no version 3: the versions "
                          "are: 1, 2, 10"));
}

TEST_F(FeatureNamesTest, WhatIsNotThereIsNamedWithWhatIs) {
  EXPECT_THAT(Find("spent.sum"),
              ElementsAre("NOT_FOUND: unknown feature view 'spent': did you mean 'spend'? The "
                          "feature views are: spend, visits"));
  EXPECT_THAT(Find("spend@3.sum"),
              ElementsAre("NOT_FOUND: feature view 'spend' has no version 3: the versions are: 1, "
                          "2, 10"));
  EXPECT_THAT(Find("spend@2.totl"),
              ElementsAre("NOT_FOUND: feature view 'spend' (version 2) has no feature 'totl': did "
                          "you mean 'total'? The features are: total, mean"));
  EXPECT_THAT(Find("spend.total"),
              ElementsAre("NOT_FOUND: feature view 'spend' (version 10) has no feature 'total', "
                          "but version 2 has it: write spend@2.total"));
}

TEST_F(FeatureNamesTest, TextOfAnotherFormIsRefused) {
  for (std::string_view text : {"", "spend", ".sum", "spend.", "."}) {
    EXPECT_THAT(Find(text),
                ElementsAre(fmt::format("INVALID_ARGUMENT: '{}' is not a feature of a view: write "
                                        "view.feature, view@version.feature, or view.* for all of "
                                        "them",
                                        text)));
  }
  for (std::string_view text : {"@", "0", "-1", "+1", "1x", "v1", "4294967297", "1@2"}) {
    EXPECT_THAT(Find(fmt::format("spend@{}.sum", text == "@" ? "" : text)),
                ElementsAre(fmt::format("INVALID_ARGUMENT: 'spend@{}' names no version of a view: "
                                        "write a whole number after the '@', as in spend@1",
                                        text == "@" ? "" : text)));
  }
}

}  // namespace
}  // namespace forebay
