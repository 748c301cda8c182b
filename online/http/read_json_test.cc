#include "online/http/read_json.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;

// A request as text, to compare it whole.
std::string Text(const absl::StatusOr<ReadRequest>& request) {
  if (!request.ok()) return request.status().ToString();
  struct Visitor {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return fmt::format("int {}", v); }
    std::string operator()(double v) const { return fmt::format("double {}", v); }
    std::string operator()(const std::string& v) const { return fmt::format("'{}'", v); }
    std::string operator()(const ValueList&) const { return "a list"; }
  };
  std::string text = fmt::format("service={}", request->feature_service);
  for (std::string_view feature : request->features) text += fmt::format(" {}", feature);
  for (const EntityKeys& keys : request->entities) {
    text += " {";
    for (const auto& [name, value] : keys) {
      text += fmt::format("{}: {};", name, std::visit(Visitor(), value));
    }
    text += "}";
  }
  if (request->at) text += fmt::format(" at={}", request->at->value());
  if (!request->request_id.empty()) text += fmt::format(" id={}", request->request_id);
  return text;
}

std::string Get(const std::string& body) {
  ReadRequestParser parser;
  return Text(parser.ParseGet(body));
}

std::string BatchGet(const std::string& body) {
  ReadRequestParser parser;
  return Text(parser.ParseBatchGet(body));
}

TEST(ReadRequestParser, TakesAServiceOrFeaturesAndTypedKeys) {
  EXPECT_EQ(
      Get(R"({"feature_service": "fraud", "entity": {"a": "x\u00e9", "b": 7, "c": true, "d": null, "e": 1.5}})"),
      "service=fraud {a: 'x\u00e9';b: int 7;c: true;d: null;e: double 1.5;}");
  EXPECT_EQ(BatchGet(R"({"entities": [{"a": 1}, {}], "features": ["v.x", "w.*"]})"),
            "service= v.x w.* {a: int 1;} {}");
}

TEST(ReadRequestParser, TakesAtAsTextOrMicroseconds) {
  EXPECT_EQ(Get(R"({"feature_service": "f", "entity": {}, "at": "1970-01-01T01:00:00.5+01:00"})"),
            "service=f {} at=500000");
  EXPECT_EQ(Get(R"({"feature_service": "f", "entity": {}, "at": -7})"), "service=f {} at=-7");
  EXPECT_EQ(Get(R"({"feature_service": "f", "entity": {}, "at": null})"), "service=f {}");
  EXPECT_THAT(Get(R"({"feature_service": "f", "entity": {}, "at": "noon"})"),
              HasSubstr("INVALID_ARGUMENT: at: "));
  EXPECT_EQ(
      Get(R"({"feature_service": "f", "entity": {}, "at": 1.5})"),
      "INVALID_ARGUMENT: at must be RFC 3339 text or an integer of microseconds since 1970, not "
      "a number");
}

TEST(ReadRequestParser, TakesWhatTheRequestIsCalled) {
  EXPECT_EQ(BatchGet(R"({"feature_service": "f", "entities": [{}], "request_id": "r7"})"),
            "service=f {} id=r7");
  EXPECT_EQ(Get(R"({"feature_service": "f", "entity": {}, "request_id": ""})"),
            "INVALID_ARGUMENT: request_id is empty");
  EXPECT_EQ(Get(R"({"feature_service": "f", "entity": {}, "request_id": 7})"),
            "INVALID_ARGUMENT: request_id must be a string, not an integer");
}

TEST(ReadRequestParser, SaysWhereTextStopsBeingJson) {
  EXPECT_EQ(Get(""), "INVALID_ARGUMENT: the body is empty; expected a JSON object");
  EXPECT_THAT(Get("{\"entity\":\n  {\"a\": 1,}}"),
              HasSubstr("INVALID_ARGUMENT: the body is not JSON: at line 2, column 11"));
  EXPECT_THAT(Get("{} {}"), HasSubstr("at line 1, column 4"));
  EXPECT_THAT(Get("{\"at\": \"\xff\"}"), HasSubstr("at line 1, column"));
  EXPECT_THAT(Get("{\"entity\": {\"a\": 1" + std::string(400, '0') + "}}"),
              HasSubstr("INVALID_ARGUMENT: the body is not JSON"));
}

TEST(ReadRequestParser, RejectsOtherShapesByName) {
  EXPECT_EQ(Get("[]"), "INVALID_ARGUMENT: the body must be an object, not an array");
  EXPECT_EQ(Get(R"({"entity": {}, "feature_service": 3})"),
            "INVALID_ARGUMENT: feature_service must be a string, not an integer");
  EXPECT_EQ(
      Get(R"({"entity": {}, "features": "v.x"})"),
      "INVALID_ARGUMENT: features must be an array of names such as \"user_spend.spend_10m\", not "
      "a string");
  EXPECT_EQ(Get(R"({"entity": {}, "features": ["v.x", 2]})"),
            "INVALID_ARGUMENT: features[1] must be a string, not an integer");
  EXPECT_EQ(Get(R"({"entity": {"a": [1]}})"),
            "INVALID_ARGUMENT: a must be a string, a number, a bool, not an array");
  EXPECT_EQ(Get(R"({"entity": {"a": 18446744073709551615}})"),
            "INVALID_ARGUMENT: a is 18446744073709551615: above what an int64 holds");
  EXPECT_EQ(Get(R"({"features": ["v.x"]})"), "INVALID_ARGUMENT: \"entity\" is missing");
  EXPECT_EQ(Get(R"({"at": 1, "at": 2})"), "INVALID_ARGUMENT: \"at\" is there twice");
  EXPECT_EQ(Get(R"({"entities": []})"),
            "INVALID_ARGUMENT: unknown field \"entities\"; expected feature_service, model or "
            "features, entity, at, request_id");
  EXPECT_EQ(BatchGet(R"({"entities": [{}, 1]})"),
            "INVALID_ARGUMENT: entities[1] must be an object of key columns, such as {\"user_id\": "
            "\"u1\"}, not an integer");
  EXPECT_EQ(Get(R"({"min_position": {}})"),
            "UNIMPLEMENTED: \"min_position\" is not served yet: leave it out");
}

// `count` times `item`, with commas between.
std::string Times(size_t count, std::string_view item) {
  std::string text(item);
  for (size_t i = 1; i < count; ++i) (text += ',') += item;
  return text;
}

TEST(ReadRequestParser, TakesAsMuchAsTheReaderDoesAndNoMore) {
  ReadRequestParser parser;
  auto body = [](size_t entities, size_t features) {
    return fmt::format(R"({{"entities": [{}], "features": [{}]}})", Times(entities, R"({"a": 1})"),
                       Times(features, R"("v.x")"));
  };
  auto most = parser.ParseBatchGet(body(FeatureReader::kMostEntities, ReadPlanner::kMostNames));
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->entities.size(), FeatureReader::kMostEntities);
  EXPECT_EQ(most->features.size(), ReadPlanner::kMostNames);
  EXPECT_EQ(BatchGet(body(FeatureReader::kMostEntities + 1, 1)),
            "INVALID_ARGUMENT: entities has more than 10000 elements: split the request");
  EXPECT_EQ(BatchGet(body(1, ReadPlanner::kMostNames + 1)),
            "INVALID_ARGUMENT: features has more than 10000 elements: split the request");
  auto columns = [](size_t count) { return R"({"entity": {)" + Times(count, R"("a": 1)") + "}}"; };
  EXPECT_TRUE(parser.ParseGet(columns(FeatureReader::kMostKeys)).ok());
  EXPECT_EQ(Get(columns(FeatureReader::kMostKeys + 1)),
            "INVALID_ARGUMENT: an entity has more than 100 key columns");
}

// What follows the first thing that is wrong is not read: it would be an error of another kind.
TEST(ReadRequestParser, EndsAtTheFirstThingThatIsWrong) {
  EXPECT_THAT(Get(std::string(1'000'000, '[')),
              HasSubstr("the body must be an object, not an array"));
  EXPECT_THAT(BatchGet(R"({"entities": [)" + Times(10'001, "{}") + ",nonsense"),
              HasSubstr("entities has more than 10000 elements"));
  EXPECT_THAT(BatchGet(R"({"entities": [{"a": {"a": )"),
              HasSubstr("a must be a string, a number, a bool, not an object"));
  EXPECT_THAT(Get(R"({"entity": [)"), HasSubstr("entity must be an object of key columns"));
  EXPECT_THAT(Get(R"({"at": 1, "at")"), HasSubstr("\"at\" is there twice"));
  EXPECT_THAT(Get(R"({"x": nonsense)"), HasSubstr("unknown field \"x\""));
}

TEST(ReadRequestParser, KeyColumnsKeepTheirNamesWhateverThoseOfTheEntityBefore) {
  EXPECT_EQ(BatchGet(R"({"entities": [{"a": 1, "b": 2}, {"a": 3, "c": 4}, {}, {"b": 5, "a": 6}]})"),
            "service= {a: int 1;b: int 2;} {a: int 3;c: int 4;} {} {b: int 5;a: int 6;}");
}

TEST(ReadRequestParser, AnyBytesAreParsedOrRejected) {
  const std::string seed =
      R"({"features": ["user_spend.spend_10m"], "entities": [{"user_id": "u\u0031", "n": -1.5e3}], "at": "2013-01-01T00:00:00Z"})";
  std::mt19937 random(7);
  ReadRequestParser parser;
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string body = seed;
    for (size_t changes = random() % 4; changes > 0; --changes) {
      size_t at = random() % body.size();
      switch (random() % 3) {
        case 0:
          body[at] = static_cast<char>(random());
          break;
        case 1:
          body.erase(at, random() % 8 + 1);
          break;
        default:
          body.insert(at, body.substr(random() % body.size(), random() % 8));
      }
      if (body.empty()) body = "{";
    }
    auto request = parser.ParseBatchGet(body);
    bool json = nlohmann::json::accept(body);
    EXPECT_TRUE(json || !request.ok()) << body;
    accepted += request.ok() ? 1 : 0;
  }
  EXPECT_GT(accepted, 1000);
}

TEST(AnswerJson, HasValuesStatusesAndTimes) {
  v1::Project project;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(entities { name: "user" keys { name: "id" type: INT64 } }
         feature_views { name: "v" entity: "user" features { name: "n" type: INT64 }
                         features { name: "t" type: TIMESTAMP } })",
      &project));
  int lookups = 0;
  FeatureReader reader(project, [&](int, std::string_view, std::optional<KnownTime>) {
    ViewRow row{.found = lookups++ % 2 == 0, .values = {int64_t{0}, Value()}};
    if (row.found) row.values = {int64_t{5}, int64_t{1}};
    return row;
  });
  ReadRequest request{.features = {"v.n", "v.t"}, .entities = {{{"id", Value(int64_t{1})}}}};
  auto one = reader.Read(request);
  ASSERT_TRUE(one.ok()) << one.status();
  constexpr std::string_view kEpoch = "\"1970-01-01T00:00:00.000000Z\"";
  EXPECT_EQ(
      GetAnswerJson(*one),
      fmt::format(
          R"({{"features":{{"v.n":{{"value":5,"status":"PRESENT","effective_time":{0},"event_time":{0}}},)"
          R"("v.t":{{"value":"1970-01-01T00:00:00.000001Z","status":"PRESENT","effective_time":{0},"event_time":{0}}}}}}})",
          kEpoch));
  request.entities.push_back({{"id", Value(int64_t{2})}});
  auto two = reader.Read(request);
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(
      BatchGetAnswerJson(*two),
      fmt::format(
          R"({{"features":["v.n","v.t"],"values":[[0,5],[null,"1970-01-01T00:00:00.000001Z"]],)"
          R"("statuses":[["NOT_FOUND","PRESENT"],["NOT_FOUND","PRESENT"]],)"
          R"("effective_times":[[null,{0}],[null,{0}]],"event_times":[[null,{0}],[null,{0}]]}})",
          kEpoch));
}

TEST(ErrorJson, IsShortAndValidWhateverTheMessage) {
  EXPECT_EQ(ErrorJson("NOT_FOUND", "no \"x\""),
            R"({"error":{"code":"NOT_FOUND","message":"no \"x\""}})");
  std::string text = ErrorJson("NOT_FOUND", std::string(1'000'000, '\xff'));
  EXPECT_TRUE(nlohmann::json::accept(text));
  EXPECT_LT(text.size(), 10'000u);
}

}  // namespace
}  // namespace forebay
