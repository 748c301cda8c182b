// Actions as JSON values: the one form between commit files and checkpoints. For .cc files only.
#ifndef FOREBAY_OFFLINE_DELTA_ACTION_JSON_H_
#define FOREBAY_OFFLINE_DELTA_ACTION_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>

#include "offline/delta/actions.h"

namespace forebay {

// {"add": {...}}
nlohmann::ordered_json ActionToJson(const Action& action);

// nullopt for kinds that may be ignored. Throws nlohmann::json::exception.
std::optional<Action> ActionFromJson(const nlohmann::ordered_json& line);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_ACTION_JSON_H_
