#include "connectors/decode/wire_scanner.h"

#include <algorithm>
#include <array>

namespace forebay {

std::string_view WireTypeName(WireType type) {
  constexpr std::array<std::string_view, 6> kNames = {
      "varint", "64-bit", "length-delimited", "start of a group", "end of a group", "32-bit"};
  auto number = static_cast<size_t>(type);
  return number < kNames.size() ? kNames[number] : "unknown wire type";
}

bool WireScanner::ReadLongTag(uint32_t* tag) {
  uint32_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (at_ == end_) return Fail("a tag is cut off");
    auto byte = static_cast<unsigned char>(*at_++);
    value |= static_cast<uint32_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      *tag = value;
      return true;
    }
  }
  return Fail("a tag is longer than five bytes");
}

bool WireScanner::ReadLongVarint(uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (at_ == end_) return Fail("a varint is cut off");
    auto byte = static_cast<unsigned char>(*at_++);
    *value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return Fail("a varint is longer than ten bytes");
}

bool WireScanner::ReadLongSize(size_t* size) {
  *size = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (at_ == end_) return Fail("a length is cut off");
    auto byte = static_cast<unsigned char>(*at_++);
    *size |= static_cast<size_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return Fail("a length is longer than five bytes");
}

// After the tag of its start, up to and with that of its end.
bool WireScanner::SkipGroup(uint32_t number, int depth) {
  std::array<uint32_t, kMaxDepth> open;
  int groups = depth;
  auto start = [&](uint32_t group) {
    if (groups == kMaxDepth) return Fail("groups are nested more than 100 deep");
    open[groups++] = group;
    return true;
  };
  if (!start(number)) return false;
  while (groups > depth) {
    uint32_t tag;
    if (!ReadTag(&tag)) return false;
    if (WireTypeOf(tag) == WireType::kStartGroup && FieldNumber(tag) != 0) {
      if (!start(FieldNumber(tag))) return false;
    } else if (WireTypeOf(tag) == WireType::kEndGroup) {
      if (FieldNumber(tag) != open[--groups]) return Fail("a group ends that did not begin");
    } else if (!Skip(tag)) {
      return false;
    }
  }
  return true;
}

}  // namespace forebay
