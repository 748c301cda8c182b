#include "engine/task/change_builder.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "engine/batch/change_batch.h"
#include "engine/batch/list_column.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

constexpr std::string_view kOpNames[] = {"event", "expire", "delete"};

// Builders fail only for want of memory or beyond 2 GB of text in a column, and who fills one
// finishes it when it is full().
void Check(const arrow::Status& status) {
  if (!status.ok()) status.Abort("change record");
}

template <typename Builder, typename T>
void AppendTo(arrow::ArrayBuilder* builder, T value) {
  Check(static_cast<Builder*>(builder)->Append(value));
}

void AppendValue(const Value& value, arrow::ArrayBuilder* builder) {
  if (const bool* boolean = std::get_if<bool>(&value)) {
    AppendTo<arrow::BooleanBuilder>(builder, *boolean);
  } else if (const std::string* text = std::get_if<std::string>(&value)) {
    AppendTo<arrow::BinaryBuilder>(builder, std::string_view(*text));
  } else if (builder->type()->id() == arrow::Type::TIMESTAMP) {
    AppendTo<arrow::TimestampBuilder>(builder, std::get<int64_t>(value));
  } else {
    AppendTo<arrow::Int64Builder>(builder, std::get<int64_t>(value));
  }
}

bool IsWord(DataType type) {
  return type == DataType::kInt64 || type == DataType::kDouble || type == DataType::kTimestamp;
}

// The bytes 0 and 1 as bits, least bit first.
std::shared_ptr<arrow::Buffer> PackBits(const std::vector<uint8_t>& bytes, int64_t rows) {
  std::vector<uint8_t> bits((rows + 7) / 8);
  for (int64_t row = 0; row < rows; ++row)
    bits[row >> 3] = static_cast<uint8_t>(bits[row >> 3] | bytes[row] << (row & 7));
  return arrow::Buffer::FromVector(std::move(bits));
}

// Takes the first `rows` of `values`, which is empty afterwards.
template <typename T>
std::shared_ptr<arrow::Array> TakeColumn(std::shared_ptr<arrow::DataType> type,
                                         std::vector<T>* values, int64_t rows,
                                         std::shared_ptr<arrow::Buffer> valid = nullptr) {
  values->resize(rows);
  auto buffer = arrow::Buffer::FromVector(std::exchange(*values, {}));
  int64_t nulls = valid == nullptr ? 0 : arrow::kUnknownNullCount;
  return arrow::MakeArray(
      arrow::ArrayData::Make(std::move(type), rows, {std::move(valid), std::move(buffer)}, nulls));
}

std::shared_ptr<arrow::Array> Constant(int32_t value, int64_t rows) {
  std::vector<int32_t> values(rows, value);
  return TakeColumn(arrow::int32(), &values, rows);
}

std::shared_ptr<arrow::Array> OpColumn(const std::vector<ChangeOp>& ops, int64_t rows) {
  std::vector<int32_t> ends(rows + 1);
  std::string text;
  text.reserve(rows * kOpNames[1].size());
  for (int64_t row = 0; row < rows; ++row) {
    text += kOpNames[static_cast<int>(ops[row])];
    ends[row + 1] = static_cast<int32_t>(text.size());
  }
  return std::make_shared<arrow::StringArray>(rows, arrow::Buffer::FromVector(std::move(ends)),
                                              arrow::Buffer::FromString(std::move(text)));
}

std::unique_ptr<arrow::ArrayBuilder> NewBuilder(const arrow::Schema& schema, int column) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  Check(arrow::MakeBuilder(arrow::default_memory_pool(), schema.field(column)->type(), &builder));
  return builder;
}

std::shared_ptr<arrow::Array> FinishBuilder(arrow::ArrayBuilder* builder) {
  std::shared_ptr<arrow::Array> array;
  Check(builder->Finish(&array));
  return array;
}

}  // namespace

ChangeBuilder::ChangeBuilder(const ViewTaskPlan& plan, PartitionId partition)
    : plan_(plan), partition_(partition.value()), features_(plan.tiles.feature_count()) {
  const arrow::Schema& schema = *plan.change_schema;
  const int keys = plan.entity->keys_size();
  for (int i = 0; i < keys; ++i) keys_.push_back(NewBuilder(schema, i));
  for (size_t i = 0; i < features_.size(); ++i) {
    int column = static_cast<int>(i);
    features_[i].type = static_cast<DataType>(plan.definition->features(column).type());
    if (!IsWord(features_[i].type)) features_[i].builder = NewBuilder(schema, keys + column);
  }
}

ChangeBuilder::~ChangeBuilder() = default;

void ChangeBuilder::Grow() {
  capacity_ = std::max(next_capacity_, 2 * capacity_);
  for (FeatureColumn& feature : features_) {
    if (feature.builder != nullptr) continue;
    feature.words.resize(capacity_);
    feature.valid.resize(capacity_);
  }
  for (auto* column : {&effective_times_, &event_times_, &known_times_, &hashes_, &offsets_}) {
    column->resize(capacity_);
  }
  ordinals_.resize(capacity_);
  ops_.resize(capacity_);
}

void ChangeBuilder::AppendKey(std::string_view key) {
  const v1::Entity& entity = *plan_.entity;
  if (IsRawTextKey(entity)) {
    AppendTo<arrow::BinaryBuilder>(keys_[0].get(), key);
    return;
  }
  std::vector<Value> parts = DecodeKey(entity, key).value();  // bytes that EncodeKey made
  for (size_t i = 0; i < parts.size(); ++i) AppendValue(parts[i], keys_[i].get());
}

void ChangeBuilder::AppendBytes(std::string_view bytes, FeatureColumn* feature) {
  text_bytes_ += bytes.size();
  if (IsList(feature->type)) {
    Check(AppendList(ElementType(feature->type), bytes, feature->builder.get()));
  } else {
    AppendTo<arrow::BinaryBuilder>(feature->builder.get(), bytes);
  }
}

void ChangeBuilder::Append(const Change& change) {
  const auto row = static_cast<size_t>(rows_);
  if (row == capacity_) Grow();
  AppendKey(change.key.bytes);
  for (size_t i = 0; i < features_.size(); ++i) {
    FeatureColumn& feature = features_[i];
    const Scalar& value = change.features[i];
    if (feature.builder == nullptr) {
      feature.words[row] = static_cast<Word>(value.int64_value);
      feature.valid[row] = value.null ? 0 : 1;
      feature.has_nulls |= value.null;
    } else if (value.null) {
      Check(feature.builder->AppendNull());
    } else if (feature.type == DataType::kBool) {
      AppendTo<arrow::BooleanBuilder>(feature.builder.get(), value.bool_value);
    } else {
      AppendBytes(value.string_value(), &feature);
    }
  }
  effective_times_[row] = change.effective_time;
  event_times_[row] = change.event_time;
  known_times_[row] = change.known_time;
  ops_[row] = change.op;
  hashes_[row] = KeyHash(change.key);
  offsets_[row] = change.offset;
  ordinals_[row] = change.ordinal;
  ++rows_;
}

std::shared_ptr<arrow::Array> ChangeBuilder::FinishFeature(int column, FeatureColumn* feature) {
  if (feature->builder != nullptr) return FinishBuilder(feature->builder.get());
  std::shared_ptr<arrow::Buffer> valid;
  if (std::exchange(feature->has_nulls, false)) valid = PackBits(feature->valid, rows_);
  return TakeColumn(plan_.change_schema->field(column)->type(), &feature->words, rows_,
                    std::move(valid));
}

std::shared_ptr<arrow::RecordBatch> ChangeBuilder::Finish() {
  arrow::ArrayVector columns;
  for (auto& key : keys_) columns.push_back(FinishBuilder(key.get()));
  for (FeatureColumn& feature : features_)
    columns.push_back(FinishFeature(static_cast<int>(columns.size()), &feature));
  auto time = [&] { return plan_.change_schema->field(static_cast<int>(columns.size()))->type(); };
  columns.push_back(TakeColumn(time(), &effective_times_, rows_));
  columns.push_back(TakeColumn(time(), &event_times_, rows_));
  columns.push_back(TakeColumn(time(), &known_times_, rows_));
  columns.push_back(OpColumn(ops_, rows_));
  columns.push_back(TakeColumn(arrow::int64(), &hashes_, rows_));
  columns.push_back(Constant(partition_, rows_));
  columns.push_back(TakeColumn(arrow::int64(), &offsets_, rows_));
  columns.push_back(TakeColumn(arrow::int32(), &ordinals_, rows_));
  columns.push_back(Constant(static_cast<int32_t>(plan_.definition->version()), rows_));
  next_capacity_ = std::exchange(capacity_, 0);
  text_bytes_ = 0;
  return arrow::RecordBatch::Make(plan_.change_schema, std::exchange(rows_, 0), std::move(columns));
}

}  // namespace forebay
