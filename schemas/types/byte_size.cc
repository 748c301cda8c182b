#include "schemas/types/byte_size.h"

#include <array>
#include <charconv>
#include <iterator>
#include <string_view>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace forebay {
namespace {

struct Unit {
  std::string_view name;
  int64_t bytes;
};

constexpr std::array<Unit, 9> kUnits = {{{"TB", 1'000'000'000'000},
                                         {"GB", 1'000'000'000},
                                         {"MB", 1'000'000},
                                         {"KB", 1'000},
                                         {"TiB", int64_t{1} << 40},
                                         {"GiB", int64_t{1} << 30},
                                         {"MiB", int64_t{1} << 20},
                                         {"KiB", int64_t{1} << 10},
                                         {"B", 1}}};

absl::Status BadByteSize(std::string_view text) {
  return absl::InvalidArgumentError(
      fmt::format("'{}' is not a size: write a whole number and one of B, KB, MB, GB, TB, KiB, "
                  "MiB, GiB, TiB, as in 64MB",
                  text));
}

}  // namespace

absl::StatusOr<int64_t> ParseByteSize(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return BadByteSize(text);
  std::string_view name = text.substr(end - text.data());
  if (name.empty()) return number;
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    int64_t bytes;
    if (__builtin_mul_overflow(number, unit.bytes, &bytes)) return BadByteSize(text);
    return bytes;
  }
  return BadByteSize(text);
}

std::string FormatByteSize(int64_t bytes) {
  if (bytes == 0) return "0B";
  for (const Unit& unit : kUnits) {
    if (bytes % unit.bytes == 0) return fmt::format("{}{}", bytes / unit.bytes, unit.name);
  }
  return fmt::format("{}B", bytes);
}

std::string ShowByteSize(int64_t bytes) {
  constexpr double kStep = 1000;
  auto shown = static_cast<double>(bytes);
  int unit = 0;
  constexpr std::string_view kNames[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  while (shown >= kStep && unit + 1 < static_cast<int>(std::size(kNames))) {
    shown /= kStep;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", shown, kNames[unit]);
}

}  // namespace forebay
