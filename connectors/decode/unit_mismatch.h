// Times of events in another unit than the declared one: seconds where milliseconds are declared
// are times of January 1970, microseconds are times far ahead.
#ifndef FOREBAY_CONNECTORS_DECODE_UNIT_MISMATCH_H_
#define FOREBAY_CONNECTORS_DECODE_UNIT_MISMATCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/decode/field_value.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

// A field of times.
struct TimeField {
  std::string name;
  v1::TimeEncoding encoding;
};

// The unit by which `count` is within 10 years of `timestamp`, the time of its Kafka record in
// microseconds, while by `declared` it is more than 20 years from it. Nothing if there is none, if
// the declared one is no unit (RFC3339), or if the timestamp is before 2000 and so none of a clock.
std::optional<v1::TimeEncoding> LikelyUnit(int64_t count, v1::TimeEncoding declared,
                                           int64_t timestamp);

// A sentence with the value, both units and what to do; empty if the units agree.
// `value` is not null.
std::string UnitMismatch(const TimeField& field, const FieldValue& value, int64_t timestamp);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_UNIT_MISMATCH_H_
