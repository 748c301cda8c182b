#include "connectors/key_check/key_places.h"

#include <utility>

namespace forebay {

std::optional<KeyPlace> KeyPlaces::See(uint64_t hash, KeyPlace place) {
  Slot& slot = slots_[hash % kSize];
  Slot before = std::exchange(slot, {hash, place});
  bool known = before.hash == hash && before.place.partition.value() >= 0;
  if (!known || before.place.partition == place.partition) return std::nullopt;
  return before.place;
}

}  // namespace forebay
