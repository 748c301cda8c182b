#include "online/serving/served_answer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "forebay/v1/catalog.pb.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kShop[] = R"(
  name: "shop"
  sources { name: "orders" known_time: EVENT_TIME }
  sources { name: "clicks" known_time: KAFKA }
  entities { name: "user" keys { name: "user_id" type: STRING } }
  entities { name: "shop" keys { name: "shop_id" type: INT64 } }
  feature_views { name: "spend" version: 1 entity: "user" source: "orders" features { name: "paid" type: DOUBLE } }
  feature_views { name: "visits" version: 3 entity: "user" source: "clicks" features { name: "n" type: DOUBLE } }
  feature_views { name: "orders" version: 1 entity: "user" source: "orders" features { name: "n" type: DOUBLE } }
  feature_views { name: "sales" version: 1 entity: "shop" source: "orders" features { name: "n" type: DOUBLE } }
)";

// Versions 1, 2 and 3 of service checkout and of model fraud, which take [spend], [visits, spend,
// orders] and [sales]; champion is 1, and challenger its shadow.
constexpr char kShopCatalog[] = R"(
  last { version: 9 }
  objects { service { version: 1 definition { name: "checkout"
    features { view: "spend" version: 1 feature: "paid" name: "spend.paid" } } } }
  objects { service { version: 2 definition { name: "checkout"
    features { view: "visits" version: 3 feature: "n" name: "visits.n" }
    features { view: "spend" version: 1 feature: "paid" name: "spend.paid" }
    features { view: "orders" version: 1 feature: "n" name: "orders.n" } } } }
  objects { service { version: 3 definition { name: "checkout"
    features { view: "sales" version: 1 feature: "n" name: "sales.n" } log { sample: %f } } } }
  objects { model { model: "fraud" version: 1 service: "checkout" service_version: 1 } }
  objects { model { model: "fraud" version: 2 service: "checkout" service_version: 2 } }
  objects { model { model: "fraud" version: 3 service: "checkout" service_version: 3 } }
  objects { alias { model: "fraud" alias: "champion" version: 1 } }
  objects { alias { model: "fraud" alias: "challenger" version: %d shadow { of: "champion" sample: %f } } }
)";

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

struct CatalogOptions {
  double log_sample = 0;
  int challenger = 2;
  double shadow_sample = 1;
};

std::shared_ptr<const CatalogState> State(const CatalogOptions& options = {}) {
  const std::string text =
      absl::StrFormat(kShopCatalog, options.log_sample, options.challenger, options.shadow_sample);
  auto checkpoint = Parse<v1::CatalogCheckpoint>(text);
  if (options.log_sample == 0) {
    checkpoint.mutable_objects(2)->mutable_service()->mutable_definition()->clear_log();
  }
  if (options.shadow_sample == 0) checkpoint.mutable_objects(7)->mutable_alias()->clear_shadow();
  return CatalogState::Of(std::move(checkpoint)).value();
}

class ServedAnswerTest : public ::testing::Test {
 protected:
  // The value of each lookup is its number; what was asked is noted.
  absl::StatusOr<ViewRow> Lookup(int view, std::string_view key, std::optional<KnownTime> at) {
    if (!failure_.ok()) return failure_;
    asked_.push_back(fmt::format("{} {} {}", view, key, at ? "at" : "now"));
    return ViewRow{.found = true,
                   .values = {static_cast<double>(asked_.size())},
                   .effective_time = EffectiveTime(1),
                   .event_time = EventTime(1),
                   .at = at.value_or(KnownTime(7))};
  }

  FeatureReader Reader(const CatalogOptions& options) {
    return FeatureReader(
        project_,
        [this](int view, std::string_view key, std::optional<KnownTime> at) {
          return Lookup(view, key, at);
        },
        State(options), [this](ServedAnswer answer) { kept_.push_back(std::move(answer)); });
  }

  static ReadRequest RequestOf(std::string_view service, std::string_view id = "") {
    return {.feature_service = service,
            .entities = {{{"user_id", Value("a")}}, {{"user_id", Value("b")}}},
            .request_id = id};
  }

  static ReadRequest Champion(std::string_view id = "r1") {
    ReadRequest request = RequestOf("", id);
    request.model = "fraud@champion";
    return request;
  }

  v1::Project project_ = Parse<v1::Project>(kShop);
  std::vector<std::string> asked_;
  absl::Status failure_;
  std::vector<ServedAnswer> kept_;
};

TEST_F(ServedAnswerTest, AnswersOfAServiceWithoutALogAreNotKept) {
  FeatureReader reader = Reader({.shadow_sample = 0});
  for (const ReadRequest& request : {RequestOf("checkout@1"), Champion()}) {
    auto result = reader.Read(request);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->request_id(), "");
  }
  EXPECT_THAT(kept_, IsEmpty());
}

TEST_F(ServedAnswerTest, AKeptAnswerHasItsKeysAndIsCalledAsTheRequestIs) {
  FeatureReader reader = Reader({.log_sample = 1});
  EXPECT_EQ(reader.Read(RequestOf("checkout@1", "r7"))->request_id(), "r7");
  ASSERT_THAT(kept_, SizeIs(1));
  EXPECT_EQ(kept_[0].request_id, "r7");
  EXPECT_THAT(kept_[0].keys, ElementsAre(Value("a"), Value("b")));
  EXPECT_EQ(*kept_[0].result.At(0, 1).value, Value(2.0));
  EXPECT_EQ(kept_[0].result.plan().service, "checkout");
  EXPECT_EQ(kept_[0].result.plan().service_version, 1u) << "what its newest version says holds";
  EXPECT_NEAR(kept_[0].time_us, absl::ToUnixMicros(absl::Now()), 60e6);
  EXPECT_TRUE(reader.Read({.features = {"spend.paid"}, .entities = {{{"user_id", Value("a")}}}})
                  ->request_id()
                  .empty())
      << "a list of features is of no service";
}

TEST_F(ServedAnswerTest, RequestsWithoutAnIdGetOneEach) {
  FeatureReader reader = Reader({.log_sample = 1});
  const std::string one = reader.Read(RequestOf("checkout@1"))->request_id();
  const std::string other = reader.Read(RequestOf("checkout@1"))->request_id();
  EXPECT_EQ(one.size(), 32u);
  EXPECT_NE(one, other);
  EXPECT_THAT(reader.Read(RequestOf("checkout@1", std::string(257, 'x'))).status().message(),
              HasSubstr("request_id has 257 bytes; at most 256"));
}

TEST_F(ServedAnswerTest, TheShareThatIsKeptGoesByTheRequestId) {
  FeatureReader reader = Reader({.log_sample = 0.25, .shadow_sample = 0});
  std::vector<bool> kept;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 2000; ++i) {
      const std::string id = fmt::format("request-{}", i);
      const bool now = !reader.Read(RequestOf("checkout@1", id))->request_id().empty();
      if (round == 0) {
        kept.push_back(now);
      } else {
        ASSERT_EQ(now, kept[i]) << "the same each time";
      }
    }
  }
  EXPECT_NEAR(std::ranges::count(kept, true), 500, 100);
}

TEST_F(ServedAnswerTest, AShadowIsAskedAfterwardsForWhatItTakesBeside) {
  FeatureReader reader = Reader({});
  auto result = reader.Read(Champion());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->model()->version, 1u);
  EXPECT_THAT(result->features(), SizeIs(1)) << "it is not in the answer";
  EXPECT_THAT(asked_, ElementsAre("0 a now", "0 b now"));
  ASSERT_THAT(kept_, SizeIs(1)) << "of which the champion's row is kept, too";
  asked_.clear();
  auto shadow = FeatureReader::ReadShadow(kept_[0], kept_[0].result.plan().shadows.at(0));
  ASSERT_TRUE(shadow.ok()) << shadow.status();
  EXPECT_EQ(shadow->model()->version, 2u);
  EXPECT_THAT(asked_, ElementsAre("1 a at", "2 a now", "1 b at", "2 b now"))
      << "at the answer's time, where that is no partition clock";
  EXPECT_EQ(shadow->At(0, 0).value, shadow->At(0, 0).value);
  EXPECT_EQ(*shadow->At(1, 1).value, *kept_[0].result.At(0, 1).value) << "what both take";
}

TEST_F(ServedAnswerTest, AShadowIsOfTheTimeThatWasAskedFor) {
  FeatureReader reader = Reader({});
  ReadRequest request = Champion();
  request.at = KnownTime(5);
  ASSERT_TRUE(reader.Read(request).ok());
  asked_.clear();
  ASSERT_TRUE(FeatureReader::ReadShadow(kept_.at(0), kept_[0].result.plan().shadows[0]).ok());
  EXPECT_THAT(asked_, ElementsAre("1 a at", "2 a at", "1 b at", "2 b at"));
}

TEST_F(ServedAnswerTest, OnlyTheAliasHasTheShadow) {
  FeatureReader reader = Reader({});
  ReadRequest request = Champion();
  request.model = "fraud@1";
  EXPECT_EQ(reader.Read(request)->request_id(), "");
  request.model = "fraud@challenger";
  EXPECT_EQ(reader.Read(request)->request_id(), "");
  FeatureReader same = Reader({.challenger = 1});
  EXPECT_EQ(same.Read(Champion())->request_id(), "") << "it would answer the same";
  EXPECT_THAT(kept_, IsEmpty());
}

TEST_F(ServedAnswerTest, AShadowThatCannotBeAskedSaysWhy) {
  FeatureReader reader = Reader({.challenger = 3});
  ASSERT_TRUE(reader.Read(Champion()).ok());
  EXPECT_THAT(FeatureReader::ReadShadow(kept_.at(0), kept_[0].result.plan().shadows.at(0))
                  .status()
                  .message(),
              HasSubstr("needs the key shop_id"));
  FeatureReader other = Reader({});
  ASSERT_TRUE(other.Read(Champion()).ok());
  failure_ = absl::UnavailableError("elsewhere");
  EXPECT_TRUE(absl::IsUnavailable(
      FeatureReader::ReadShadow(kept_.at(1), kept_[1].result.plan().shadows.at(0)).status()));
}

}  // namespace
}  // namespace forebay
