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
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
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
    uint16_t counts[kLongest / 16];  // of each 16 bytes: a bit for those that are of the text
    uint16_t size;
    int field;
  };

  JsonLayout() {
    members_.reserve(kMostMembers);
    next_ = end_ = members_.data();
  }
  JsonLayout(const JsonLayout&) = delete;
  JsonLayout& operator=(const JsonLayout&) = delete;

  // An object begins.
  void Start() { next_ = members_.data(); }

  // The member whose text stands at `at`, where one is expected; else null. Members of the object
  // before may be missing.
  const Member* Match(const char* at) {
    if (next_ != end_ && IsAt(at, *next_)) return next_++;
    return MatchAhead(at);
  }

  // What stood where Match found nothing.
  void Learn(std::string_view text, int field) {
    auto index = static_cast<size_t>(next_ - members_.data());
    if (text.size() > kLongest || index == kMostMembers) return;
    if (index == members_.size()) members_.emplace_back();
    end_ = members_.data() + members_.size();
    Member* member = &members_[index];
    ++next_;
    std::memcpy(member->text, text.data(), text.size());
    for (size_t i = 0; i < std::size(member->counts); ++i) {
      size_t bytes = text.size() - std::min(text.size(), 16 * i);
      member->counts[i] = static_cast<uint16_t>(bytes < 16 ? (1 << bytes) - 1 : 0xFFFF);
    }
    member->size = static_cast<uint16_t>(text.size());
    member->field = field;
  }

 private:
  static constexpr ptrdiff_t kAhead = 4;
  static constexpr size_t kMostMembers = 256;

  const Member* MatchAhead(const char* at) {
    if (next_ == members_.data()) return nullptr;  // only the first has the opening brace
    const Member* last = next_ + std::min<ptrdiff_t>(kAhead, end_ - next_);
    for (const Member* member = next_; member < last; ++member) {
      if (!IsAt(at, *member)) continue;
      next_ = member + 1;
      return member;
    }
    return nullptr;
  }

  static bool IsAt(const char* at, const Member& member) {
#if defined(__SSE2__)
    if (!SameBytes(at, member, 0)) return false;
    for (uint32_t chunk = 1; chunk * 16 < member.size; ++chunk) {
      if (!SameBytes(at, member, chunk)) return false;
    }
    return true;
#else
    return std::memcmp(at, member.text, member.size) == 0;
#endif
  }

#if defined(__SSE2__)
  static bool SameBytes(const char* at, const Member& member, uint32_t chunk) {
    __m128i found = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + chunk);
    __m128i expected = _mm_load_si128(reinterpret_cast<const __m128i*>(member.text) + chunk);
    int differ = ~_mm_movemask_epi8(_mm_cmpeq_epi8(found, expected));
    return (differ & member.counts[chunk]) == 0;
  }
#endif

  std::vector<Member> members_;  // never grows beyond its capacity
  const Member* next_;           // the member expected next
  const Member* end_;            // of the members
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_JSON_LAYOUT_H_
