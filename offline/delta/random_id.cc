#include "offline/delta/random_id.h"

#include <fmt/format.h>

#include <cstdint>
#include <random>

namespace forebay {

std::string RandomId() {
  std::random_device random;
  uint64_t high = (uint64_t{random()} << 32) | random();
  uint64_t low = (uint64_t{random()} << 32) | random();
  high = (high & ~uint64_t{0xF000}) | 0x4000;
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF,
                     high & 0xFFFF, low >> 48, low & 0xFFFF'FFFF'FFFF);
}

}  // namespace forebay
