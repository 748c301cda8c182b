// Our types as Arrow's.
#ifndef FOREBAY_ENGINE_BATCH_ARROW_TYPE_H_
#define FOREBAY_ENGINE_BATCH_ARROW_TYPE_H_

#include <memory>

#include "schemas/types/data_type.h"

namespace arrow {
class DataType;
}

namespace forebay {

// bool -> boolean, int64 -> int64, double -> float64, string -> utf8, bytes -> binary,
// timestamp -> timestamp[us, UTC], list<T> -> list of T, whose elements are not null.
std::shared_ptr<arrow::DataType> ArrowType(DataType type);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_BATCH_ARROW_TYPE_H_
