#include "online/http/read_json.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "fmt/format.h"
#include "schemas/types/json.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::json;

// Builds the tree and notes the first name that one object has twice, which the tree does not show.
class Parser {
 public:
  // Discarded if `body` is not JSON.
  Json Parse(const std::string& body) {
    return Json::parse(
        body,
        [this](int, Json::parse_event_t event, Json& parsed) {
          if (event == Json::parse_event_t::object_start) names_.emplace_back();
          if (event == Json::parse_event_t::object_end) names_.pop_back();
          if (event == Json::parse_event_t::key &&
              !names_.back().insert(parsed.get_ref<const std::string&>()).second) {
            twice_ = parsed.get<std::string>();
          }
          return true;
        },
        /*allow_exceptions=*/false);
  }

  const std::optional<std::string>& twice() const { return twice_; }

 private:
  std::vector<std::set<std::string>> names_;  // of the objects around the place at hand
  std::optional<std::string> twice_;
};

absl::Status NotJson(const std::string& body) {
  if (body.empty()) return absl::InvalidArgumentError("the body is empty; expected a JSON object");
  std::string message;
  try {
    Json::parse(body).clear();
  } catch (const Json::exception& error) {
    message = error.what();
  }
  // "[json.exception.parse_error.101] parse error at line 1, column 2: ...": from the place on.
  if (size_t at = message.find("at line"); at != std::string::npos) message.erase(0, at);
  return absl::InvalidArgumentError(fmt::format("the body is not JSON: {}", message));
}

std::string_view TypeName(const Json& value) {
  if (value.is_number_integer()) return "an integer";
  switch (value.type()) {
    case Json::value_t::array:
      return "an array";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::number_float:
      return "a number";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a bool";
    case Json::value_t::null:
      return "null";
    default:
      return "something else";
  }
}

std::string_view Text(const Json& value) { return value.get_ref<const std::string&>(); }

bool IsInt64(const Json& value) {
  return value.is_number_integer() &&
         !(value.is_number_unsigned() &&
           value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
}

absl::Status WrongType(std::string_view what, std::string_view expected, const Json& found) {
  return absl::InvalidArgumentError(
      fmt::format("{} must be {}, not {}", what, expected, TypeName(found)));
}

absl::StatusOr<Value> KeyValue(std::string_view name, const Json& value) {
  if (value.is_string()) return Value(std::string(Text(value)));
  if (IsInt64(value)) return Value(value.get<int64_t>());
  if (value.is_number_float()) return Value(value.get<double>());
  if (value.is_boolean()) return Value(value.get<bool>());
  if (value.is_null()) return Value();
  if (value.is_number_integer()) {
    return absl::InvalidArgumentError(
        fmt::format("{} is {}: above what an int64 holds", name, value.get<uint64_t>()));
  }
  return WrongType(name, "a string, a number, a bool", value);
}

absl::StatusOr<EntityKeys> ParseEntity(std::string_view what, const Json& json) {
  if (!json.is_object()) {
    return WrongType(what, "an object of key columns, such as {\"user_id\": \"u1\"}", json);
  }
  EntityKeys keys;
  for (const auto& [name, value] : json.get_ref<const Json::object_t&>()) {
    ASSIGN_OR_RETURN(Value key, KeyValue(name, value));
    keys.emplace_back(name, std::move(key));
  }
  return keys;
}

absl::Status ParseEntities(const Json& json, ReadRequest& request) {
  if (!json.is_array()) return WrongType("entities", "an array of objects", json);
  if (json.size() > FeatureReader::kMostEntities) {
    return absl::InvalidArgumentError(fmt::format(
        "entities has more than {} elements: split the request", FeatureReader::kMostEntities));
  }
  request.entities.reserve(json.size());
  for (const Json& entity : json) {
    ASSIGN_OR_RETURN(EntityKeys keys,
                     ParseEntity(fmt::format("entities[{}]", request.entities.size()), entity));
    request.entities.push_back(std::move(keys));
  }
  return absl::OkStatus();
}

absl::Status ParseFeatures(const Json& json, ReadRequest& request) {
  constexpr std::string_view kExpected = "an array of names such as \"user_spend.spend_10m\"";
  if (!json.is_array()) return WrongType("features", kExpected, json);
  for (const Json& name : json) {
    if (!name.is_string()) {
      return WrongType(fmt::format("features[{}]", request.features.size()), "a string", name);
    }
    request.features.push_back(Text(name));
  }
  if (request.features.empty()) {
    return absl::InvalidArgumentError(fmt::format("features is empty; expected {}", kExpected));
  }
  return absl::OkStatus();
}

absl::Status ParseAt(const Json& json, ReadRequest& request) {
  if (json.is_null()) return absl::OkStatus();
  if (IsInt64(json)) {
    request.at = KnownTime(json.get<int64_t>());
    return absl::OkStatus();
  }
  if (!json.is_string()) {
    return WrongType("at", "RFC 3339 text or an integer of microseconds since 1970", json);
  }
  auto time = ParseTime(Text(json));
  if (!time.ok()) {
    return absl::InvalidArgumentError(fmt::format("at: {}", std::string(time.status().message())));
  }
  request.at = KnownTime(*time);
  return absl::OkStatus();
}

// One field of the body. `batch`: of /v1/batch-get.
absl::Status ParseField(std::string_view name, const Json& value, bool batch,
                        ReadRequest& request) {
  if (name == "feature_service") {
    if (!value.is_string()) return WrongType(name, "a string", value);
    request.feature_service = Text(value);
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
  Json root;
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
  Parser parser;
  Json& root = buffers_->root;
  root = parser.Parse(body);
  if (root.is_discarded()) return NotJson(body);
  if (!root.is_object()) return WrongType("the body", "an object", root);
  if (parser.twice()) {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is there twice", *parser.twice()));
  }
  ReadRequest request;
  for (const auto& [name, value] : root.get_ref<const Json::object_t&>()) {
    RETURN_IF_ERROR(ParseField(name, value, batch, request));
  }
  std::string_view needed = batch ? "entities" : "entity";
  if (!root.contains(needed)) {
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
