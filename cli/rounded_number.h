// Numbers for people: six digits are enough in a table.
#ifndef FOREBAY_CLI_ROUNDED_NUMBER_H_
#define FOREBAY_CLI_ROUNDED_NUMBER_H_

#include <cstdlib>

#include "fmt/format.h"

namespace forebay {

// The number with six significant digits.
inline double RoundedNumber(double number) {
  return std::strtod(fmt::format("{:.6g}", number).c_str(), nullptr);
}

}  // namespace forebay

#endif  // FOREBAY_CLI_ROUNDED_NUMBER_H_
