// What the tests of this folder share: a source, records, and batches as values.
#ifndef FOREBAY_CONNECTORS_DECODE_DECODE_TESTING_H_
#define FOREBAY_CONNECTORS_DECODE_DECODE_TESTING_H_

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/decode/event_decoder.h"
#include "engine/batch/event_batch.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"
#include "schemas/types/value.h"

namespace forebay {

inline v1::Field* AddField(v1::Source* source, std::string_view name, v1::DataType type,
                           v1::TimeEncoding encoding = v1::TIME_ENCODING_UNSPECIFIED) {
  v1::Field* field = source->add_schema();
  field->set_name(std::string(name));
  field->set_type(type);
  field->set_time_encoding(encoding);
  return field;
}

// t: timestamp_ms (the event time), b, i, d, s, y: one field of each other type.
inline v1::Source TestSource() {
  v1::Source source;
  source.set_name("events");
  source.set_topic("events");
  source.set_format(v1::Source::JSON);
  source.add_key("s");
  AddField(&source, "t", v1::TIMESTAMP, v1::MILLISECONDS);
  AddField(&source, "b", v1::BOOL);
  AddField(&source, "i", v1::INT64);
  AddField(&source, "d", v1::DOUBLE);
  AddField(&source, "s", v1::STRING);
  AddField(&source, "y", v1::BYTES);
  source.set_event_time("t");
  source.set_known_time(v1::Source::KAFKA);
  source.set_max_future_us(300 * kMicrosPerSecond);
  return source;
}

inline const std::vector<std::string> kAllColumns = {"t", "b", "i", "d", "s", "y"};

inline EventDecoder MakeDecoder(const v1::Source& source, const std::vector<std::string>& columns,
                                ReadRepartitionOrigin read_headers = nullptr,
                                ReadControlRecord read_control = nullptr) {
  return EventDecoder::Make(source, columns, std::move(read_headers), std::move(read_control))
      .value();
}

using Row = std::vector<Value>;

inline Value ValueAt(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return {};
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row);
    case arrow::Type::DOUBLE:
      return static_cast<const arrow::DoubleArray&>(array).Value(row);
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(array).GetString(row);
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampArray&>(array).Value(row);
    default:
      return static_cast<const arrow::Int64Array&>(array).Value(row);
  }
}

inline std::vector<Row> RowsOf(const EventBatch& batch) {
  std::vector<Row> rows(batch.columns->num_rows());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const auto& column : batch.columns->columns()) {
      rows[i].push_back(ValueAt(*column, static_cast<int64_t>(i)));
    }
  }
  return rows;
}

inline EventBatch DecodeAll(EventDecoder& decoder, const std::vector<RawRecord>& records) {
  absl::StatusOr<EventBatch> batch = decoder.Decode(records);
  EXPECT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->size() + batch->rejected.size(), records.size());
  EXPECT_EQ(batch->columns->num_rows(), static_cast<int64_t>(batch->size()));
  EXPECT_TRUE(batch->columns->ValidateFull().ok());
  return *std::move(batch);
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_DECODE_TESTING_H_
