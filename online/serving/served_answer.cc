#include "online/serving/served_answer.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <random>

namespace forebay {

double DrawOf(std::string_view request_id) {
  // The 53 bits that a double can hold.
  return static_cast<double>(XXH3_64bits(request_id.data(), request_id.size()) >> 11) * 0x1p-53;
}

std::string MakeRequestId() {
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  const uint64_t first = random(), second = random();
  return fmt::format("{:016x}{:016x}", first, second);
}

}  // namespace forebay
