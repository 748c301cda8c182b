#include "schemas/types/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace forebay {
namespace {

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
    table[i] = crc;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

uint32_t ExtendPortable(uint32_t crc, const char* data, size_t size) {
  for (; size > 0; --size) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(*data++)) & 0xFF];
  }
  return crc;
}

#if defined(__x86_64__)
// The instruction takes a word per cycle but answers after three, so three blocks go side by side.
constexpr size_t kBlock = 1024;

// What a checksum becomes when kBlock zeros follow, by its bytes: linear, so the four are added.
using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

constexpr ShiftTable MakeShiftTable() {
  std::array<uint32_t, 32> of_bit{};
  for (int bit = 0; bit < 32; ++bit) {
    uint32_t crc = uint32_t{1} << bit;
    for (size_t i = 0; i < kBlock; ++i) crc = (crc >> 8) ^ kTable[crc & 0xFF];
    of_bit[bit] = crc;
  }
  ShiftTable shift{};
  for (int byte = 0; byte < 4; ++byte) {
    for (int value = 0; value < 256; ++value) {
      for (int bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1) != 0) shift[byte][value] ^= of_bit[8 * byte + bit];
      }
    }
  }
  return shift;
}

constexpr ShiftTable kShift = MakeShiftTable();

uint64_t AfterBlock(uint64_t crc) {
  return kShift[0][crc & 0xFF] ^ kShift[1][crc >> 8 & 0xFF] ^ kShift[2][crc >> 16 & 0xFF] ^
         kShift[3][crc >> 24 & 0xFF];
}

__attribute__((target("sse4.2"))) uint32_t ExtendSse42(uint32_t crc, const char* data,
                                                       size_t size) {
  auto word = [](const char* at) {
    uint64_t value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  };
  uint64_t wide = crc;
  for (; size >= 3 * kBlock; size -= 3 * kBlock, data += 3 * kBlock) {
    uint64_t second = 0, third = 0;
    for (const char* at = data; at < data + kBlock; at += 8) {
      wide = __builtin_ia32_crc32di(wide, word(at));
      second = __builtin_ia32_crc32di(second, word(at + kBlock));
      third = __builtin_ia32_crc32di(third, word(at + 2 * kBlock));
    }
    wide = AfterBlock(AfterBlock(wide) ^ second) ^ third;
  }
  for (; size >= 8; size -= 8, data += 8) wide = __builtin_ia32_crc32di(wide, word(data));
  crc = static_cast<uint32_t>(wide);
  for (; size > 0; --size) crc = __builtin_ia32_crc32qi(crc, *data++);
  return crc;
}
#endif

using ExtendFunction = uint32_t (*)(uint32_t, const char*, size_t);

ExtendFunction ChooseExtend() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ExtendSse42;
#endif
  return ExtendPortable;
}

}  // namespace

uint32_t ExtendCrc32c(uint32_t crc, std::string_view bytes) {
  static const ExtendFunction extend = ChooseExtend();
  return ~extend(~crc, bytes.data(), bytes.size());
}

}  // namespace forebay
