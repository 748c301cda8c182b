#include "connectors/decode/event_decoder.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "connectors/decode/column_builder.h"
#include "connectors/decode/gate.h"
#include "connectors/decode/json_object_reader.h"
#include "connectors/decode/protobuf_reader.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// A format: a record's bytes to the values of the declared fields, or what is wrong with them.
using RecordReader = std::variant<JsonObjectReader, ProtobufReader>;

absl::StatusOr<RecordReader> MakeReader(const v1::Source& source) {
  if (source.format() == v1::Source::PROTOBUF) return ProtobufReader::Make(source);
  return JsonObjectReader(source);
}

// Each fills `rejection` and returns false.
bool Refuse(const std::string& problem, Rejection* rejection) {
  *rejection = {RejectReason::kUndecodable, problem};
  return false;
}
bool RefuseNull(std::string_view expected, Rejection* rejection) {
  return Refuse(fmt::format("the value is null, expected {}", expected), rejection);
}
bool RefuseForeign(Rejection* rejection) {
  return Refuse("the record lacks the headers of a repartition topic: only forebay may write to it",
                rejection);
}

absl::Status NoRoom(const arrow::Status& status) {
  return absl::ResourceExhaustedError(fmt::format(
      "cannot hold a batch of events: {}: read fewer records at once", status.message()));
}

}  // namespace

class EventDecoder::Impl {
 public:
  Impl(const v1::Source& source, RecordReader reader, const std::vector<std::string>& columns,
       ReadRepartitionOrigin read_headers, ReadControlRecord read_control);

  absl::StatusOr<EventBatch> Decode(absl::Span<const RawRecord> records, Offset last_offset);
  std::string TakeUnitMismatch() { return std::exchange(mismatch_, ""); }

 private:
  struct Column {
    size_t field;
    ColumnBuilder builder;
  };

  arrow::Status Reserve(size_t records, EventBatch* batch);
  bool TakeControl(const RawRecord& record, EventBatch* batch) const;
  template <typename Reader>
  arrow::Status Fill(absl::Span<const RawRecord> records, Reader& reader, EventBatch* batch);
  template <typename Reader>
  bool Check(const RawRecord& record, const RepartitionOrigin* headers, Reader& reader,
             EventTimes* times, Rejection* rejection) const;
  arrow::Status Append(const RawRecord& record, const EventTimes& times, const FieldValue* values,
                       EventBatch* batch);
  arrow::Status Finish(EventBatch* batch);
  void LookAtUnits(const EventBatch& batch);
  void FoundMismatch(std::string mismatch);

  RecordReader reader_;
  Gate gate_;
  ReadRepartitionOrigin read_headers_;  // empty: not a repartition topic
  ReadControlRecord read_control_;
  std::vector<Column> columns_;
  std::shared_ptr<arrow::Schema> schema_;
  std::string mismatch_;         // to be taken
  bool mismatch_found_ = false;  // and not looked for any more
};

EventDecoder::Impl::Impl(const v1::Source& source, RecordReader reader,
                         const std::vector<std::string>& columns,
                         ReadRepartitionOrigin read_headers, ReadControlRecord read_control)
    : reader_(std::move(reader)),
      gate_(source),
      read_headers_(std::move(read_headers)),
      read_control_(std::move(read_control)) {
  std::vector<const v1::Field*> fields;
  for (int i = 0; i < source.schema_size(); ++i) {
    const v1::Field& field = source.schema(i);
    if (std::find(columns.begin(), columns.end(), field.name()) == columns.end()) continue;
    fields.push_back(&field);
    columns_.push_back(
        {static_cast<size_t>(i), ColumnBuilder(static_cast<DataType>(field.type()))});
  }
  schema_ = EventSchema(fields);
}

absl::StatusOr<EventBatch> EventDecoder::Impl::Decode(absl::Span<const RawRecord> records,
                                                      Offset last_offset) {
  EventBatch batch;
  batch.last_offset = records.empty() ? last_offset : std::max(last_offset, records.back().offset);
  arrow::Status status = Reserve(records.size(), &batch);
  if (status.ok()) {
    status = std::visit([&](auto& reader) { return Fill(records, reader, &batch); }, reader_);
  }
  if (status.ok()) status = Finish(&batch);
  if (!status.ok()) return NoRoom(status);
  if (!mismatch_found_ && !read_headers_ && !batch.records.empty()) LookAtUnits(batch);
  return batch;
}

arrow::Status EventDecoder::Impl::Reserve(size_t records, EventBatch* batch) {
  batch->records.reserve(records);
  batch->event_times.reserve(records);
  batch->known_times.reserve(records);
  if (read_headers_) batch->origins.reserve(records);
  for (Column& column : columns_) {
    ARROW_RETURN_NOT_OK(column.builder.Start(static_cast<int64_t>(records)));
  }
  return arrow::Status::OK();
}

// The gate; fills `rejection` where it refuses the record.
template <typename Reader>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool EventDecoder::Impl::Check(const RawRecord& record,
                                                                   const RepartitionOrigin* headers,
                                                                   Reader& reader,
                                                                   EventTimes* times,
                                                                   Rejection* rejection) const {
  if (!record.value.has_value()) return RefuseNull(Reader::kExpected, rejection);
  if (!reader.Read(*record.value)) return Refuse(reader.problem(), rejection);
  return gate_.Check(record, reader.values().data(),
                     headers == nullptr ? nullptr : &headers->known_time, times, rejection);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE
inline arrow::Status EventDecoder::Impl::Append(const RawRecord& record, const EventTimes& times,
                                                const FieldValue* values, EventBatch* batch) {
  for (Column& column : columns_) {
    ARROW_RETURN_NOT_OK(column.builder.Append(values[column.field]));
  }
  batch->records.push_back(record);
  batch->event_times.push_back(times.event_time);
  batch->known_times.push_back(times.known_time);
  return arrow::Status::OK();
}

// False: it is none.
bool EventDecoder::Impl::TakeControl(const RawRecord& record, EventBatch* batch) const {
  std::optional<ControlRecord> control = read_control_(record);
  if (!control) return false;
  if (control->marker) batch->markers.push_back(*control->marker);
  if (control->erasure) {
    control->erasure->before_row = batch->records.size();
    batch->erasures.push_back(*std::move(control->erasure));
  }
  return true;
}

template <typename Reader>
arrow::Status EventDecoder::Impl::Fill(absl::Span<const RawRecord> records, Reader& reader,
                                       EventBatch* batch) {
  Rejection rejection;
  EventTimes times;
  for (const RawRecord& record : records) {
    if (!record.value && read_control_ && TakeControl(record, batch)) continue;
    std::optional<RepartitionOrigin> headers;
    bool passes = true;
    if (read_headers_) {
      headers = read_headers_(record);
      passes = headers.has_value() || RefuseForeign(&rejection);
    }
    const RepartitionOrigin* origin = headers.has_value() ? &*headers : nullptr;
    if (passes && Check(record, origin, reader, &times, &rejection)) {
      ARROW_RETURN_NOT_OK(Append(record, times, reader.values().data(), batch));
      if (origin != nullptr) batch->origins.push_back(origin->origin);
    } else {
      if (!rejection.mismatch.empty()) FoundMismatch(std::move(rejection.mismatch));
      batch->rejected.push_back({record, rejection.reason, std::move(rejection.detail)});
    }
  }
  return arrow::Status::OK();
}

arrow::Status EventDecoder::Impl::Finish(EventBatch* batch) {
  arrow::ArrayVector arrays(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    ARROW_RETURN_NOT_OK(columns_[i].builder.Finish(&arrays[i]));
  }
  batch->columns = arrow::RecordBatch::Make(schema_, static_cast<int64_t>(batch->records.size()),
                                            std::move(arrays));
  return arrow::Status::OK();
}

void EventDecoder::Impl::LookAtUnits(const EventBatch& batch) {
  EventTimes newest{batch.event_times.back(), batch.known_times.back()};
  std::string mismatch = gate_.MismatchOf(batch.records.back().timestamp, newest);
  if (!mismatch.empty()) FoundMismatch(std::move(mismatch));
}

void EventDecoder::Impl::FoundMismatch(std::string mismatch) {
  if (!mismatch_found_) mismatch_ = std::move(mismatch);
  mismatch_found_ = true;
}

absl::StatusOr<EventDecoder> EventDecoder::Make(const v1::Source& source,
                                                const std::vector<std::string>& columns,
                                                ReadRepartitionOrigin read_headers,
                                                ReadControlRecord read_control) {
  ASSIGN_OR_RETURN(RecordReader reader, MakeReader(source));
  return EventDecoder(std::make_unique<Impl>(source, std::move(reader), columns,
                                             std::move(read_headers), std::move(read_control)));
}

EventDecoder::EventDecoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventDecoder::EventDecoder(EventDecoder&&) noexcept = default;
EventDecoder& EventDecoder::operator=(EventDecoder&&) noexcept = default;
EventDecoder::~EventDecoder() = default;

std::string EventDecoder::TakeUnitMismatch() { return impl_->TakeUnitMismatch(); }

absl::StatusOr<EventBatch> EventDecoder::Decode(absl::Span<const RawRecord> records,
                                                Offset last_offset) {
  return impl_->Decode(records, last_offset);
}

}  // namespace forebay
