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

TimeField FieldNamed(const v1::Source& source, const std::string& name) {
  for (const v1::Field& field : source.schema()) {
    if (field.name() == name) return {name, field.time_encoding()};
  }
  return {name, v1::TIME_ENCODING_UNSPECIFIED};
}

FieldValue TimeValue(int64_t micros) {
  FieldValue value;
  value.null = false;
  value.integer = micros;
  return value;
}

std::string WithMismatch(std::string detail, const std::string& mismatch) {
  return mismatch.empty() ? detail : fmt::format("{}; {}", detail, mismatch);
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
      event_time_(FieldNamed(source, source.event_time())),
      known_time_(FieldNamed(source, source.known_time_column())),
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
    return RefuseFuture(event_time_.name, event_time, kTimestamp, timestamp,
                        UnitMismatch(event_time_, TimeValue(event_time), timestamp), rejection);
  }
  if (known_time_from_ != From::kColumn) return true;
  if (known_time > limit) {
    return RefuseFuture(known_time_.name, known_time, kTimestamp, timestamp,
                        UnitMismatch(known_time_, TimeValue(known_time), timestamp), rejection);
  }
  if (event_time <= SaturatingAdd(known_time, max_future_)) return true;
  return RefuseFuture(event_time_.name, event_time, "field " + known_time_.name, known_time,
                      UnitMismatch(known_time_, TimeValue(known_time), timestamp), rejection);
}

bool Gate::RefuseTime(RejectReason reason, const TimeField& field, const FieldValue& value,
                      const RawRecord& record, Rejection* rejection) {
  if (value.null) {
    *rejection = {reason,
                  fmt::format("field {} is missing or null, and every event needs it", field.name)};
    return false;
  }
  std::string mismatch = UnitMismatch(field, value, record.timestamp);
  std::string detail = fmt::format("field {} is not within the years 1 to 9999", field.name);
  *rejection = {reason, WithMismatch(std::move(detail), mismatch), mismatch};
  return false;
}

bool Gate::RefuseFuture(const std::string& field, int64_t time, const std::string& of, int64_t than,
                        const std::string& mismatch, Rejection* rejection) const {
  std::string detail = fmt::format("field {} is {}, more than {} after {}, {}", field,
                                   TimeText(time), FormatDuration(max_future_), of, TimeText(than));
  *rejection = {RejectReason::kFuture, WithMismatch(std::move(detail), mismatch), mismatch};
  return false;
}

std::string Gate::MismatchOf(int64_t timestamp, const EventTimes& times) const {
  std::string mismatch = UnitMismatch(event_time_, TimeValue(times.event_time.value()), timestamp);
  if (!mismatch.empty() || known_time_from_ != From::kColumn) return mismatch;
  return UnitMismatch(known_time_, TimeValue(times.known_time.value()), timestamp);
}

}  // namespace forebay
