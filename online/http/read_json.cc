#include "online/http/read_json.h"

#include <simdjson.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fmt/format.h"
#include "schemas/types/json.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// Finds where a text stops being JSON; simdjson, which is quicker, does not say.
class ErrorFinder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::json::exception& error) override {
    message = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ...": from the place on.
    if (size_t at = message.find("at line"); at != std::string::npos) message.erase(0, at);
    return false;
  }

  std::string message;
};

absl::Status NotJson(const std::string& body, simdjson::error_code error) {
  if (body.empty()) return absl::InvalidArgumentError("the body is empty; expected a JSON object");
  ErrorFinder finder;
  nlohmann::json::sax_parse(body, &finder);
  // The few texts on which the two parsers differ, such as integers of a hundred digits.
  if (finder.message.empty()) finder.message = simdjson::error_message(error);
  return absl::InvalidArgumentError(fmt::format("the body is not JSON: {}", finder.message));
}

std::string_view TypeName(const element& value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "an array";
    case element_type::OBJECT:
      return "an object";
    case element_type::INT64:
    case element_type::UINT64:
      return "an integer";
    case element_type::DOUBLE:
      return "a number";
    case element_type::STRING:
      return "a string";
    case element_type::BOOL:
      return "a bool";
    case element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

absl::Status WrongType(std::string_view what, std::string_view expected, const element& found) {
  return absl::InvalidArgumentError(
      fmt::format("{} must be {}, not {}", what, expected, TypeName(found)));
}

absl::StatusOr<Value> KeyValue(std::string_view name, const element& value) {
  switch (value.type()) {
    case element_type::STRING:
      return Value(std::string(value.get_string().value_unsafe()));
    case element_type::INT64:
      return Value(value.get_int64().value_unsafe());
    case element_type::DOUBLE:
      return Value(value.get_double().value_unsafe());
    case element_type::BOOL:
      return Value(value.get_bool().value_unsafe());
    case element_type::NULL_VALUE:
      return Value();
    case element_type::UINT64:
      return absl::InvalidArgumentError(fmt::format("{} is {}: above what an int64 holds", name,
                                                    value.get_uint64().value_unsafe()));
    case element_type::ARRAY:
    case element_type::OBJECT:
      break;
  }
  return WrongType(name, "a string, a number, a bool", value);
}

absl::StatusOr<EntityKeys> ParseEntity(std::string_view what, const element& json) {
  if (!json.is_object()) {
    return WrongType(what, "an object of key columns, such as {\"user_id\": \"u1\"}", json);
  }
  EntityKeys keys;
  simdjson::dom::object object = json.get_object().value_unsafe();
  for (auto [name, value] : object) {
    ASSIGN_OR_RETURN(Value key, KeyValue(name, value));
    keys.emplace_back(name, std::move(key));
  }
  return keys;
}

absl::Status ParseEntities(const element& json, ReadRequest& request) {
  if (!json.is_array()) return WrongType("entities", "an array of objects", json);
  simdjson::dom::array entities = json.get_array().value_unsafe();
  if (entities.size() > FeatureReader::kMostEntities) {
    return absl::InvalidArgumentError(fmt::format(
        "entities has more than {} elements: split the request", FeatureReader::kMostEntities));
  }
  request.entities.reserve(entities.size());
  for (element entity : entities) {
    ASSIGN_OR_RETURN(EntityKeys keys,
                     ParseEntity(fmt::format("entities[{}]", request.entities.size()), entity));
    request.entities.push_back(std::move(keys));
  }
  return absl::OkStatus();
}

absl::Status ParseFeatures(const element& json, ReadRequest& request) {
  constexpr std::string_view kExpected = "an array of names such as \"user_spend.spend_10m\"";
  if (!json.is_array()) return WrongType("features", kExpected, json);
  simdjson::dom::array names = json.get_array().value_unsafe();
  for (element name : names) {
    if (!name.is_string()) {
      return WrongType(fmt::format("features[{}]", request.features.size()), "a string", name);
    }
    request.features.push_back(name.get_string().value_unsafe());
  }
  if (request.features.empty()) {
    return absl::InvalidArgumentError(fmt::format("features is empty; expected {}", kExpected));
  }
  return absl::OkStatus();
}

absl::Status ParseAt(const element& json, ReadRequest& request) {
  if (json.is_null()) return absl::OkStatus();
  if (json.is_int64()) {
    request.at = KnownTime(json.get_int64().value_unsafe());
    return absl::OkStatus();
  }
  if (!json.is_string()) {
    return WrongType("at", "RFC 3339 text or an integer of microseconds since 1970", json);
  }
  auto time = ParseTime(json.get_string().value_unsafe());
  if (!time.ok()) {
    return absl::InvalidArgumentError(fmt::format("at: {}", std::string(time.status().message())));
  }
  request.at = KnownTime(*time);
  return absl::OkStatus();
}

// One field of the body. `batch`: of /v1/batch-get.
absl::Status ParseField(std::string_view name, const element& value, bool batch,
                        ReadRequest& request) {
  if (name == "feature_service") {
    if (!value.is_string()) return WrongType(name, "a string", value);
    request.feature_service = value.get_string().value_unsafe();
    if (!request.feature_service.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("feature_service is empty");
  }
  if (name == "features") return ParseFeatures(value, request);
  if (name == "at") return ParseAt(value, request);
  if (name == "entities" && batch) return ParseEntities(value, request);
  if (name == "entity" && !batch) {
    ASSIGN_OR_RETURN(EntityKeys keys, ParseEntity(name, value));
    request.entities.push_back(std::move(keys));
    return absl::OkStatus();
  }
  if (name == "request" || name == "min_position") {
    return absl::UnimplementedError(fmt::format("\"{}\" is not served yet: leave it out", name));
  }
  return absl::InvalidArgumentError(
      fmt::format("unknown field \"{}\"; expected feature_service or features, {}, at", name,
                  batch ? "entities" : "entity"));
}

void AppendTime(std::optional<int64_t> micros, std::string* out) {
  if (micros) {
    AppendJsonTime(*micros, out);
  } else {
    *out += "null";
  }
}

template <typename Time>
std::optional<int64_t> Micros(const std::optional<Time>& time) {
  return time ? std::optional<int64_t>(time->value()) : std::nullopt;
}

}  // namespace

struct ReadRequestParser::Buffers {
  simdjson::dom::parser parser;
};

ReadRequestParser::ReadRequestParser() : buffers_(std::make_unique<Buffers>()) {}
ReadRequestParser::~ReadRequestParser() = default;

absl::StatusOr<ReadRequest> ReadRequestParser::ParseGet(const std::string& body) {
  return Parse(body, /*batch=*/false);
}

absl::StatusOr<ReadRequest> ReadRequestParser::ParseBatchGet(const std::string& body) {
  return Parse(body, /*batch=*/true);
}

absl::StatusOr<ReadRequest> ReadRequestParser::Parse(const std::string& body, bool batch) {
  // A large body's buffers are not kept: a thread that saw one would hold them for good.
  constexpr size_t kMostKept = size_t{1} << 20;
  if (buffers_->parser.capacity() > kMostKept) buffers_ = std::make_unique<Buffers>();

  element root;
  if (auto error = buffers_->parser.parse(body).get(root); error != simdjson::SUCCESS) {
    return NotJson(body, error);
  }
  if (!root.is_object()) return WrongType("the body", "an object", root);
  ReadRequest request;
  std::vector<std::string_view> seen;
  simdjson::dom::object object = root.get_object().value_unsafe();
  for (auto [name, value] : object) {
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return absl::InvalidArgumentError(fmt::format("\"{}\" is there twice", name));
    }
    seen.push_back(name);
    RETURN_IF_ERROR(ParseField(name, value, batch, request));
  }
  std::string_view needed = batch ? "entities" : "entity";
  if (std::find(seen.begin(), seen.end(), needed) == seen.end()) {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is missing", needed));
  }
  return request;
}

std::string GetAnswerJson(const ReadResult& result) {
  std::string out = "{\"features\":{";
  out.reserve(32 + result.features().size() * 192);
  for (size_t feature = 0; feature < result.features().size(); ++feature) {
    const ReadPlan::Feature& asked = result.features()[feature];
    FeatureCell cell = result.At(feature, 0);
    if (feature > 0) out += ',';
    AppendJsonString(asked.name, &out);
    out += ":{\"value\":";
    AppendJsonValue(*cell.value, asked.type, &out);
    out += ",\"status\":\"";
    out += FeatureStatusName(cell.status);
    out += "\",\"effective_time\":";
    AppendTime(Micros(cell.effective_time), &out);
    out += ",\"event_time\":";
    AppendTime(Micros(cell.event_time), &out);
    out += '}';
  }
  out += "}}";
  return out;
}

std::string BatchGetAnswerJson(const ReadResult& result) {
  size_t features = result.features().size();
  size_t entities = result.entity_count();
  std::string out = "{\"features\":[";
  out.reserve(128 + features * 48 + features * entities * 96);
  for (size_t feature = 0; feature < features; ++feature) {
    if (feature > 0) out += ',';
    AppendJsonString(result.features()[feature].name, &out);
  }
  // A list per feature; `append` writes the part of one cell.
  auto lists = [&](std::string_view name, auto append) {
    out += "],\"";
    out += name;
    out += "\":[";
    for (size_t feature = 0; feature < features; ++feature) {
      out += feature > 0 ? ",[" : "[";
      for (size_t entity = 0; entity < entities; ++entity) {
        if (entity > 0) out += ',';
        append(result.At(feature, entity), result.features()[feature].type);
      }
      out += ']';
    }
  };
  lists("values",
        [&](const FeatureCell& cell, DataType type) { AppendJsonValue(*cell.value, type, &out); });
  lists("statuses", [&](const FeatureCell& cell, DataType) {
    out += '"';
    out += FeatureStatusName(cell.status);
    out += '"';
  });
  lists("effective_times",
        [&](const FeatureCell& cell, DataType) { AppendTime(Micros(cell.effective_time), &out); });
  lists("event_times",
        [&](const FeatureCell& cell, DataType) { AppendTime(Micros(cell.event_time), &out); });
  out += "]}";
  return out;
}

std::string ErrorJson(std::string_view code, std::string_view message) {
  // Messages quote what was asked for, which may be long.
  constexpr size_t kMostShown = 2000;
  std::string out = "{\"error\":{\"code\":";
  AppendJsonString(code, &out);
  out += ",\"message\":";
  AppendJsonString(message.substr(0, kMostShown), &out);
  out += "}}";
  return out;
}

}  // namespace forebay
