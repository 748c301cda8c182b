#include "bench/transaction_batch.h"

#include <arrow/api.h>

#include <map>
#include <string>
#include <utility>

namespace forebay {
namespace {

using Texts = std::map<std::string, std::function<std::string(const Transaction&)>>;
using Numbers = std::map<std::string, std::function<double(const Transaction&)>>;
using Integers = std::map<std::string, std::function<int64_t(const Transaction&)>>;

const Texts& TextFields() {
  static const Texts fields = {
      {"transaction_id", [](const Transaction& t) { return t.transaction_id(); }},
      {"user_id", [](const Transaction& t) { return t.user_id; }},
      {"merchant_id", [](const Transaction& t) { return t.merchant_id(); }},
      {"currency", [](const Transaction& t) { return t.currency; }},
      {"country", [](const Transaction& t) { return t.country; }},
      {"channel", [](const Transaction& t) { return t.channel; }},
      {"device_id", [](const Transaction& t) { return t.device_id(); }},
  };
  return fields;
}

const Numbers& NumberFields() {
  static const Numbers fields = {
      {"amount", [](const Transaction& t) { return t.amount(); }},
      {"latitude", [](const Transaction& t) { return t.latitude.value(); }},
      {"longitude", [](const Transaction& t) { return t.longitude.value(); }},
  };
  return fields;
}

// As the columns hold them: times in microseconds.
const Integers& IntegerFields() {
  static const Integers fields = {
      {"mcc", [](const Transaction& t) { return t.mcc; }},
      {"event_time", [](const Transaction& t) { return t.event_time * 1000; }},
  };
  return fields;
}

template <typename Builder, typename Value>
std::function<void(const Transaction&)> Appender(arrow::ArrayBuilder* builder,
                                                 std::function<Value(const Transaction&)> value) {
  auto* typed = static_cast<Builder*>(builder);
  return [typed, value = std::move(value)](const Transaction& t) {
    (void)typed->Append(value(t));  // cannot fail but for memory
  };
}

std::function<void(const Transaction&)> AppenderOf(const arrow::Field& field,
                                                   arrow::ArrayBuilder* builder) {
  switch (field.type()->id()) {
    case arrow::Type::STRING:
      return Appender<arrow::StringBuilder>(builder, TextFields().at(field.name()));
    case arrow::Type::DOUBLE:
      return Appender<arrow::DoubleBuilder>(builder, NumberFields().at(field.name()));
    case arrow::Type::INT64:
      return Appender<arrow::Int64Builder>(builder, IntegerFields().at(field.name()));
    default:
      return Appender<arrow::TimestampBuilder>(builder, IntegerFields().at(field.name()));
  }
}

}  // namespace

TransactionBatch::TransactionBatch(const TaskPlan& plan) : plan_(&plan) {
  for (const auto& field : plan.event_schema->fields()) {
    Column column{.builder = arrow::MakeBuilder(field->type()).ValueOrDie()};
    column.append = AppenderOf(*field, column.builder.get());
    columns_.push_back(std::move(column));
  }
}
TransactionBatch::TransactionBatch(TransactionBatch&&) noexcept = default;
TransactionBatch::~TransactionBatch() = default;

void TransactionBatch::Add(const Transaction& transaction, Offset offset) {
  for (Column& column : columns_) column.append(transaction);
  const int64_t time = transaction.event_time * 1000;
  keys_->push_back(transaction.user_id);
  events_.records.push_back({.offset = offset, .timestamp = time, .key = keys_->back()});
  events_.event_times.push_back(EventTime(time));
  events_.known_times.push_back(KnownTime(time));
  events_.last_offset = offset;
}

EventBatch TransactionBatch::Finish() {
  arrow::ArrayVector arrays;
  for (Column& column : columns_) arrays.push_back(column.builder->Finish().ValueOrDie());
  events_.columns = arrow::RecordBatch::Make(
      plan_->event_schema, static_cast<int64_t>(events_.size()), std::move(arrays));
  events_.owner = std::exchange(keys_, std::make_shared<std::deque<std::string>>());
  return std::exchange(events_, EventBatch());
}

}  // namespace forebay
