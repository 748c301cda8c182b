#include "cli/worker_lookups.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/worker_http.h"
#include "connectors/update_record/json_text.h"
#include "engine/state/key.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/json.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::json;

absl::StatusOr<std::string> RequestOf(const v1::FeatureView& view, const v1::Entity& entity,
                                      absl::Span<const std::string> keys) {
  std::string request = fmt::format(R"({{"features": ["{}@{}.*"], "at": {}, "entities": [)",
                                    view.name(), view.version(), kMinTime);
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSIGN_OR_RETURN(std::vector<Value> parts, DecodeKey(entity, keys[i]));
    for (int part = 0; part < entity.keys_size(); ++part) {
      request += part > 0 ? "," : i > 0 ? ",{" : "{";
      AppendJsonString(entity.keys(part).name(), &request);
      request += ':';
      AppendJsonValue(parts[static_cast<size_t>(part)],
                      static_cast<DataType>(entity.keys(part).type()), &request);
    }
    request += '}';
  }
  return request + "]}";
}

// Of entity `i`; nullopt: it was not found, or its values are too old to be told (`max_age`).
absl::StatusOr<std::optional<StepText>> AnswerAt(const Json& answer, const v1::FeatureView& view,
                                                 size_t i) {
  StepText step;
  for (size_t f = 0; f < static_cast<size_t>(view.features_size()); ++f) {
    const std::string& status = answer.at("statuses").at(f).at(i).get_ref<const std::string&>();
    if (status != "PRESENT" && status != "NULL_VALUE") return std::nullopt;
    if (f > 0) step.features += '\n';
    step.features += JsonText(answer.at("values").at(f).at(i),
                              static_cast<DataType>(view.features(static_cast<int>(f)).type()));
    ASSIGN_OR_RETURN(step.effective_time,
                     ParseTime(answer.at("effective_times").at(f).at(i).get<std::string>()));
    ASSIGN_OR_RETURN(step.event_time,
                     ParseTime(answer.at("event_times").at(f).at(i).get<std::string>()));
  }
  return step;
}

absl::StatusOr<TaskCheckRequest::Answers> LookUp(const v1::Project& project, const std::string& url,
                                                 int view, absl::Span<const std::string> keys) {
  const v1::FeatureView& definition = project.feature_views(view);
  ASSIGN_OR_RETURN(std::string request,
                   RequestOf(definition, *FindEntity(project, definition.entity()), keys));
  ASSIGN_OR_RETURN(std::string body, PostToWorker(url + "/v1/batch-get", request));
  const Json answer = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  TaskCheckRequest::Answers answers;
  try {
    if (answer.contains("error")) {
      const std::string message = answer["error"].value("message", body);
      return answer["error"].value("code", "") == "UNAVAILABLE"
                 ? absl::UnavailableError(message)
                 : absl::FailedPreconditionError(message);
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSIGN_OR_RETURN(answers.emplace_back(), AnswerAt(answer, definition, i));
    }
  } catch (const Json::exception& e) {
    return absl::InternalError(
        fmt::format("the answer of {} is not that of a worker: {}", url, e.what()));
  }
  return answers;
}

}  // namespace

LookUpKeys LookupsAt(const v1::Project& project, std::string url) {
  return [&project, url = std::move(url)](int view, absl::Span<const std::string> keys) {
    return LookUp(project, url, view, keys);
  };
}

}  // namespace forebay
