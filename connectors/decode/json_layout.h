// How the objects of a topic are laid out: what stands between their values. Records of one
// producer hold the same members in the same order, so the next name is mostly known and only
// compared.
//
//   layout.Start();
//   if (const JsonLayout::Member* member = layout.Match(at)) {
//     at += member->size;  // at the member's value
//   } else {
//     ...  // read it
//     layout.Learn(text, field);
//   }
//
// Only saves time: what matches is what was read before, byte by byte. Not thread-safe.
#ifndef FOREBAY_CONNECTORS_DECODE_JSON_LAYOUT_H_
#define FOREBAY_CONNECTORS_DECODE_JSON_LAYOUT_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace forebay {

class JsonLayout {
 public:
  // The longest text that is learnt. Match may read as much.
  static constexpr size_t kLongest = 48;

  struct Member {
    // From the end of the value before to the beginning of this: `,"amount":`, white space
    // included.
    alignas(16) char text[kLongest];
    uint32_t size;
    int field;
  };

  // An object begins.
  void Start() { next_ = 0; }

  // The member whose text stands at `at`, where one is expected; else null. Members of the object
  // before may be missing.
  const Member* Match(const char* at) {
    size_t end = std::min(next_ + kAhead, members_.size());
    for (size_t i = next_; i < end; ++i) {
      if (!IsAt(at, members_[i])) continue;
      next_ = i + 1;
      return &members_[i];
    }
    return nullptr;
  }

  // What stood where Match found nothing.
  void Learn(std::string_view text, int field) {
    if (text.size() > kLongest || next_ == kMostMembers) return;
    if (next_ == members_.size()) members_.emplace_back();
    Member* member = &members_[next_++];
    std::memcpy(member->text, text.data(), text.size());
    member->size = static_cast<uint32_t>(text.size());
    member->field = field;
  }

 private:
  static constexpr size_t kAhead = 4;
  static constexpr size_t kMostMembers = 256;

  static bool IsAt(const char* at, const Member& member) {
#if defined(__SSE2__)
    for (uint32_t first = 0; first < member.size; first += 16) {
      __m128i found = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + first));
      __m128i expected = _mm_load_si128(reinterpret_cast<const __m128i*>(member.text + first));
      auto differ =
          static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(found, expected))) ^ 0xFFFF;
      if (differ != 0 && first + static_cast<uint32_t>(__builtin_ctz(differ)) < member.size) {
        return false;
      }
    }
    return true;
#else
    return std::memcmp(at, member.text, member.size) == 0;
#endif
  }

  std::vector<Member> members_;
  size_t next_ = 0;  // the member expected next
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_JSON_LAYOUT_H_
