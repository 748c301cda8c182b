// Walks over the protobuf wire format: tags and what follows them.
//
//   WireScanner scanner(message);
//   while (!scanner.AtEnd()) {
//     if (!scanner.ReadTag(&tag)) return false;
//     bool wanted = FieldNumber(tag) == 1 && WireTypeOf(tag) == WireType::kVarint;
//     if (!(wanted ? scanner.ReadVarint(&value) : scanner.Skip(tag))) return false;
//   }
//
// Takes the bytes that protobuf's own C++ parser takes: a tag may be up to five bytes and a varint
// up to ten, of which bits beyond 32 and 64 are dropped; lengths are below 2 GiB. A call that fails
// returns false and sets problem(); the scanner is of no use then. Reads nothing beyond the text.
// Not thread-safe. Allocates nothing.
#ifndef FOREBAY_CONNECTORS_DECODE_WIRE_SCANNER_H_
#define FOREBAY_CONNECTORS_DECODE_WIRE_SCANNER_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "absl/base/attributes.h"

namespace forebay {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kLengthDelimited = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

inline uint32_t FieldNumber(uint32_t tag) { return tag >> 3; }
inline WireType WireTypeOf(uint32_t tag) { return static_cast<WireType>(tag & 7); }

// "varint", "length-delimited"
std::string_view WireTypeName(WireType type);

class WireScanner {
 public:
  // Groups and messages within each other.
  static constexpr int kMaxDepth = 100;

  WireScanner() = default;
  explicit WireScanner(std::string_view bytes)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  bool AtEnd() const { return at_ == end_; }
  // Bytes passed over.
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  const char* problem() const { return problem_; }

  bool ReadTag(uint32_t* tag) {
    if (at_ == end_) return Fail("it ends where a tag is expected");
    *tag = static_cast<unsigned char>(*at_);
    if (*tag < 0x80) {
      ++at_;
      return true;
    }
    return Apart([](WireScanner& rest, uint32_t* out) { return rest.ReadLongTag(out); }, tag);
  }

  bool ReadVarint(uint64_t* value) {
    if (at_ == end_) return Fail("it ends where a varint is expected");
    *value = static_cast<unsigned char>(*at_);
    if (*value < 0x80) {
      ++at_;
      return true;
    }
    // Eight bytes at once, the last eight where fewer are left: their groups of 7 bits are pushed
    // together in three steps.
    if (end_ - begin_ >= 8) {
      uint64_t bytes;
      size_t missing = left() < 8 ? 8 - left() : 0;
      std::memcpy(&bytes, at_ - missing, 8);
      bytes >>= 8 * missing;
      uint64_t last =
          ~bytes & 0x8080808080808080u;  // the lowest bit set: in the varint's last byte
      size_t size = static_cast<size_t>(std::countr_zero(last)) / 8 + 1;
      if (size <= 8 - missing) {
        at_ += size;
        bytes &= (last ^ (last - 1)) & 0x7F7F7F7F7F7F7F7Fu;
        bytes = (bytes & 0x7F007F007F007F00u) >> 1 | (bytes & 0x007F007F007F007Fu);
        bytes = (bytes & 0x3FFF00003FFF0000u) >> 2 | (bytes & 0x00003FFF00003FFFu);
        *value = (bytes & 0x0FFFFFFF00000000u) >> 4 | (bytes & 0x000000000FFFFFFFu);
        return true;
      }
    }
    return Apart([](WireScanner& rest, uint64_t* out) { return rest.ReadLongVarint(out); }, value);
  }

  template <typename Word>  // of 4 or 8 bytes, little-endian
  bool ReadFixed(Word* value) {
    static_assert(std::endian::native == std::endian::little);
    if (left() < sizeof(Word)) return Fail("a number of fixed size is cut off");
    std::memcpy(value, at_, sizeof(Word));
    at_ += sizeof(Word);
    return true;
  }

  bool ReadBytes(std::string_view* bytes) {
    size_t size;
    if (!ReadSize(&size)) return false;
    *bytes = {at_, size};
    at_ += size;
    return true;
  }

  // What follows `tag`. `depth`: of the message that the tag is in.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Skip(uint32_t tag, int depth = 0) {
    if (FieldNumber(tag) == 0) return Fail("a field has the number 0");
    size_t size;
    switch (WireTypeOf(tag)) {
      case WireType::kVarint:
        return SkipVarint();
      case WireType::kFixed64:
        return SkipBytes(8);
      case WireType::kLengthDelimited:
        if (!ReadSize(&size)) return false;
        at_ += size;
        return true;
      case WireType::kStartGroup:
        return Apart(
            [=](WireScanner& rest, int*) { return rest.SkipGroup(FieldNumber(tag), depth); },
            &depth);
      case WireType::kEndGroup:
        return Fail("a group ends that did not begin");
      case WireType::kFixed32:
        return SkipBytes(4);
    }
    return Fail("an unknown wire type");
  }

  bool Fail(const char* what) {
    problem_ = what;
    return false;
  }

 private:
  size_t left() const { return static_cast<size_t>(end_ - at_); }

  // Also checks that so many bytes follow.
  bool ReadSize(size_t* size) {
    if (at_ == end_) return Fail("it ends where a length is expected");
    *size = static_cast<unsigned char>(*at_);
    if (*size < 0x80) {
      ++at_;
    } else if (!Apart([](WireScanner& rest, size_t* out) { return rest.ReadLongSize(out); },
                      size)) {
      return false;
    }
    return *size <= left() || Fail("a field is longer than what is left");
  }

  bool SkipBytes(size_t size) {
    if (left() < size) return Fail("a number of fixed size is cut off");
    at_ += size;
    return true;
  }

  bool SkipVarint() {
    size_t most = left() < 10 ? left() : 10;
    for (size_t i = 0; i < most; ++i) {
      if (static_cast<unsigned char>(at_[i]) < 0x80) {
        at_ += i + 1;
        return true;
      }
    }
    uint64_t value;
    return ReadVarint(&value);  // fails, and says why
  }

  // Calls `read` with a copy: the address of this, and of `out`, goes nowhere, so that a scanner on
  // the stack is kept in registers.
  template <typename Read, typename Value>
  bool Apart(const Read& read, Value* out) {
    WireScanner rest = *this;
    Value value{};
    bool done = read(rest, &value);
    *this = rest;
    *out = value;
    return done;
  }

  bool ReadLongTag(uint32_t* tag);
  bool ReadLongVarint(uint64_t* value);
  bool ReadLongSize(size_t* size);
  bool SkipGroup(uint32_t number, int depth);

  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  const char* problem_ = "";
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_WIRE_SCANNER_H_
