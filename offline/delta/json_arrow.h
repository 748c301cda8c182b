// Nested values between JSON and Arrow arrays: what a checkpoint is made of. For .cc files only.
#ifndef FOREBAY_OFFLINE_DELTA_JSON_ARROW_H_
#define FOREBAY_OFFLINE_DELTA_JSON_ARROW_H_

#include <arrow/api.h>

#include <nlohmann/json.hpp>

namespace forebay {

// Appends one value; an object for structs and maps, an array for lists, null for null. Members
// that the builder's type lacks are left out.
arrow::Status AppendJson(const nlohmann::ordered_json& value, arrow::ArrayBuilder* builder);

// The value at `row`; null also for types that JSON cannot hold.
nlohmann::ordered_json ToJson(const arrow::Array& array, int64_t row);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_JSON_ARROW_H_
