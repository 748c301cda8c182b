#include "offline/training_set/feature_column.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <bit>
#include <string_view>

#include "engine/batch/arrow_type.h"
#include "engine/batch/list_column.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

template <typename Array, typename Store>
void Copy(const arrow::Array& array, const std::vector<uint32_t>& from,
          const std::vector<uint32_t>& rows, std::vector<uint8_t>* valid, const Store& store) {
  const auto& typed = static_cast<const Array&>(array);
  bool nulls = array.null_count() > 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    bool present = !nulls || typed.IsValid(from[i]);
    (*valid)[rows[i]] = present;
    if (present) store(rows[i], typed.GetView(from[i]));
  }
}

template <typename Builder, typename Value>
arrow::Result<std::shared_ptr<arrow::Array>> Build(std::shared_ptr<arrow::DataType> type,
                                                   const std::vector<uint8_t>& valid,
                                                   const Value& value) {
  Builder builder(type, arrow::default_memory_pool());
  ARROW_RETURN_NOT_OK(builder.Reserve(valid.size()));
  for (size_t row = 0; row < valid.size(); ++row) {
    if (valid[row] != 0) {
      ARROW_RETURN_NOT_OK(builder.Append(value(row)));
    } else {
      ARROW_RETURN_NOT_OK(builder.AppendNull());
    }
  }
  return builder.Finish();
}

}  // namespace

FeatureColumn::FeatureColumn(const v1::Feature& feature, int64_t labels)
    : feature_type_(static_cast<DataType>(feature.type())),
      type_(ArrowType(feature_type_)),
      text_(feature.type() == v1::STRING || feature.type() == v1::BYTES || IsList(feature_type_)) {
  const v1::Literal& literal = feature.default_value();
  default_valid_ = true;
  switch (literal.value_case()) {
    case v1::Literal::kBoolValue:
      default_number_ = literal.bool_value() ? 1 : 0;
      break;
    case v1::Literal::kInt64Value:
      default_number_ = feature.type() == v1::DOUBLE
                            ? std::bit_cast<int64_t>(static_cast<double>(literal.int64_value()))
                            : literal.int64_value();
      break;
    case v1::Literal::kDoubleValue:
      default_number_ = std::bit_cast<int64_t>(literal.double_value());
      break;
    case v1::Literal::kStringValue:
      default_text_ = literal.string_value();
      break;
    default:
      default_valid_ = false;
  }
  valid_.assign(labels, default_valid_ ? 1 : 0);
  if (text_) {
    texts_.assign(labels, default_text_);
  } else {
    numbers_.assign(labels, default_number_);
  }
}

void FeatureColumn::SetDefault(uint32_t row) {
  valid_[row] = default_valid_;
  if (text_) {
    texts_[row] = default_text_;
  } else {
    numbers_[row] = default_number_;
  }
}

absl::Status FeatureColumn::Set(const arrow::Array& array, const std::vector<uint32_t>& from,
                                const std::vector<uint32_t>& rows) {
  if (array.type_id() == arrow::Type::NA) {
    for (uint32_t row : rows) SetNull(row);
    return absl::OkStatus();
  }
  auto number = [&](uint32_t row, auto value) { numbers_[row] = value; };
  auto real = [&](uint32_t row, double value) { numbers_[row] = std::bit_cast<int64_t>(value); };
  auto text = [&](uint32_t row, std::string_view value) { texts_[row] = value; };
  arrow::Type::type id = array.type_id();
  if (IsList(feature_type_)) return SetLists(array, from, rows);
  if (text_ && (id == arrow::Type::STRING || id == arrow::Type::BINARY)) {
    Copy<arrow::BinaryArray>(array, from, rows, &valid_, text);
  } else if (text_ && (id == arrow::Type::LARGE_STRING || id == arrow::Type::LARGE_BINARY)) {
    Copy<arrow::LargeBinaryArray>(array, from, rows, &valid_, text);
  } else if (id != type_->id()) {
    return WrongType(array);
  } else if (id == arrow::Type::DOUBLE) {
    Copy<arrow::DoubleArray>(array, from, rows, &valid_, real);
  } else if (id == arrow::Type::BOOL) {
    Copy<arrow::BooleanArray>(array, from, rows, &valid_, number);
  } else if (id == arrow::Type::TIMESTAMP) {
    Copy<arrow::TimestampArray>(array, from, rows, &valid_, number);
  } else {
    Copy<arrow::Int64Array>(array, from, rows, &valid_, number);
  }
  return absl::OkStatus();
}

absl::Status FeatureColumn::SetLists(const arrow::Array& array, const std::vector<uint32_t>& from,
                                     const std::vector<uint32_t>& rows) {
  DataType element = ElementType(feature_type_);
  if (!HoldsLists(*array.type(), element)) return WrongType(array);
  for (size_t i = 0; i < rows.size(); ++i) {
    valid_[rows[i]] = array.IsValid(from[i]);
    if (array.IsValid(from[i])) ReadList(array, from[i], element, &texts_[rows[i]]);
  }
  return absl::OkStatus();
}

absl::Status FeatureColumn::WrongType(const arrow::Array& found) const {
  return absl::InvalidArgumentError(
      fmt::format("is {}, expected {}", found.type()->ToString(), type_->ToString()));
}

absl::StatusOr<std::shared_ptr<arrow::Array>> FeatureColumn::Finish() const {
  auto array = BuildArray();
  if (array.ok()) return *std::move(array);
  return absl::ResourceExhaustedError(
      fmt::format("a column of the training set does not fit: {}", array.status().message()));
}

arrow::Result<std::shared_ptr<arrow::Array>> FeatureColumn::BuildArray() const {
  auto number = [&](size_t row) { return numbers_[row]; };
  auto real = [&](size_t row) { return std::bit_cast<double>(numbers_[row]); };
  auto truth = [&](size_t row) { return numbers_[row] != 0; };
  auto text = [&](size_t row) -> const std::string& { return texts_[row]; };
  switch (type_->id()) {
    case arrow::Type::BOOL:
      return Build<arrow::BooleanBuilder>(type_, valid_, truth);
    case arrow::Type::DOUBLE:
      return Build<arrow::DoubleBuilder>(type_, valid_, real);
    case arrow::Type::INT64:
      return Build<arrow::Int64Builder>(type_, valid_, number);
    case arrow::Type::TIMESTAMP:
      return Build<arrow::TimestampBuilder>(type_, valid_, number);
    case arrow::Type::LIST:
      return BuildLists();
    case arrow::Type::BINARY:
      return Build<arrow::BinaryBuilder>(type_, valid_, text);
    default:
      return Build<arrow::StringBuilder>(type_, valid_, text);
  }
}

arrow::Result<std::shared_ptr<arrow::Array>> FeatureColumn::BuildLists() const {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), type_, &builder));
  for (size_t row = 0; row < valid_.size(); ++row) {
    if (valid_[row] != 0) {
      ARROW_RETURN_NOT_OK(AppendList(ElementType(feature_type_), texts_[row], builder.get()));
    } else {
      ARROW_RETURN_NOT_OK(builder->AppendNull());
    }
  }
  return builder->Finish();
}

}  // namespace forebay
