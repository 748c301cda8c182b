#include "cli/name_value.h"

#include <charconv>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "schemas/types/status_macros.h"

namespace forebay {

absl::StatusOr<std::pair<std::string, std::string>> ParseNameValue(std::string_view option,
                                                                   const std::string& text) {
  const size_t equals = text.find('=');
  if (equals != std::string::npos && equals > 0)
    return std::pair(text.substr(0, equals), text.substr(equals + 1));
  return absl::InvalidArgumentError(
      fmt::format("{} {}: expected a name and a value, such as auc=0.91", option, text));
}

absl::StatusOr<std::pair<std::string, double>> ParseNameNumber(std::string_view option,
                                                               const std::string& text) {
  ASSIGN_OR_RETURN(auto pair, ParseNameValue(option, text));
  const auto& [name, number] = pair;
  double value = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc() && end == number.data() + number.size()) return std::pair(name, value);
  return absl::InvalidArgumentError(
      fmt::format("{} {}: '{}' is not a number", option, text, number));
}

}  // namespace forebay
