// Reads the control records of one topic (S31).
//
//   ControlReader reader({&user}, /*repartition=*/false);
//   ASSIGN_OR_RETURN(std::optional<ControlRecord> control, reader.Read(record));
#ifndef FOREBAY_CONNECTORS_KAFKA_CONTROL_READER_H_
#define FOREBAY_CONNECTORS_KAFKA_CONTROL_READER_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/decode/event_decoder.h"
#include "connectors/decode/key_text.h"

namespace forebay {

// Not thread-safe.
class ControlReader {
 public:
  // `entities`: those whose views the topic feeds; they outlive it. `repartition`: it is a
  // repartition topic.
  ControlReader(const std::vector<const v1::Entity*>& entities, bool repartition);

  // nullopt: it is no control record. Neither a marker nor an erasure: an erasure for no entity of
  // the topic's. INVALID_ARGUMENT: what it says cannot be read, or is of a kind that this forebay
  // does not know; the message says nothing of its key. `record` as fetched.
  absl::StatusOr<std::optional<ControlRecord>> Read(const RawRecord& record);

 private:
  absl::StatusOr<ControlRecord> ReadErasure(const RawRecord& record);

  std::vector<KeyTextReader> keys_;
  const bool repartition_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_CONTROL_READER_H_
