// A request for a training set as JSON, in manifests and in tasks.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_REQUEST_JSON_H_
#define FOREBAY_OFFLINE_TRAINING_SET_REQUEST_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "offline/training_set/training_set.h"

namespace forebay {

using OrderedJson = nlohmann::ordered_json;

// So that it is found from another folder, too.
std::string AbsolutePath(const std::string& path);

template <typename T>
OrderedJson MaybeJson(const std::optional<T>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

template <typename T>
std::optional<T> MaybeOf(const OrderedJson& json) {
  if (json.is_null()) return std::nullopt;
  return json.get<T>();
}

// Without warehouse, states, S3 settings, versions and bounds.
OrderedJson RequestJson(const TrainingSetRequest& request);
// Throws nlohmann::json::exception where something is missing or has another type.
TrainingSetRequest RequestOf(const OrderedJson& json);

// Null: the project has no such view.
const v1::FeatureView* FindViewVersion(const v1::Project& project, const std::string& name,
                                       uint32_t version);

// What was read of the tables, with the definitions of their views.
OrderedJson TablesJson(const v1::Project& project, const TrainingSetSummary& summary);
std::vector<TrainingSetSummary::View> TablesOf(const OrderedJson& json);

// FAILED_PRECONDITION: the project lacks the view, or its definition is another one than the set
// was made with.
absl::Status CheckDefinition(const v1::Project& project, const TrainingSetSummary::View& view);

// Chooses what is read of a table: the version that `view` names, or, where files of that are gone,
// the newest, but only the rows that were there then. FAILED_PRECONDITION: the definition or the
// table is another one. REQUIRES: request.warehouse is set.
absl::Status PinTable(const v1::Project& project, const TrainingSetSummary::View& view,
                      TrainingSetRequest* request);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_REQUEST_JSON_H_
