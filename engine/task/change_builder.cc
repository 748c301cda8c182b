#include "engine/task/change_builder.h"

#include <arrow/api.h>

#include <algorithm>
#include <bit>
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

std::shared_ptr<arrow::Array> MakeColumn(std::shared_ptr<arrow::DataType> type, int64_t rows,
                                         std::shared_ptr<arrow::Buffer> values,
                                         std::shared_ptr<arrow::Buffer> valid = nullptr,
                                         int64_t nulls = 0) {
  return arrow::MakeArray(
      arrow::ArrayData::Make(std::move(type), rows, {std::move(valid), std::move(values)}, nulls));
}

std::shared_ptr<arrow::Array> Constant(int32_t value, int64_t rows) {
  return MakeColumn(arrow::int32(), rows,
                    arrow::Buffer::FromVector(std::vector<int32_t>(rows, value)));
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

ChangeBuilder::ChangeBuilder(const v1::FeatureView& view, const v1::Entity& entity,
                             std::shared_ptr<arrow::Schema> schema, PartitionId partition)
    : entity_(entity),
      schema_(std::move(schema)),
      row_bytes_(static_cast<size_t>(schema_->num_fields()) * sizeof(Word)),
      view_version_(static_cast<int32_t>(view.version())),
      partition_(partition.value()),
      features_(view.features_size()),
      waiting_(kRowsWaiting * features_.size()) {
  const int keys = entity.keys_size();
  for (int i = 0; i < keys; ++i) keys_.push_back(NewBuilder(*schema_, i));
  for (size_t i = 0; i < features_.size(); ++i) {
    int column = static_cast<int>(i);
    features_[i].type = static_cast<DataType>(view.features(column).type());
    if (IsWord(features_[i].type)) continue;
    features_[i].builder = NewBuilder(*schema_, keys + column);
    built_.push_back(i);
  }
}

ChangeBuilder::~ChangeBuilder() = default;

template <typename T>
void ChangeBuilder::Column<T>::Resize(int64_t size) {
  const auto bytes = size * static_cast<int64_t>(sizeof(T));
  if (buffer_ == nullptr) {
    buffer_ = arrow::AllocateResizableBuffer(bytes).ValueOrDie();  // fails as a builder does
  } else {
    Check(buffer_->Resize(bytes, /*shrink_to_fit=*/false));
  }
  data_ = reinterpret_cast<T*>(buffer_->mutable_data());
}

template <typename T>
std::shared_ptr<arrow::Buffer> ChangeBuilder::Column<T>::Take(int64_t size) {
  Check(buffer_->Resize(size * static_cast<int64_t>(sizeof(T)), /*shrink_to_fit=*/false));
  data_ = nullptr;
  return std::exchange(buffer_, nullptr);
}

void ChangeBuilder::Grow() {
  capacity_ = std::max(next_capacity_, 2 * capacity_);  // a multiple of kRowsWaiting
  for (FeatureColumn& feature : features_) {
    if (feature.builder != nullptr) continue;
    feature.words.Resize(capacity_);
    feature.valid.Resize(capacity_ / kRowsWaiting);
  }
  for (auto* column : {&effective_times_, &event_times_, &known_times_, &hashes_, &offsets_}) {
    column->Resize(capacity_);
  }
  ordinals_.Resize(capacity_);
  ops_.Resize(capacity_);
}

void ChangeBuilder::AppendKey(std::string_view key) {
  if (IsRawTextKey(entity_)) {
    AppendTo<arrow::BinaryBuilder>(keys_[0].get(), key);
    return;
  }
  std::vector<Value> parts = DecodeKey(entity_, key).value();  // bytes that EncodeKey made
  for (size_t i = 0; i < parts.size(); ++i) AppendValue(parts[i], keys_[i].get());
}

void ChangeBuilder::AppendFeature(const Scalar& value, FeatureColumn* feature) {
  if (value.null) {
    Check(feature->builder->AppendNull());
  } else if (feature->type == DataType::kBool) {
    AppendTo<arrow::BooleanBuilder>(feature->builder.get(), value.bool_value);
  } else {
    AppendBytes(value.string_value(), feature);
  }
}

void ChangeBuilder::AppendBytes(std::string_view bytes, FeatureColumn* feature) {
  text_bytes_ += bytes.size();
  if (IsList(feature->type)) {
    Check(AppendList(ElementType(feature->type), bytes, feature->builder.get()));
  } else {
    AppendTo<arrow::BinaryBuilder>(feature->builder.get(), bytes);
  }
}

void ChangeBuilder::Append(const Change& change, const Scalar* features) {
  const int64_t row = rows_;
  if (row == capacity_) Grow();
  AppendKey(change.key.bytes);
  std::copy_n(features, features_.size(), &waiting_[row % kRowsWaiting * features_.size()]);
  for (size_t i : built_) AppendFeature(features[i], &features_[i]);
  effective_times_[row] = change.effective_time;
  event_times_[row] = change.event_time;
  known_times_[row] = change.known_time;
  ops_[row] = change.op;
  hashes_[row] = KeyHash(change.key);
  offsets_[row] = change.offset;
  ordinals_[row] = change.ordinal;
  ++rows_;
  if (rows_ % kRowsWaiting == 0) FillColumns(rows_ - kRowsWaiting);
}

// Moves the rows that wait, the first of which is `first`, into the columns of words.
void ChangeBuilder::FillColumns(int64_t first) {
  const auto rows = static_cast<size_t>(rows_ - first);
  for (size_t i = 0; i < features_.size(); ++i) {
    FeatureColumn& feature = features_[i];
    if (feature.builder != nullptr) continue;
    Word* words = &feature.words[first];
    Word nulls = 0;
    const Scalar* value = waiting_.data() + i;
    for (size_t row = 0; row < rows; ++row, value += features_.size()) {
      words[row] = static_cast<Word>(value->int64_value);
      nulls |= Word{value->null} << row;
    }
    feature.valid[first / kRowsWaiting] = ~nulls;
    feature.nulls += std::popcount(nulls);
  }
}

std::shared_ptr<arrow::Array> ChangeBuilder::FinishFeature(int column, FeatureColumn* feature) {
  if (feature->builder != nullptr) return FinishBuilder(feature->builder.get());
  std::shared_ptr<arrow::Buffer> valid;
  if (feature->nulls > 0) valid = feature->valid.Take((rows_ + kRowsWaiting - 1) / kRowsWaiting);
  return MakeColumn(schema_->field(column)->type(), rows_, feature->words.Take(rows_),
                    std::move(valid), std::exchange(feature->nulls, 0));
}

std::shared_ptr<arrow::Array> ChangeBuilder::OpColumn() const {
  std::vector<int32_t> ends(rows_ + 1);
  std::string text;
  text.reserve(rows_ * kOpNames[1].size());
  for (int64_t row = 0; row < rows_; ++row) {
    text += kOpNames[static_cast<int>(ops_[row])];
    ends[row + 1] = static_cast<int32_t>(text.size());
  }
  return std::make_shared<arrow::StringArray>(rows_, arrow::Buffer::FromVector(std::move(ends)),
                                              arrow::Buffer::FromString(std::move(text)));
}

std::shared_ptr<arrow::RecordBatch> ChangeBuilder::Finish() {
  if (rows_ % kRowsWaiting != 0) FillColumns(rows_ - rows_ % kRowsWaiting);
  arrow::ArrayVector columns;
  for (auto& key : keys_) columns.push_back(FinishBuilder(key.get()));
  for (FeatureColumn& feature : features_)
    columns.push_back(FinishFeature(static_cast<int>(columns.size()), &feature));
  auto time = [&] { return schema_->field(static_cast<int>(columns.size()))->type(); };
  columns.push_back(MakeColumn(time(), rows_, effective_times_.Take(rows_)));
  columns.push_back(MakeColumn(time(), rows_, event_times_.Take(rows_)));
  columns.push_back(MakeColumn(time(), rows_, known_times_.Take(rows_)));
  columns.push_back(OpColumn());
  columns.push_back(MakeColumn(arrow::int64(), rows_, hashes_.Take(rows_)));
  columns.push_back(Constant(partition_, rows_));
  columns.push_back(MakeColumn(arrow::int64(), rows_, offsets_.Take(rows_)));
  columns.push_back(MakeColumn(arrow::int32(), rows_, ordinals_.Take(rows_)));
  columns.push_back(Constant(view_version_, rows_));
  next_capacity_ = (rows_ + rows_ / 8) / kRowsWaiting * kRowsWaiting + kRowsWaiting;
  capacity_ = 0;
  text_bytes_ = 0;
  return arrow::RecordBatch::Make(schema_, std::exchange(rows_, 0), std::move(columns));
}

}  // namespace forebay
