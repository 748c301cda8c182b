#include "online/http/read_json.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "schemas/types/json.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::json;

// The objects and arrays around the value at hand: a request has no others.
enum class Place : uint8_t { kBody, kFields, kFeatures, kEntities, kEntity };

constexpr std::string_view kExpectedFeatures = "an array of names such as \"user_spend.spend_10m\"";

constexpr std::array<std::string_view, 9> kFieldNames = {
    "feature_service", "model",      "features", "at",          "entity",
    "entities",        "request_id", "request",  "min_position"};
enum class Field : uint8_t {
  kFeatureService,
  kModel,
  kFeatures,
  kAt,
  kEntity,
  kEntities,
  kRequestId,
  kRequest,
  kMinPosition,
  kNone
};

std::string_view NameOf(Field field) { return kFieldNames[static_cast<size_t>(field)]; }

Field FieldOf(std::string_view name) {
  auto found = std::find(kFieldNames.begin(), kFieldNames.end(), name);
  return static_cast<Field>(found - kFieldNames.begin());
}

std::string_view TypeName(const Value& value) {
  struct Visitor {
    std::string_view operator()(std::monostate) const { return "null"; }
    std::string_view operator()(bool) const { return "a bool"; }
    std::string_view operator()(int64_t) const { return "an integer"; }
    std::string_view operator()(double) const { return "a number"; }
    std::string_view operator()(const std::string&) const { return "a string"; }
    std::string_view operator()(const ValueList&) const { return "an array"; }
  };
  return std::visit(Visitor(), value);
}

}  // namespace

// Makes the request while the text is read: nothing is kept that it does not need, and the first
// thing that is wrong or too much ends the reading. What nlohmann's sax_parse calls.
class ReadRequestParser::Reader {
 public:
  Reader(Texts* texts, bool batch) : texts_(*texts), batch_(batch) {}

  // After all of the text is read.
  absl::StatusOr<ReadRequest> Take() && {
    if (!status_.ok()) return std::move(status_);
    Field needed = batch_ ? Field::kEntities : Field::kEntity;
    if (!Seen(needed)) {
      return absl::InvalidArgumentError(fmt::format("\"{}\" is missing", NameOf(needed)));
    }
    return std::move(request_);
  }

  bool null() { return Take(Value()); }
  bool boolean(bool value) { return Take(Value(value)); }
  bool number_integer(int64_t value) { return Take(Value(value)); }
  bool number_unsigned(uint64_t value) {
    if (value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return Take(Value(static_cast<int64_t>(value)));
    if (place_ != Place::kEntity) return WrongType("an integer above what an int64 holds");
    return Fail(fmt::format("{} is {}: above what an int64 holds", key_, value));
  }
  bool number_float(double value, const std::string&) { return Take(Value(value)); }
  bool string(const std::string& value);
  bool binary(const Json::binary_t&) { return WrongType("bytes"); }
  bool start_object(size_t);
  bool key(const std::string& name);
  bool end_object();
  bool start_array(size_t);
  bool end_array();
  bool parse_error(size_t, const std::string&, const Json::exception& error);

 private:
  bool Fail(std::string message) {
    status_ = absl::InvalidArgumentError(message);
    return false;
  }
  // The value at hand is `found`, and something else was expected.
  bool WrongType(std::string_view found);
  bool Take(Value value);
  bool TakeAt(const Value& value);
  bool OpenField(Field field, std::string_view name);
  // Where the text of a field goes; null: it is not of text.
  std::string_view* TextOf(Field field);
  // The name of a key column, which the entity before most often had at the same place.
  std::string_view Kept(const std::string& name);
  bool Seen(Field field) const { return (seen_ >> static_cast<int>(field) & 1) != 0; }

  Texts& texts_;
  const bool batch_;
  Place place_ = Place::kBody;
  Field field_ = Field::kNone;  // at hand
  unsigned seen_ = 0;           // bits of Field
  std::string_view key_;        // the column at hand
  ReadRequest request_;
  absl::Status status_;
};

bool ReadRequestParser::Reader::WrongType(std::string_view found) {
  std::string what;
  std::string_view expected;
  switch (place_) {
    case Place::kBody:
      what = "the body", expected = "an object";
      break;
    case Place::kFeatures:
      what = fmt::format("features[{}]", request_.features.size()), expected = "a string";
      break;
    case Place::kEntities:
      what = fmt::format("entities[{}]", request_.entities.size());
      expected = "an object of key columns, such as {\"user_id\": \"u1\"}";
      break;
    case Place::kEntity:
      what = key_, expected = "a string, a number, a bool";
      break;
    case Place::kFields:
      what = NameOf(field_);
      expected = TextOf(field_) != nullptr    ? "a string"
                 : field_ == Field::kFeatures ? kExpectedFeatures
                 : field_ == Field::kEntities ? "an array of objects"
                 : field_ == Field::kEntity
                     ? "an object of key columns, such as {\"user_id\": \"u1\"}"
                     : "RFC 3339 text or an integer of microseconds since 1970";
  }
  return Fail(fmt::format("{} must be {}, not {}", what, expected, found));
}

bool ReadRequestParser::Reader::Take(Value value) {
  if (place_ == Place::kEntity) {
    request_.entities.back().emplace_back(key_, std::move(value));
    return true;
  }
  if (place_ == Place::kFields && field_ == Field::kAt) return TakeAt(value);
  return WrongType(TypeName(value));
}

bool ReadRequestParser::Reader::TakeAt(const Value& value) {
  if (IsNull(value)) return true;
  const auto* micros = std::get_if<int64_t>(&value);
  if (micros == nullptr) return WrongType(TypeName(value));
  request_.at = KnownTime(*micros);
  return true;
}

std::string_view* ReadRequestParser::Reader::TextOf(Field field) {
  if (field == Field::kFeatureService) return &request_.feature_service;
  if (field == Field::kModel) return &request_.model;
  return field == Field::kRequestId ? &request_.request_id : nullptr;
}

bool ReadRequestParser::Reader::string(const std::string& value) {
  if (place_ == Place::kEntity) return Take(Value(value));
  if (place_ == Place::kFeatures) {
    if (request_.features.size() == ReadPlanner::kMostNames) {
      return Fail(fmt::format("features has more than {} elements: split the request",
                              ReadPlanner::kMostNames));
    }
    request_.features.push_back(texts_.emplace_back(value));
    return true;
  }
  if (std::string_view* text = TextOf(field_); place_ == Place::kFields && text != nullptr) {
    if (value.empty()) return Fail(fmt::format("{} is empty", NameOf(field_)));
    *text = texts_.emplace_back(value);
    return true;
  }
  if (place_ == Place::kFields && field_ == Field::kAt) {
    auto time = ParseTime(value);
    if (!time.ok()) return Fail(fmt::format("at: {}", std::string(time.status().message())));
    request_.at = KnownTime(*time);
    return true;
  }
  return WrongType("a string");
}

bool ReadRequestParser::Reader::start_object(size_t) {
  if (place_ == Place::kBody) {
    place_ = Place::kFields;
    return true;
  }
  bool entity =
      place_ == Place::kEntities || (place_ == Place::kFields && field_ == Field::kEntity);
  if (!entity) return WrongType("an object");
  if (request_.entities.size() == FeatureReader::kMostEntities) {
    return Fail(fmt::format("entities has more than {} elements: split the request",
                            FeatureReader::kMostEntities));
  }
  request_.entities.emplace_back();
  place_ = Place::kEntity;
  return true;
}

bool ReadRequestParser::Reader::key(const std::string& name) {
  if (place_ == Place::kFields) return OpenField(FieldOf(name), name);
  if (request_.entities.back().size() == FeatureReader::kMostKeys) {
    return Fail(fmt::format("an entity has more than {} key columns", FeatureReader::kMostKeys));
  }
  key_ = Kept(name);
  return true;
}

bool ReadRequestParser::Reader::OpenField(Field field, std::string_view name) {
  if (field == Field::kRequest || field == Field::kMinPosition) {
    status_ = absl::UnimplementedError(
        fmt::format("\"{}\" is not served yet: leave it out", NameOf(field)));
    return false;
  }
  Field other = batch_ ? Field::kEntity : Field::kEntities;
  if (field == Field::kNone || field == other) {
    return Fail(
        fmt::format("unknown field \"{}\"; expected feature_service, model or features, {}, at, "
                    "request_id",
                    name, NameOf(batch_ ? Field::kEntities : Field::kEntity)));
  }
  if (Seen(field)) return Fail(fmt::format("\"{}\" is there twice", NameOf(field)));
  seen_ |= 1U << static_cast<int>(field);
  field_ = field;
  return true;
}

std::string_view ReadRequestParser::Reader::Kept(const std::string& name) {
  size_t entity = request_.entities.size() - 1, column = request_.entities.back().size();
  if (entity > 0) {
    const EntityKeys& before = request_.entities[entity - 1];
    if (column < before.size() && before[column].first == name) return before[column].first;
  }
  return texts_.emplace_back(name);
}

bool ReadRequestParser::Reader::end_object() {
  if (place_ == Place::kFields) return true;  // the end
  place_ = batch_ ? Place::kEntities : Place::kFields;
  return true;
}

bool ReadRequestParser::Reader::start_array(size_t) {
  if (place_ != Place::kFields) return WrongType("an array");
  if (field_ == Field::kFeatures) {
    place_ = Place::kFeatures;
  } else if (field_ == Field::kEntities) {
    place_ = Place::kEntities;
  } else {
    return WrongType("an array");
  }
  return true;
}

bool ReadRequestParser::Reader::end_array() {
  if (place_ == Place::kFeatures && request_.features.empty()) {
    return Fail(fmt::format("features is empty; expected {}", kExpectedFeatures));
  }
  place_ = Place::kFields;
  return true;
}

bool ReadRequestParser::Reader::parse_error(size_t, const std::string&,
                                            const Json::exception& error) {
  // "[json.exception.parse_error.101] parse error at line 1, column 2: ...": from the place on.
  std::string message = error.what();
  if (size_t at = message.find("at line"); at != std::string::npos) message.erase(0, at);
  return Fail(fmt::format("the body is not JSON: {}", message));
}

namespace {

void AppendTime(std::optional<int64_t> micros, std::string* out) {
  if (micros) {
    AppendJsonTime(*micros, out);
  } else {
    *out += "null";
  }
}

// Of an answer, the members `model`, where one was asked for, and `request_id`, where it is kept.
void AppendAbout(const ReadResult& result, std::string* out) {
  if (!result.request_id().empty()) {
    *out += ",\"request_id\":";
    AppendJsonString(result.request_id(), out);
  }
  if (!result.model()) return;
  *out += ",\"model\":{\"name\":";
  AppendJsonString(result.model()->name, out);
  *out += fmt::format(",\"version\":{},\"artifact\":", result.model()->version);
  AppendJsonString(result.model()->artifact, out);
  *out += fmt::format(",\"catalog_version\":{}}}", result.model()->catalog_version);
}

template <typename Time>
std::optional<int64_t> Micros(const std::optional<Time>& time) {
  return time ? std::optional<int64_t>(time->value()) : std::nullopt;
}

}  // namespace

absl::StatusOr<ReadRequest> ReadRequestParser::ParseGet(std::string_view body) {
  return Parse(body, /*batch=*/false);
}

absl::StatusOr<ReadRequest> ReadRequestParser::ParseBatchGet(std::string_view body) {
  return Parse(body, /*batch=*/true);
}

absl::StatusOr<ReadRequest> ReadRequestParser::Parse(std::string_view body, bool batch) {
  if (body.empty()) return absl::InvalidArgumentError("the body is empty; expected a JSON object");
  texts_.clear();
  Reader reader(&texts_, batch);
  Json::sax_parse(body.begin(), body.end(), &reader);
  return std::move(reader).Take();
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
  out += '}';
  AppendAbout(result, &out);
  out += '}';
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
  out += ']';
  AppendAbout(result, &out);
  out += '}';
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
