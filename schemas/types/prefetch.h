#ifndef FOREBAY_SCHEMAS_TYPES_PREFETCH_H_
#define FOREBAY_SCHEMAS_TYPES_PREFETCH_H_

namespace forebay {

// A hint that what lies at `address` is needed soon.
inline void Prefetch(const void* address) {
  __builtin_prefetch(address);
  // Else GCC takes a function that only prefetches for one that does nothing, and leaves its calls
  // out.
  asm volatile("");
}

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_PREFETCH_H_
