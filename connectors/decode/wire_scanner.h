// Walks over the protobuf wire format: tags and what follows them.
//
//   WireScanner scanner(message);
//   while (!scanner.AtEnd()) {
//     if (!scanner.ReadTag(&tag)) return false;
//     if (FieldNumber(tag) == 1 && WireTypeOf(tag) == WireType::kVarint)
//     scanner.ReadVarint(&value); else scanner.Skip(tag);
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
    if (*tag >= 0x80) return ReadLongTag(tag);
    ++at_;
    return true;
  }

  bool ReadVarint(uint64_t* value) {
    if (at_ == end_) return Fail("it ends where a varint is expected");
    *value = static_cast<unsigned char>(*at_);
    if (*value < 0x80) {
      ++at_;
      return true;
    }
    return ReadLongVarint(value);
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
  bool Skip(uint32_t tag, int depth = 0) {
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
        return SkipGroup(FieldNumber(tag), depth);
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
    if (*size >= 0x80) {
      if (!ReadLongSize(size)) return false;
    } else {
      ++at_;
    }
    return *size <= left() || Fail("a field is longer than what is left");
  }

  bool SkipBytes(size_t size) {
    if (left() < size) return Fail("a number of fixed size is cut off");
    at_ += size;
    return true;
  }

  bool SkipVarint() {
    uint64_t value;
    return ReadVarint(&value);
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
