// Single values of the columns of labels and of tables, whatever width or unit the file has.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_CELL_VALUE_H_
#define FOREBAY_OFFLINE_TRAINING_SET_CELL_VALUE_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace forebay {

bool IsText(arrow::Type::type type);
// Any width, signed or not, but uint64.
bool IsInteger(arrow::Type::type type);

// REQUIRES: IsText, and that the value is not null.
std::string_view TextAt(const arrow::Array& array, int64_t row);

// Of an integer; of a boolean 0 or 1; of a timestamp of any unit its microseconds, floored, or the
// nearest that fit. REQUIRES: one of these, and that the value is not null.
int64_t IntegerAt(const arrow::Array& array, int64_t row);

// The whole of `text` as an integer, spaces around it aside.
std::optional<int64_t> ParseWholeNumber(std::string_view text);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_CELL_VALUE_H_
