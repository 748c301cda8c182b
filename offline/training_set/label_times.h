// The times of labels, from a column of any form that times have.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABEL_TIMES_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABEL_TIMES_H_

#include <arrow/type_fwd.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/strong_int.h"

namespace forebay {

// What whole numbers may count, as --time-unit names it.
struct TimeUnit {
  std::string_view name;
  v1::TimeEncoding encoding;
};
inline constexpr std::array<TimeUnit, 4> kTimeUnits = {{{"s", v1::SECONDS},
                                                        {"ms", v1::MILLISECONDS},
                                                        {"us", v1::MICROSECONDS},
                                                        {"ns", v1::NANOSECONDS}}};

// Times of a column with a type of time: timestamps of any unit (without a zone: UTC) and dates
// (their midnight UTC); of text: RFC 3339. Finer times are floored to microseconds. Whole numbers,
// in text too, are times only with a `unit` other than TIME_ENCODING_UNSPECIFIED, which then they
// all must be.
// INVALID_ARGUMENT: another type, or a time that is null, unreadable or outside the years 1 to
// 9999; names the place in the file `path`.
absl::StatusOr<std::vector<KnownTime>> ReadLabelTimes(const std::string& path,
                                                      const std::string& column_name,
                                                      const arrow::ChunkedArray& column,
                                                      v1::TimeEncoding unit);

// A sentence where times of that type are taken for UTC without saying it; empty: they say it.
std::string TakenAsUtc(const std::string& column_name, const arrow::DataType& type);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABEL_TIMES_H_
