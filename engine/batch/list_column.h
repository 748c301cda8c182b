// Lists between their bytes (engine/aggregate/list_value.h) and the columns of Arrow.
#ifndef FOREBAY_ENGINE_BATCH_LIST_COLUMN_H_
#define FOREBAY_ENGINE_BATCH_LIST_COLUMN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/types/data_type.h"

namespace arrow {
class Array;
class ArrayBuilder;
class DataType;
class Status;
}  // namespace arrow

namespace forebay {

// Appends one list. REQUIRES: `builder` is one of ArrowType(ListOf(element)).
arrow::Status AppendList(DataType element, std::string_view list, arrow::ArrayBuilder* builder);

// Whether a column of this type holds lists of `element`, as we write them or as other programs
// do: of 64-bit offsets, or with a place for nulls.
bool HoldsLists(const arrow::DataType& type, DataType element);

// Makes `list` the one at `row`, without the nulls in it. REQUIRES: HoldsLists, not null at `row`.
void ReadList(const arrow::Array& column, int64_t row, DataType element, std::string* list);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_BATCH_LIST_COLUMN_H_
