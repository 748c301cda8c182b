// Arrow schemas as Delta's schema JSON and back.
#ifndef FOREBAY_OFFLINE_DELTA_TABLE_SCHEMA_H_
#define FOREBAY_OFFLINE_DELTA_TABLE_SCHEMA_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace arrow {
class Schema;
}

namespace forebay {

// boolean, int32, int64, float64, utf8, binary, date32, timestamp[us, UTC], and lists of these;
// others are UNIMPLEMENTED.
absl::StatusOr<std::string> ToDeltaSchema(const arrow::Schema& schema);

absl::StatusOr<std::shared_ptr<arrow::Schema>> FromDeltaSchema(const std::string& json);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_TABLE_SCHEMA_H_
