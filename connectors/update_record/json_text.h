// A JSON value, whoever wrote it, as AppendJsonValue would have.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_JSON_TEXT_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_JSON_TEXT_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schemas/types/data_type.h"

namespace forebay {

// `type`: of the column; a value that is not of it comes as it is.
std::string JsonText(const nlohmann::json& value, DataType type);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_JSON_TEXT_H_
