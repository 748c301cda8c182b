// The rows of an event archive: the events of a source as they were decoded, and where each comes
// from.
#ifndef FOREBAY_ENGINE_BATCH_ARCHIVE_BATCH_H_
#define FOREBAY_ENGINE_BATCH_ARCHIVE_BATCH_H_

#include <memory>

namespace arrow {
class Schema;
}

namespace forebay {

namespace v1 {
class Source;
}

// The source's columns as in an EventSchema, then `_event_time`, `_known_time`, `_timestamp` (of
// the Kafka record; timestamp[us, UTC]), `_key` (of the Kafka record; binary, nullable),
// `_key_hash` (int64), `_source_partition` (int32), `_source_offset` (int64). Only the source's
// columns and
// `_key` are nullable.
std::shared_ptr<arrow::Schema> ArchiveSchema(const v1::Source& source);

// Whether rows of this schema are of an archive, in whatever order its columns are; if not, they
// are change records.
bool IsArchiveSchema(const arrow::Schema& schema);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_BATCH_ARCHIVE_BATCH_H_
