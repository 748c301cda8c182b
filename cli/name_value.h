// Arguments of the form NAME=VALUE.
#ifndef FOREBAY_CLI_NAME_VALUE_H_
#define FOREBAY_CLI_NAME_VALUE_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace forebay {

// INVALID_ARGUMENT, with the option's name: it has no name, or no '='.
absl::StatusOr<std::pair<std::string, std::string>> ParseNameValue(std::string_view option,
                                                                   const std::string& text);

// Likewise; the value is a number.
absl::StatusOr<std::pair<std::string, double>> ParseNameNumber(std::string_view option,
                                                               const std::string& text);

}  // namespace forebay

#endif  // FOREBAY_CLI_NAME_VALUE_H_
