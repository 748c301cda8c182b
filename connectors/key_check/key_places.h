// In which partition of a topic a key was last seen, so that a key in two partitions is found
// without keeping keys.
//
//   KeyPlaces places;
//   if (std::optional<KeyPlace> other = places.See(key.hash, {partition, offset})) ...
//
// A table of fixed size: a key takes the place of another, which is forgotten then. Keys are told
// apart by all 64 bits of their hashes. Not thread-safe.
#ifndef FOREBAY_CONNECTORS_KEY_CHECK_KEY_PLACES_H_
#define FOREBAY_CONNECTORS_KEY_CHECK_KEY_PLACES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "schemas/types/strong_int.h"

namespace forebay {

struct KeyPlace {
  PartitionId partition{-1};
  Offset offset;

  bool operator==(const KeyPlace&) const = default;
};

class KeyPlaces {
 public:
  static constexpr size_t kSize = 1 << 15;  // 768 KiB

  KeyPlaces() : slots_(kSize) {}

  // Where the key was seen last if that is another partition; nullopt too where that is not known.
  // It is at `place` now.
  std::optional<KeyPlace> See(uint64_t hash, KeyPlace place);

 private:
  struct Slot {
    uint64_t hash = 0;
    KeyPlace place;  // partition -1: nothing
  };

  std::vector<Slot> slots_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KEY_CHECK_KEY_PLACES_H_
