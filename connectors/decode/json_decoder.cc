#include "connectors/decode/json_decoder.h"

#include <arrow/api.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "connectors/decode/column_builder.h"
#include "connectors/decode/json_object_reader.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr size_t kNoField = static_cast<size_t>(-1);

size_t IndexOf(const v1::Source& source, const std::string& name) {
  for (int i = 0; i < source.schema_size(); ++i) {
    if (source.schema(i).name() == name) return i;
  }
  return kNoField;
}

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

bool IsTimeOfAnEvent(const FieldValue& value) {
  return !value.null && value.integer >= kMinTime && value.integer <= kMaxTime;
}

// The timestamp of a Kafka record may be anything.
std::string TimeText(int64_t micros) {
  if (micros >= kMinTime && micros <= kMaxTime) return FormatTime(micros);
  return fmt::format("{} us from 1970", micros);
}

std::string NotATimeOfAnEvent(const std::string& field, const FieldValue& value) {
  return value.null ? fmt::format("field {} is missing or null, and every event needs it", field)
                    : fmt::format("field {} is not within the years 1 to 9999", field);
}

absl::Status NoRoom(const arrow::Status& status) {
  return absl::ResourceExhaustedError(fmt::format(
      "cannot hold a batch of events: {}: read fewer records at once", status.message()));
}

}  // namespace

class JsonDecoder::Impl {
 public:
  Impl(const v1::Source& source, const std::vector<std::string>& columns,
       ReadRepartitionOrigin read_headers);

  absl::StatusOr<EventBatch> Decode(absl::Span<const RawRecord> records, Offset last_offset);

 private:
  struct Column {
    size_t field;
    ColumnBuilder builder;
  };
  struct Times {
    EventTime event_time;
    KnownTime known_time;
  };
  struct Rejection {
    RejectReason reason;
    std::string detail;
  };

  arrow::Status Fill(absl::Span<const RawRecord> records, EventBatch* batch);
  arrow::Status AppendRow(const RawRecord& record, const Times& times, EventBatch* batch);
  arrow::Status Finish(EventBatch* batch);
  // The gate: each fills `rejection` where it refuses the record.
  bool Check(const RawRecord& record, const RepartitionOrigin* headers, Times* times,
             Rejection* rejection);
  bool CheckTimes(const RawRecord& record, const RepartitionOrigin* headers, Times* times,
                  Rejection* rejection);
  bool CheckFuture(const RawRecord& record, const Times& times, Rejection* rejection);

  JsonObjectReader reader_;
  ReadRepartitionOrigin read_headers_;  // empty: not a repartition topic
  std::vector<Column> columns_;
  std::shared_ptr<arrow::Schema> schema_;
  v1::Source::KnownTime known_time_;
  std::string event_time_name_;
  std::string known_time_name_;
  size_t event_time_field_;
  size_t known_time_field_;  // kNoField unless known_time is a column
  int64_t max_future_;
};

JsonDecoder::Impl::Impl(const v1::Source& source, const std::vector<std::string>& columns,
                        ReadRepartitionOrigin read_headers)
    : reader_(source),
      read_headers_(std::move(read_headers)),
      known_time_(source.known_time()),
      event_time_name_(source.event_time()),
      known_time_name_(source.known_time_column()),
      event_time_field_(IndexOf(source, source.event_time())),
      known_time_field_(source.known_time() == v1::Source::COLUMN
                            ? IndexOf(source, source.known_time_column())
                            : kNoField),
      max_future_(source.max_future_us()) {
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

absl::StatusOr<EventBatch> JsonDecoder::Impl::Decode(absl::Span<const RawRecord> records,
                                                     Offset last_offset) {
  EventBatch batch;
  batch.last_offset = records.empty() ? last_offset : std::max(last_offset, records.back().offset);
  arrow::Status status = Fill(records, &batch);
  if (status.ok()) status = Finish(&batch);
  if (!status.ok()) return NoRoom(status);
  return batch;
}

arrow::Status JsonDecoder::Impl::Fill(absl::Span<const RawRecord> records, EventBatch* batch) {
  batch->records.reserve(records.size());
  batch->event_times.reserve(records.size());
  batch->known_times.reserve(records.size());
  if (read_headers_) batch->origins.reserve(records.size());
  for (Column& column : columns_) {
    ARROW_RETURN_NOT_OK(column.builder.Reserve(static_cast<int64_t>(records.size()), 0));
  }
  for (const RawRecord& record : records) {
    std::optional<RepartitionOrigin> headers;
    if (read_headers_) {
      headers = read_headers_(record);
      if (headers.has_value() && headers->marker) continue;
    }
    Times times;
    Rejection rejection;
    if (Check(record, headers.has_value() ? &*headers : nullptr, &times, &rejection)) {
      ARROW_RETURN_NOT_OK(AppendRow(record, times, batch));
      if (read_headers_) batch->origins.push_back(headers->origin);
    } else {
      batch->rejected.push_back({record, rejection.reason, std::move(rejection.detail)});
    }
  }
  return arrow::Status::OK();
}

arrow::Status JsonDecoder::Impl::AppendRow(const RawRecord& record, const Times& times,
                                           EventBatch* batch) {
  absl::Span<const FieldValue> values = reader_.values();
  for (Column& column : columns_) {
    ARROW_RETURN_NOT_OK(column.builder.Append(values[column.field]));
  }
  batch->records.push_back(record);
  batch->event_times.push_back(times.event_time);
  batch->known_times.push_back(times.known_time);
  return arrow::Status::OK();
}

arrow::Status JsonDecoder::Impl::Finish(EventBatch* batch) {
  arrow::ArrayVector arrays(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    ARROW_RETURN_NOT_OK(columns_[i].builder.Finish(&arrays[i]));
  }
  batch->columns = arrow::RecordBatch::Make(schema_, static_cast<int64_t>(batch->records.size()),
                                            std::move(arrays));
  return arrow::Status::OK();
}

bool JsonDecoder::Impl::Check(const RawRecord& record, const RepartitionOrigin* headers,
                              Times* times, Rejection* rejection) {
  rejection->reason = RejectReason::kUndecodable;
  if (read_headers_ && headers == nullptr) {
    rejection->detail =
        "the record lacks the headers of a repartition topic: only forebay may write to it";
    return false;
  }
  if (!record.value.has_value()) {
    rejection->detail = "the value is null, expected a JSON object";
    return false;
  }
  if (!reader_.Read(*record.value)) {
    rejection->detail = reader_.problem();
    return false;
  }
  if (!CheckTimes(record, headers, times, rejection)) return false;
  return read_headers_ || CheckFuture(record, *times, rejection);
}

bool JsonDecoder::Impl::CheckTimes(const RawRecord& record, const RepartitionOrigin* headers,
                                   Times* times, Rejection* rejection) {
  const FieldValue& event_time = reader_.values()[event_time_field_];
  if (!IsTimeOfAnEvent(event_time)) {
    *rejection = {RejectReason::kBadEventTime, NotATimeOfAnEvent(event_time_name_, event_time)};
    return false;
  }
  times->event_time = EventTime(event_time.integer);
  if (known_time_field_ != kNoField) {
    const FieldValue& known_time = reader_.values()[known_time_field_];
    if (!IsTimeOfAnEvent(known_time)) {
      *rejection = {RejectReason::kBadKnownTime, NotATimeOfAnEvent(known_time_name_, known_time)};
      return false;
    }
    times->known_time = KnownTime(known_time.integer);
  } else {
    times->known_time =
        KnownTime(known_time_ == v1::Source::EVENT_TIME ? event_time.integer : record.timestamp);
  }
  if (headers != nullptr) times->known_time = headers->known_time;
  return true;
}

bool JsonDecoder::Impl::CheckFuture(const RawRecord& record, const Times& times,
                                    Rejection* rejection) {
  int64_t event_time = times.event_time.value();
  int64_t known_time = times.known_time.value();
  auto ahead = [&](const std::string& field, int64_t time, std::string_view of, int64_t than) {
    *rejection = {RejectReason::kFuture,
                  fmt::format("field {} is {}, more than {} after {}, {}", field, TimeText(time),
                              FormatDuration(max_future_), of, TimeText(than))};
    return false;
  };
  constexpr std::string_view kTimestamp = "the timestamp of the Kafka record";
  int64_t limit = SaturatingAdd(record.timestamp, max_future_);
  if (event_time > limit) return ahead(event_time_name_, event_time, kTimestamp, record.timestamp);
  if (known_time_field_ == kNoField) return true;
  if (known_time > limit) return ahead(known_time_name_, known_time, kTimestamp, record.timestamp);
  if (event_time <= SaturatingAdd(known_time, max_future_)) return true;
  return ahead(event_time_name_, event_time, "field " + known_time_name_, known_time);
}

JsonDecoder::JsonDecoder(const v1::Source& source, const std::vector<std::string>& columns)
    : JsonDecoder(source, columns, nullptr) {}
JsonDecoder::JsonDecoder(const v1::Source& source, const std::vector<std::string>& columns,
                         ReadRepartitionOrigin read_headers)
    : impl_(std::make_unique<Impl>(source, columns, std::move(read_headers))) {}
JsonDecoder::JsonDecoder(JsonDecoder&&) noexcept = default;
JsonDecoder::~JsonDecoder() = default;

absl::StatusOr<EventBatch> JsonDecoder::Decode(absl::Span<const RawRecord> records,
                                               Offset last_offset) {
  return impl_->Decode(records, last_offset);
}

}  // namespace forebay
