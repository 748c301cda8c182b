// Text forms of amounts of memory and disk.
#ifndef FOREBAY_SCHEMAS_TYPES_BYTE_SIZE_H_
#define FOREBAY_SCHEMAS_TYPES_BYTE_SIZE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace forebay {

// "64MB", "1GB", "512KiB", "1000": a whole number and one unit of B, KB, MB, GB, TB (powers of
// 1000) or KiB, MiB, GiB, TiB (powers of 1024); without a unit: bytes.
absl::StatusOr<int64_t> ParseByteSize(std::string_view text);

// The form with the largest unit that divides it, powers of 1000 first: "64MB", "512KiB", "1001B".
// Zero is "0B".
std::string FormatByteSize(int64_t bytes);

// About as much, for people: "1.3 MB", "512 B".
std::string ShowByteSize(int64_t bytes);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_BYTE_SIZE_H_
