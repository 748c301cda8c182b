#include "connectors/decode/gate.h"

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

size_t IndexOf(const v1::Source& source, const std::string& name) {
  size_t index = 0;
  while (index < static_cast<size_t>(source.schema_size()) &&
         source.schema(static_cast<int>(index)).name() != name) {
    ++index;
  }
  return index;
}

// The timestamp of a Kafka record may be anything.
std::string TimeText(int64_t micros) {
  if (micros >= kMinTime && micros <= kMaxTime) return FormatTime(micros);
  return fmt::format("{} us from 1970", micros);
}

}  // namespace

Gate::Gate(const v1::Source& source)
    : known_time_from_(source.known_time() == v1::Source::COLUMN       ? From::kColumn
                       : source.known_time() == v1::Source::EVENT_TIME ? From::kEventTime
                                                                       : From::kRecord),
      event_time_name_(source.event_time()),
      known_time_name_(source.known_time_column()),
      event_time_field_(IndexOf(source, source.event_time())),
      known_time_field_(IndexOf(source, source.known_time_column())),
      max_future_(source.max_future_us()) {}

bool Gate::Judges(const v1::Source& source, const v1::Field& field) {
  return field.name() == source.event_time() ||
         (source.known_time() == v1::Source::COLUMN && field.name() == source.known_time_column());
}

bool Gate::CheckFuture(int64_t timestamp, const EventTimes& times, Rejection* rejection) const {
  constexpr const char* kTimestamp = "the timestamp of the Kafka record";
  int64_t event_time = times.event_time.value();
  int64_t known_time = times.known_time.value();
  int64_t limit = SaturatingAdd(timestamp, max_future_);
  if (event_time > limit) {
    return RefuseFuture(event_time_name_, event_time, kTimestamp, timestamp, rejection);
  }
  if (known_time_from_ != From::kColumn) return true;
  if (known_time > limit) {
    return RefuseFuture(known_time_name_, known_time, kTimestamp, timestamp, rejection);
  }
  if (event_time <= SaturatingAdd(known_time, max_future_)) return true;
  return RefuseFuture(event_time_name_, event_time, "field " + known_time_name_, known_time,
                      rejection);
}

bool Gate::RefuseTime(RejectReason reason, const std::string& field, const FieldValue& value,
                      Rejection* rejection) {
  *rejection = {reason,
                value.null
                    ? fmt::format("field {} is missing or null, and every event needs it", field)
                    : fmt::format("field {} is not within the years 1 to 9999", field)};
  return false;
}

bool Gate::RefuseFuture(const std::string& field, int64_t time, const std::string& of, int64_t than,
                        Rejection* rejection) const {
  *rejection = {RejectReason::kFuture,
                fmt::format("field {} is {}, more than {} after {}, {}", field, TimeText(time),
                            FormatDuration(max_future_), of, TimeText(than))};
  return false;
}

}  // namespace forebay
