#include "engine/state/entry_table.h"

#include <utility>

namespace forebay {

void EntryTable::Set(uint64_t hash, HotEntry* entry) {
  size_t place = PlaceOf(hash);
  if (slots_[place].entry == nullptr) {
    if (4 * (size_ + 1) > 3 * slots_.size()) {
      Grow();
      place = PlaceOf(hash);
    }
    ++size_;
  }
  slots_[place] = {hash, entry};
}

void EntryTable::Grow() {
  std::vector<Slot> before(2 * slots_.size());
  before.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : before) {
    if (slot.entry != nullptr) slots_[PlaceOf(slot.hash)] = slot;
  }
}

// Those behind that would no longer be found past the free slot move up.
void EntryTable::Erase(uint64_t hash) {
  size_t free = PlaceOf(hash);
  slots_[free] = {};
  for (size_t at = (free + 1) & mask_; slots_[at].entry != nullptr; at = (at + 1) & mask_) {
    const size_t from_wanted = (at - slots_[at].hash) & mask_;
    if (from_wanted >= ((at - free) & mask_))
      slots_[std::exchange(free, at)] = std::exchange(slots_[at], {});
  }
  --size_;
}

}  // namespace forebay
