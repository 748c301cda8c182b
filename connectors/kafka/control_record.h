// Records that forebay itself puts into topics (S31). Each has the header forebay-control, which
// says what it is, and no value; readers of the topic who do not know forebay see a tombstone. What
// else it says: a reader that does not know it passes over it.
//
//   marker   in repartition topics: repartition_record.h
//   erase    in source topics and in repartition topics: forget a key. Its key is the entity key as
//            text (KeyText), the header forebay-entity names the entity. In a repartition topic it
//            also has the headers of where it was forwarded from.
#ifndef FOREBAY_CONNECTORS_KAFKA_CONTROL_RECORD_H_
#define FOREBAY_CONNECTORS_KAFKA_CONTROL_RECORD_H_

#include <optional>
#include <string>
#include <string_view>

#include "engine/batch/event_batch.h"

namespace forebay {

inline constexpr const char* kControlHeader = "forebay-control";
inline constexpr const char* kMarkerControl = "marker";
inline constexpr const char* kEraseControl = "erase";
inline constexpr const char* kEntityHeader = "forebay-entity";

// The last header of that name of a fetched record (its `native` is set), valid as long as the
// record's owner; nullopt: it has none. Costs next to nothing where a record has no headers.
std::optional<std::string_view> FindHeader(const RawRecord& record, const char* name);

// The headers of an erasure.
RecordHeaders ErasureHeaders(std::string_view entity);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_CONTROL_RECORD_H_
