// One column of values, as kernels and aggregates read them.
#ifndef FOREBAY_ENGINE_EXPRESSION_VECTOR_H_
#define FOREBAY_ENGINE_EXPRESSION_VECTOR_H_

#include <cstdint>
#include <string_view>

#include "schemas/types/data_type.h"

namespace forebay {

// A view: owns nothing, valid until its evaluator evaluates again or its batch goes.
struct Vector {
  DataType type = DataType::kBool;
  int64_t length = 0;
  const uint8_t* valid = nullptr;  // one byte a row, 1: not null; nullptr: no row is null
  union {
    const uint8_t* bools = nullptr;   // 0 or 1: BOOL
    const int64_t* ints;              // INT64, TIMESTAMP
    const double* doubles;            // DOUBLE
    const std::string_view* strings;  // STRING, BYTES
  };

  bool IsValid(int64_t row) const { return valid == nullptr || valid[row] != 0; }
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_VECTOR_H_
