#include "engine/batch/list_column.h"

#include <arrow/api.h>

#include "engine/aggregate/list_value.h"
#include "engine/batch/arrow_type.h"

namespace forebay {
namespace {

template <typename Builder, typename T>
arrow::Status AppendTo(arrow::ArrayBuilder* builder, T value) {
  return static_cast<Builder*>(builder)->Append(value);
}

arrow::Status AppendScalar(DataType type, const Scalar& value, arrow::ArrayBuilder* builder) {
  switch (type) {
    case DataType::kBool:
      return AppendTo<arrow::BooleanBuilder>(builder, value.bool_value);
    case DataType::kInt64:
      return AppendTo<arrow::Int64Builder>(builder, value.int64_value);
    case DataType::kDouble:
      return AppendTo<arrow::DoubleBuilder>(builder, value.double_value);
    case DataType::kTimestamp:
      return AppendTo<arrow::TimestampBuilder>(builder, value.int64_value);
    case DataType::kString:
    case DataType::kBytes:
      break;
  }
  return AppendTo<arrow::BinaryBuilder>(builder, value.string_value());
}

// The elements of a row: a range of an array.
struct Elements {
  const arrow::Array& array;
  int64_t begin;
  int64_t end;
};

template <typename List>
Elements ElementsOf(const arrow::Array& column, int64_t row) {
  const auto& lists = static_cast<const List&>(column);
  return {*lists.values(), lists.value_offset(row), lists.value_offset(row + 1)};
}

template <typename Array>
void AppendElements(const Elements& elements, std::string* list) {
  const auto& values = static_cast<const Array&>(elements.array);
  for (int64_t i = elements.begin; i < elements.end; ++i) {
    if (values.IsValid(i)) AppendElement(values.GetView(i), list);
  }
}

bool IsText(DataType type) { return type == DataType::kString || type == DataType::kBytes; }

bool HoldsText(const arrow::DataType& type) { return arrow::is_base_binary_like(type.id()); }

}  // namespace

arrow::Status AppendList(DataType element, std::string_view list, arrow::ArrayBuilder* builder) {
  auto* lists = static_cast<arrow::ListBuilder*>(builder);
  ARROW_RETURN_NOT_OK(lists->Append());
  ListReader elements(element, list);
  for (Scalar value; elements.Next(&value);)
    ARROW_RETURN_NOT_OK(AppendScalar(element, value, lists->value_builder()));
  return arrow::Status::OK();
}

bool HoldsLists(const arrow::DataType& type, DataType element) {
  if (type.id() != arrow::Type::LIST && type.id() != arrow::Type::LARGE_LIST) return false;
  const arrow::DataType& value = *static_cast<const arrow::BaseListType&>(type).value_type();
  return IsText(element) ? HoldsText(value) : value.Equals(*ArrowType(element));
}

void ReadList(const arrow::Array& column, int64_t row, DataType element, std::string* list) {
  list->clear();
  Elements elements = column.type_id() == arrow::Type::LIST
                          ? ElementsOf<arrow::ListArray>(column, row)
                          : ElementsOf<arrow::LargeListArray>(column, row);
  switch (element) {
    case DataType::kBool:
      return AppendElements<arrow::BooleanArray>(elements, list);
    case DataType::kDouble:
      return AppendElements<arrow::DoubleArray>(elements, list);
    case DataType::kInt64:
      return AppendElements<arrow::Int64Array>(elements, list);
    case DataType::kTimestamp:
      return AppendElements<arrow::TimestampArray>(elements, list);
    case DataType::kString:
    case DataType::kBytes:
      break;
  }
  if (arrow::is_binary_like(elements.array.type_id()))
    return AppendElements<arrow::BinaryArray>(elements, list);
  AppendElements<arrow::LargeBinaryArray>(elements, list);
}

}  // namespace forebay
