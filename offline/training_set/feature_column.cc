#include "offline/training_set/feature_column.h"

#include <arrow/api.h>
#include <arrow/util/bitmap_generate.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <new>
#include <string_view>

#include "engine/batch/arrow_type.h"
#include "engine/batch/list_column.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

template <typename Array, typename Store>
void Copy(const arrow::Array& array, absl::Span<const uint32_t> from,
          absl::Span<const uint32_t> rows, std::vector<uint8_t>* valid, const Store& store) {
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
  bool has_default = true;
  int64_t number = 0;
  std::string default_text;
  switch (literal.value_case()) {
    case v1::Literal::kBoolValue:
      number = literal.bool_value() ? 1 : 0;
      break;
    case v1::Literal::kInt64Value:
      number = feature.type() == v1::DOUBLE
                   ? std::bit_cast<int64_t>(static_cast<double>(literal.int64_value()))
                   : literal.int64_value();
      break;
    case v1::Literal::kDoubleValue:
      number = std::bit_cast<int64_t>(literal.double_value());
      break;
    case v1::Literal::kStringValue:
      default_text = literal.string_value();
      break;
    default:
      has_default = false;
  }
  valid_.assign(labels, has_default ? 1 : 0);
  if (text_) {
    texts_.assign(labels, default_text);
    return;
  }
  auto bytes = arrow::AllocateBuffer(labels * static_cast<int64_t>(sizeof number));
  if (!bytes.ok()) throw std::bad_alloc();
  number_bytes_ = *std::move(bytes);
  numbers_ = reinterpret_cast<int64_t*>(number_bytes_->mutable_data());
  std::fill(numbers_, numbers_ + labels, number);
}

void FeatureColumn::SetNumbers(const int64_t* numbers, const uint8_t* valid,
                               absl::Span<const uint32_t> rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    numbers_[rows[i]] = numbers[i];
    valid_[rows[i]] = valid[i];
  }
}

absl::Status FeatureColumn::Set(const arrow::Array& array, absl::Span<const uint32_t> from,
                                absl::Span<const uint32_t> rows) {
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

absl::Status FeatureColumn::SetLists(const arrow::Array& array, absl::Span<const uint32_t> from,
                                     absl::Span<const uint32_t> rows) {
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

absl::StatusOr<std::shared_ptr<arrow::Array>> FeatureColumn::Finish() {
  auto array = BuildArray();
  if (array.ok()) return *std::move(array);
  return absl::ResourceExhaustedError(
      fmt::format("a column of the training set does not fit: {}", array.status().message()));
}

arrow::Result<std::shared_ptr<arrow::Array>> FeatureColumn::BuildArray() {
  auto text = [&](size_t row) -> const std::string& { return texts_[row]; };
  switch (type_->id()) {
    case arrow::Type::LIST:
      return BuildLists();
    case arrow::Type::BINARY:
      return Build<arrow::BinaryBuilder>(type_, valid_, text);
    case arrow::Type::STRING:
      return Build<arrow::StringBuilder>(type_, valid_, text);
    default:
      return BuildNumbers();
  }
}

arrow::Result<std::shared_ptr<arrow::Array>> FeatureColumn::BuildNumbers() {
  const auto labels = static_cast<int64_t>(valid_.size());
  auto bits = [&](const auto& bit) -> arrow::Result<std::shared_ptr<arrow::Buffer>> {
    ARROW_ASSIGN_OR_RAISE(auto bitmap, arrow::AllocateEmptyBitmap(labels));
    int64_t row = 0;
    arrow::internal::GenerateBitsUnrolled(bitmap->mutable_data(), 0, labels,
                                          [&] { return bit(row++); });
    return bitmap;
  };
  const int64_t nulls = std::count(valid_.begin(), valid_.end(), 0);
  std::shared_ptr<arrow::Buffer> validity;
  if (nulls > 0) {
    ARROW_ASSIGN_OR_RAISE(validity, bits([&](int64_t row) { return valid_[row] != 0; }));
  }
  std::shared_ptr<arrow::Buffer> values = std::move(number_bytes_);
  if (type_->id() == arrow::Type::BOOL) {
    ARROW_ASSIGN_OR_RAISE(values, bits([&](int64_t row) { return numbers_[row] != 0; }));
  }
  return arrow::MakeArray(
      arrow::ArrayData::Make(type_, labels, {std::move(validity), std::move(values)}, nulls));
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
