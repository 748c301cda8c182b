// Kafka records to an EventBatch: the gate of a source (S1), whatever its format.
//
//   ASSIGN_OR_RETURN(EventDecoder decoder, EventDecoder::Make(source, {"user_id", "amount"}));
//   ASSIGN_OR_RETURN(EventBatch batch, decoder.Decode(fetched.records, fetched.last_offset));
//   batch.owner = fetched.owner;
//
// What a record's value must be is in json_object_reader.h and protobuf_reader.h. Every record is
// on its own: how records are cut into batches changes nothing.
#ifndef FOREBAY_CONNECTORS_DECODE_EVENT_DECODER_H_
#define FOREBAY_CONNECTORS_DECODE_EVENT_DECODER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/batch/event_batch.h"

namespace forebay {

namespace v1 {
class Source;
}

// What the headers of a record of a repartition topic say (S26).
struct RepartitionOrigin {
  RecordOrigin origin;
  KnownTime known_time;
};

// nullopt: the record has no such headers.
using ReadRepartitionOrigin =
    std::function<std::optional<RepartitionOrigin>(const RawRecord& record)>;

// What a control record of forebay's says (S31): one of them, or nothing where it is to be passed
// over.
struct ControlRecord {
  std::optional<SourceMarker> marker;
  std::optional<KeyErasure> erasure;
};

// nullopt: it is no control record. Asked of records without a value alone, which control records
// are: others cost nothing more.
using ReadControlRecord = std::function<std::optional<ControlRecord>(const RawRecord& record)>;

// Not thread-safe. Allocates per batch and column, not per record.
class EventDecoder {
 public:
  // `columns` names fields of the source's schema: the batches hold these, in the order of the
  // schema. All other declared fields are checked too.
  //
  // `read_headers` is for a repartition topic of the source: known times and origins come from the
  // headers, and times are not compared with the Kafka timestamp again. `read_control` tells
  // control records apart; without it there are none.
  //
  // Errors: INVALID_ARGUMENT: the source's message is not one of its descriptor set, or lacks a
  // field of the schema.
  static absl::StatusOr<EventDecoder> Make(const v1::Source& source,
                                           const std::vector<std::string>& columns,
                                           ReadRepartitionOrigin read_headers = nullptr,
                                           ReadControlRecord read_control = nullptr);

  EventDecoder(EventDecoder&&) noexcept;
  EventDecoder& operator=(EventDecoder&&) noexcept;
  ~EventDecoder();

  // The records must be in offset order. `last_offset` is how far was read, control records and
  // holes included; the batch's last_offset is that, or the last record's if it is greater. `owner`
  // and `bytes` of the batch are left to the caller; its records and those rejected point into
  // `records`' memory. Errors: RESOURCE_EXHAUSTED: no memory, or more than 2 GiB of text in one
  // column.
  absl::StatusOr<EventBatch> Decode(absl::Span<const RawRecord> records,
                                    Offset last_offset = Offset(-1));

  // What the records decoded so far say about a wrong unit of the source's times
  // (unit_mismatch.h), with an example: once, at the first call after it was seen. Else empty. One
  // record of each batch is looked at, and those that are refused for their times.
  std::string TakeUnitMismatch();

 private:
  class Impl;
  explicit EventDecoder(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_EVENT_DECODER_H_
