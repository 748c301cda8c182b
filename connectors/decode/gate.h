// The times of the gate (S1 b and c): what a decoded record's times must be.
//
//   Gate gate(source);
//   if (gate.Check(record, values, header_known_time, &times, &rejection)) ...
#ifndef FOREBAY_CONNECTORS_DECODE_GATE_H_
#define FOREBAY_CONNECTORS_DECODE_GATE_H_

#include <cstdint>
#include <limits>
#include <string>

#include "connectors/decode/field_value.h"
#include "connectors/decode/unit_mismatch.h"
#include "engine/batch/event_batch.h"
#include "schemas/types/time.h"

namespace forebay {

namespace v1 {
class Field;
class Source;
}  // namespace v1

struct EventTimes {
  EventTime event_time;
  KnownTime known_time;
};

struct Rejection {
  RejectReason reason;
  std::string detail;
  std::string mismatch = {};  // of units, where that explains it; part of the detail
};

// Immutable: thread-safe.
class Gate {
 public:
  explicit Gate(const v1::Source& source);

  // `values`: one per field of the schema. `forwarded`: where the record was read from a
  // repartition topic, the known time that it was forwarded with; it has passed the test of the
  // future then. Null otherwise. False: `rejection` says why the record is refused.
  bool Check(const RawRecord& record, const FieldValue* values, const KnownTime* forwarded,
             EventTimes* times, Rejection* rejection) const {
    const FieldValue& event_time = values[event_time_field_];
    if (!IsTimeOfAnEvent(event_time)) {
      return RefuseTime(RejectReason::kBadEventTime, event_time_, event_time, record, rejection);
    }
    times->event_time = EventTime(event_time.integer);
    if (known_time_from_ == From::kColumn) {
      const FieldValue& known_time = values[known_time_field_];
      if (!IsTimeOfAnEvent(known_time)) {
        return RefuseTime(RejectReason::kBadKnownTime, known_time_, known_time, record, rejection);
      }
      times->known_time = KnownTime(known_time.integer);
    } else {
      times->known_time =
          KnownTime(known_time_from_ == From::kEventTime ? event_time.integer : record.timestamp);
    }
    if (forwarded != nullptr) {
      times->known_time = *forwarded;
      return true;
    }
    bool ahead = event_time.integer > SaturatingAdd(record.timestamp, max_future_);
    if (!ahead && known_time_from_ != From::kColumn) return true;
    return CheckFuture(record.timestamp, *times, rejection);
  }

  // What a record that passed says about the unit of its times (unit_mismatch.h); mostly nothing.
  std::string MismatchOf(int64_t timestamp, const EventTimes& times) const;

  // Whether the field's times are the gate's matter: those that int64 microseconds cannot hold are
  // then no type error, but the nearest that they can hold.
  static bool Judges(const v1::Source& source, const v1::Field& field);

 private:
  enum class From : uint8_t { kRecord, kEventTime, kColumn };

  static int64_t SaturatingAdd(int64_t a, int64_t b) {
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return b < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
  }
  static bool IsTimeOfAnEvent(const FieldValue& value) {
    return !value.null && value.integer >= kMinTime && value.integer <= kMaxTime;
  }

  bool CheckFuture(int64_t timestamp, const EventTimes& times, Rejection* rejection) const;
  // Both fill `rejection` and return false.
  static bool RefuseTime(RejectReason reason, const TimeField& field, const FieldValue& value,
                         const RawRecord& record, Rejection* rejection);
  bool RefuseFuture(const std::string& field, int64_t time, const std::string& of, int64_t than,
                    const std::string& mismatch, Rejection* rejection) const;

  From known_time_from_;
  TimeField event_time_;
  TimeField known_time_;  // where known_time_from_ is kColumn
  size_t event_time_field_;
  size_t known_time_field_;  // where known_time_from_ is kColumn
  int64_t max_future_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_GATE_H_
