// The pages under /v1/catalog, asked as the server asks them.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "catalog/catalog_key.h"
#include "forebay/v1/catalog.pb.h"
#include "online/http/routes.h"

namespace forebay {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A view of payments in two versions, a service and a model of the second, and a training set.
constexpr char kObjects[] = R"pb(
  objects {
    source {
      name: "payments"
      topic: "payments"
      key: "user_id"
      event_time: "at"
      schema { name: "amount" type: DOUBLE }
      about { owner: "risk" }
    }
  }
  objects {
    entity {
      name: "user"
      keys { name: "user_id" type: STRING }
    }
  }
  objects {
    view {
      state: RETIRED
      definition {
        name: "spend"
        version: 1
        source: "payments"
        entity: "user"
        features {
          name: "sum_1h"
          type: DOUBLE
          window { size_us: 3600000000 }
        }
        aggregates { sql: "sum(amount)" }
      }
    }
  }
  objects {
    view {
      state: LIVE
      definition {
        name: "spend"
        version: 10
        source: "payments"
        entity: "user"
        about {
          description: "What a user spends"
          owner: "risk"
          tags: "fraud"
          deprecated { since: "2026-03-01" use: "other" }
        }
        features {
          name: "sum_1h"
          type: DOUBLE
          window { size_us: 3600000000 }
          description: "by hour"
        }
        aggregates { sql: "sum(amount)" }
      }
    }
  }
  objects {
    service {
      version: 1
      definition {
        name: "checkout"
        features { view: "spend" version: 10 feature: "sum_1h" name: "spend.sum_1h" }
      }
    }
  }
  objects {
    training_set {
      name: "may"
      version: 1
      manifest: "{\"tables\": [{\"view\": \"spend\", \"version\": 10}]}"
    }
  }
  objects {
    model {
      model: "fraud"
      version: 1
      service: "checkout"
      service_version: 1
      artifact { uri: "s3://m/1" }
      metrics { key: "auc" value: 0.5 }
    }
  }
  objects {
    model {
      model: "fraud"
      version: 2
      service: "checkout"
      service_version: 1
      training_set: "may@1"
      artifact { uri: "s3://m/2" sha256: "ab" bytes: 7 }
      metrics { key: "auc" value: 0.75 }
    }
  }
  objects { alias { model: "fraud" alias: "champion" version: 2 before: 1 } }
  last { version: 7 time_us: 1796117332140231 by: "ann@build-7" command: "apply" }
)pb";

class CatalogPagesTest : public ::testing::Test {
 protected:
  CatalogPagesTest()
      : reader_(v1::Project(), nullptr, Shop()),
        routes_(
            &reader_, &metrics_, [] { return absl::UnavailableError("1 of 2 partitions"); },
            {.statistics = [this](const StatisticsQuestion& asked) { return Statistics(asked); },
             .tasks = [] { return std::vector<TaskState>{{.topic = "payments"}}; },
             .lane =
                 [] {
                   return LaneState{.views = {"spend@3"},
                                    .records_read = 12,
                                    .records = 50,
                                    .records_per_second = 4};
                 }}) {}

  static CatalogPages::State Shop() {
    v1::CatalogCheckpoint checkpoint;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kObjects, &checkpoint));
    return CatalogState::Of(checkpoint).value();
  }

  absl::StatusOr<StatisticsAnswer> Statistics(const StatisticsQuestion& asked) {
    asked_ = asked;
    FeatureSummary one{.feature = "sum_1h", .count = 3};
    one.numbers.emplace().max = std::numeric_limits<double>::infinity();
    return StatisticsAnswer{.days = {{0, 86'400'000'000}}, .features = {one}};
  }

  PageAnswer Ask(const std::string& target, std::string_view method = "GET") {
    return routes_.Answer(method, target, "", {.stopping = &stopping_});
  }

  Json Get(const std::string& target) {
    const PageAnswer answer = Ask(target);
    EXPECT_EQ(answer.status, 200) << answer.body;
    const Json json = Json::parse(answer.body);
    if (target.starts_with("/v1/catalog")) {
      EXPECT_EQ(json["catalog_version"], 7);
    }
    return json;
  }

  std::string Wrong(const std::string& target, unsigned status) {
    const PageAnswer answer = Ask(target);
    EXPECT_EQ(answer.status, status) << answer.body;
    return Json::parse(answer.body)["error"]["message"];
  }

  static std::vector<std::string> Keys(const Json& objects) {
    std::vector<std::string> keys;
    for (const Json& object : objects) keys.push_back(object["key"]);
    return keys;
  }

  std::atomic<bool> stopping_{false};
  StatisticsQuestion asked_;
  MetricsRegistry metrics_;
  FeatureReader reader_;
  HttpRoutes routes_;
};

TEST_F(CatalogPagesTest, ListsObjectsPageByPage) {
  Json page = Get("/v1/catalog/objects?limit=4");
  EXPECT_THAT(Keys(page["objects"]),
              ElementsAre("alias/fraud@champion", "entity/user", "model/fraud@1", "model/fraud@2"));
  page = Get("/v1/catalog/objects?limit=4&page_token=model%2Ffraud%402");
  EXPECT_THAT(Keys(page["objects"]), ElementsAre("service/checkout@1", "source/payments",
                                                 "training_set/may@1", "view/spend@1"));
  EXPECT_EQ(page["next_page_token"], "view/spend@1");
  page = Get("/v1/catalog/objects?limit=4&page_token=view/spend@1");
  EXPECT_THAT(Keys(page["objects"]), ElementsAre("view/spend@10"));
  EXPECT_TRUE(page["next_page_token"].is_null());
}

TEST_F(CatalogPagesTest, ListsThoseThatAreAskedFor) {
  EXPECT_THAT(Keys(Get("/v1/catalog/objects?kind=view")["objects"]),
              ElementsAre("view/spend@1", "view/spend@10"));
  EXPECT_THAT(Keys(Get("/v1/catalog/objects?owner=risk&tag=fraud")["objects"]),
              ElementsAre("view/spend@10"));
  EXPECT_THAT(Keys(Get("/v1/catalog/objects?state=retired")["objects"]),
              ElementsAre("view/spend@1"));
  EXPECT_THAT(Keys(Get("/v1/catalog/objects?kind=view&page_token=a")["objects"]),
              ElementsAre("view/spend@1", "view/spend@10"))
      << "a token of another list";
}

TEST_F(CatalogPagesTest, AnObjectHasAllItsVersionsAndWhatIsSaidOfIt) {
  const Json objects = Get("/v1/catalog/objects/view/spend")["objects"];
  EXPECT_THAT(Keys(objects), ElementsAre("view/spend@1", "view/spend@10"));
  Json newest = objects[1];
  newest.erase("definition");
  EXPECT_EQ(newest, Json::parse(R"json({
      "key": "view/spend@10", "kind": "view", "name": "spend", "version": 10, "state": "live",
      "description": "What a user spends", "owner": "risk", "tags": ["fraud"],
      "deprecated": {"since": "2026-03-01", "use": "other"},
      "source": "payments", "entity": "user", "fingerprint": "",
      "features": [{"name": "sum_1h", "type": "double", "value": "sum(amount)", "window": "1h",
                    "description": "by hour"}]})json"));
  EXPECT_EQ(objects[1]["definition"]["entity"], "user");
  EXPECT_EQ(Get("/v1/catalog/objects/view/spend%4010")["objects"], Json::array({objects[1]}));
  EXPECT_EQ(Get("/v1/catalog/objects/source/payments")["objects"][0]["columns"],
            Json::parse(R"([{"name": "amount", "type": "double"}])"));
}

TEST_F(CatalogPagesTest, SaysWhatIsWrongAndTheNearestName) {
  EXPECT_EQ(Wrong("/v1/catalog/objects/view/spent", 404),
            "the catalog has no view called 'spent', did you mean 'spend'?");
  EXPECT_THAT(Wrong("/v1/catalog/objects/views/spend", 400), HasSubstr("did you mean 'view'?"));
  EXPECT_THAT(Wrong("/v1/catalog/objects?limt=1", 400), HasSubstr("did you mean 'limit'?"));
  EXPECT_EQ(Wrong("/v1/catalog/objects?limit=0", 400),
            "limit is '0': expected a whole number from 1 to 1000");
  EXPECT_THAT(Wrong("/v1/catalog/objects?limit=1&limit=2", 400), HasSubstr("given twice"));
  EXPECT_THAT(Wrong("/v1/catalog/objects?owner=", 400), HasSubstr("owner is empty"));
  EXPECT_THAT(Wrong("/v1/catalog/objects?owner=%ff", 400), HasSubstr("no UTF-8"));
  EXPECT_THAT(Wrong("/v1/catalog/objects?owner=%4", 400), HasSubstr("percent"));
  EXPECT_THAT(Wrong("/v1/catalog/search?q=" + std::string(257, 'x'), 400),
              HasSubstr("at most 256"));
  EXPECT_THAT(Wrong("/v1/catalog/search", 400), HasSubstr("q is missing"));
  EXPECT_THAT(Wrong("/v1/catalog/search?q=a&page_token=x", 400), HasSubstr("next_page_token"));
  EXPECT_THAT(Wrong("/v1/catalog/models/frauds", 404), HasSubstr("did you mean 'fraud'?"));
  EXPECT_THAT(Wrong("/v1/catalog/models/fraud/diff?before=1&after=9", 404),
              HasSubstr("newest is 2"));
  EXPECT_THAT(Wrong("/v1/catalog/statistics/spend?feature=sum_2h", 404),
              HasSubstr("did you mean 'sum_1h'?"));
  EXPECT_THAT(Wrong("/v1/catalog/statistics/spend?from=2026-02-30", 400), HasSubstr("a date"));
  EXPECT_THAT(Wrong("/v1/catalog/statistics/spend?from=2026-03-02&to=2026-03-01", 400),
              HasSubstr("after"));
  EXPECT_THAT(Wrong("/v1/catalog/object", 404), HasSubstr("did you mean '/v1/catalog/objects'?"));
  EXPECT_THAT(Wrong("/v1/catalog/objects/view/", 404), HasSubstr("no page"));
  const PageAnswer post = Ask("/v1/catalog/objects", "POST");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.allow, "GET, HEAD");
}

TEST_F(CatalogPagesTest, FindsWordsPageByPage) {
  const Json first = Get("/v1/catalog/search?q=payments+amuont&limit=1");
  EXPECT_EQ(first["hits"][0]["object"]["key"], "source/payments");
  EXPECT_EQ(first["hits"][0]["place"], "column amount");
  EXPECT_TRUE(first["next_page_token"].is_null());
  std::vector<std::string> found;
  std::string token;
  do {
    const Json page = Get("/v1/catalog/search?q=spend&limit=1" + token);
    for (const Json& hit : page["hits"]) found.push_back(hit["object"]["key"]);
    token = page["next_page_token"].is_null()
                ? ""
                : "&page_token=" + page["next_page_token"].get<std::string>();
  } while (!token.empty());
  EXPECT_THAT(found, ElementsAre("view/spend@10", "view/spend@1"));
  EXPECT_EQ(Get("/v1/catalog/search?q=spend&page_token=999999999999999999")["hits"], Json::array());
}

TEST_F(CatalogPagesTest, LineageGoesUpAndDown) {
  const Json up = Get("/v1/catalog/lineage?name=fraud@champion&direction=up");
  EXPECT_EQ(up["keys"], Json::array({"alias/fraud@champion"}));
  EXPECT_THAT(
      Keys(up["objects"]),
      ElementsAre("alias/fraud@champion", "entity/user", "model/fraud@2", "service/checkout@1",
                  "source/payments", "training_set/may@1", "view/spend@10"));
  EXPECT_EQ(up["edges"][0], Json::parse(R"({"above": "entity/user", "below": "view/spend@10"})"));
  EXPECT_EQ(up["edges"].size(), 7);
  EXPECT_EQ(Get("/v1/catalog/lineage?name=fraud@champion&direction=down")["edges"], Json::array());
  EXPECT_EQ(Get("/v1/catalog/lineage?name=fraud@champion")["edges"], up["edges"]);
}

TEST_F(CatalogPagesTest, ModelsHaveVersionsAliasesAndDifferences) {
  EXPECT_EQ(Get("/v1/catalog/models")["models"],
            Json::parse(R"([{"name": "fraud", "newest_version": 2,
      "aliases": [{"alias": "champion", "version": 2, "before": [1]}]}])"));
  const Json fraud = Get("/v1/catalog/models/fraud");
  EXPECT_THAT(Keys(fraud["versions"]), ElementsAre("model/fraud@1", "model/fraud@2"));
  EXPECT_EQ(fraud["versions"][1]["artifact"],
            Json::parse(R"({"uri": "s3://m/2", "sha256": "ab", "bytes": 7})"));
  const Json diff = Get("/v1/catalog/models/fraud/diff?before=1&after=champion");
  EXPECT_EQ(diff["after"], 2);
  EXPECT_EQ(diff["differences"], Json::parse(R"([
      {"what": "artifact", "before": "s3://m/1", "after": "s3://m/2"},
      {"what": "training set", "before": "", "after": "may@1"},
      {"what": "metric auc", "before": "0.5", "after": "0.75"}])"));
}

TEST_F(CatalogPagesTest, TrainingSetsHaveTheirManifests) {
  EXPECT_THAT(Keys(Get("/v1/catalog/training-sets")["objects"]), ElementsAre("training_set/may@1"));
  EXPECT_EQ(Get("/v1/catalog/training-sets/may@1")["objects"][0]["manifest"]["tables"][0]["view"],
            "spend");
}

TEST_F(CatalogPagesTest, StatisticsAreOfTheNewestVersionAndSomeDays) {
  const Json found = Get("/v1/catalog/statistics/spend?from=1970-01-01&to=1970-01-02");
  EXPECT_EQ(asked_.view->version(), 10);
  EXPECT_EQ(asked_.from, 0);
  EXPECT_EQ(found["view"], "spend@10");
  EXPECT_EQ(found["to"], "1970-01-02");
  EXPECT_EQ(found["features"][0]["count"], 3);
  EXPECT_TRUE(found["features"][0]["numbers"]["max"].is_null()) << "JSON has no infinity";
  Get("/v1/catalog/statistics/spend@1");
  EXPECT_EQ(asked_.view->version(), 1);
}

TEST_F(CatalogPagesTest, StatusSaysWhichVersionItIsAndHowFarTasksAre) {
  EXPECT_EQ(Get("/v1/catalog/status"), Json::parse(R"({
      "catalog_version": 7,
      "commit": {"version": 7, "time": "2026-12-01T09:28:52.140231Z", "by": "ann@build-7",
                 "command": "apply", "revision": null},
      "objects": {"alias": 1, "entity": 1, "model": 2, "service": 1, "source": 1,
                  "training_set": 1, "view": 2},
      "ready": false, "not_ready_because": "1 of 2 partitions",
      "tasks": [{"topic": "payments", "partition": 0, "position": null, "caught_up": false,
                 "records_to_catch_up": 0}],
      "lane": {"views": ["spend@3"], "reads_files": false, "records_read": 12, "records": 50,
               "records_per_second": 4, "error": null}})"));
}

TEST_F(CatalogPagesTest, AnswersAreOfTheStateThatLookupsWorkWith) {
  v1::CatalogCommit next;
  next.set_version(8);
  next.add_changes()->set_key("view/spend@1");
  reader_.SetCatalog(reader_.catalog()->With(next).value());
  const PageAnswer answer = Ask("/v1/catalog/objects?kind=view");
  EXPECT_EQ(Json::parse(answer.body)["catalog_version"], 8);
  EXPECT_THAT(Keys(Json::parse(answer.body)["objects"]), ElementsAre("view/spend@10"));
}

TEST_F(CatalogPagesTest, TheOpenApiDocumentHasEveryPageAndEverySchemaThatItNames) {
  const Json document = Get("/openapi.json");
  EXPECT_TRUE(document["paths"].contains("/v1/catalog/objects/{kind}/{name}"));
  const std::string text = document.dump();
  const std::string mark = "#/components/schemas/";
  size_t references = 0;
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const size_t begin = at + mark.size();
    const std::string name = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_TRUE(document["components"]["schemas"].contains(name)) << name;
    ++references;
  }
  EXPECT_GT(references, 20);
}

}  // namespace
}  // namespace forebay
