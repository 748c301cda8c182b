#include "engine/task/change_builder.h"

#include <arrow/api.h>

#include "engine/batch/change_batch.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

std::string_view OpName(ChangeOp op) {
  switch (op) {
    case ChangeOp::kEvent:
      return "event";
    case ChangeOp::kExpire:
      return "expire";
    case ChangeOp::kDelete:
      return "delete";
  }
  return "unknown";
}

// Builders fail only for want of memory or beyond 2 GB of text in a column, and a batch is far
// smaller.
void Check(const arrow::Status& status) {
  if (!status.ok()) status.Abort("change record");
}

template <typename Builder, typename T>
void AppendTo(arrow::ArrayBuilder* builder, T value) {
  Check(static_cast<Builder*>(builder)->Append(value));
}

void AppendScalar(v1::DataType type, const Scalar& value, arrow::ArrayBuilder* builder) {
  if (value.null) {
    Check(builder->AppendNull());
    return;
  }
  switch (type) {
    case v1::BOOL:
      AppendTo<arrow::BooleanBuilder>(builder, value.bool_value);
      break;
    case v1::INT64:
      AppendTo<arrow::Int64Builder>(builder, value.int64_value);
      break;
    case v1::TIMESTAMP:
      AppendTo<arrow::TimestampBuilder>(builder, value.int64_value);
      break;
    case v1::DOUBLE:
      AppendTo<arrow::DoubleBuilder>(builder, value.double_value);
      break;
    default:
      AppendTo<arrow::BinaryBuilder>(builder, value.string_value);
      break;
  }
}

Scalar AsScalar(const Value& value) {
  if (const bool* boolean = std::get_if<bool>(&value)) return Scalar::Bool(*boolean);
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return Scalar::Int64(*integer);
  if (const double* number = std::get_if<double>(&value)) return Scalar::Double(*number);
  if (const std::string* text = std::get_if<std::string>(&value)) return Scalar::String(*text);
  return Scalar::Null();
}

}  // namespace

ChangeBuilder::ChangeBuilder(const ViewTaskPlan& plan, PartitionId partition)
    : plan_(plan), partition_(partition.value()) {
  for (const auto& field : plan.change_schema->fields()) {
    builders_.emplace_back();
    Check(arrow::MakeBuilder(arrow::default_memory_pool(), field->type(), &builders_.back()));
  }
}

ChangeBuilder::~ChangeBuilder() = default;

void ChangeBuilder::AppendKey(std::string_view key) {
  const v1::Entity& entity = *plan_.entity;
  if (entity.keys_size() == 1 && entity.keys(0).type() == v1::STRING) {
    AppendTo<arrow::BinaryBuilder>(builders_[0].get(), key);
    return;
  }
  std::vector<Value> parts = DecodeKey(entity, key).value();  // bytes that EncodeKey made
  for (int i = 0; i < entity.keys_size(); ++i) {
    AppendScalar(entity.keys(i).type(), AsScalar(parts[i]), builders_[i].get());
  }
}

void ChangeBuilder::Append(const Change& change) {
  AppendKey(change.key);
  size_t column = plan_.entity->keys_size();
  for (const v1::Feature& feature : plan_.definition->features()) {
    AppendScalar(feature.type(), change.features[column - plan_.entity->keys_size()],
                 builders_[column].get());
    ++column;
  }
  auto next = [&] { return builders_[column++].get(); };
  AppendTo<arrow::TimestampBuilder>(next(), change.effective_time);
  AppendTo<arrow::TimestampBuilder>(next(), change.event_time);
  AppendTo<arrow::TimestampBuilder>(next(), change.known_time);
  AppendTo<arrow::BinaryBuilder>(next(), OpName(change.op));
  AppendTo<arrow::Int64Builder>(next(), KeyHash(change.key));
  AppendTo<arrow::Int32Builder>(next(), partition_);
  AppendTo<arrow::Int64Builder>(next(), change.offset);
  AppendTo<arrow::Int32Builder>(next(), change.ordinal);
  AppendTo<arrow::Int32Builder>(next(), static_cast<int32_t>(plan_.definition->version()));
  ++rows_;
}

std::shared_ptr<arrow::RecordBatch> ChangeBuilder::Finish() {
  arrow::ArrayVector columns;
  for (auto& builder : builders_) {
    columns.emplace_back();
    Check(builder->Finish(&columns.back()));
  }
  int64_t rows = rows_;
  rows_ = 0;
  return arrow::RecordBatch::Make(plan_.change_schema, rows, std::move(columns));
}

}  // namespace forebay
