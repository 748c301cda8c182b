// Entries by the hash of their key, of which one entry each is here: a table with open addressing,
// whose slot for a hash can be fetched ahead. Not thread-safe.
#ifndef FOREBAY_ENGINE_STATE_ENTRY_TABLE_H_
#define FOREBAY_ENGINE_STATE_ENTRY_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemas/types/prefetch.h"

namespace forebay {

struct HotEntry;

class EntryTable {
 public:
  // Null: none has the hash.
  HotEntry* Find(uint64_t hash) const { return slots_[PlaceOf(hash)].entry; }

  // A hint that Find(hash) comes soon.
  void Prefetch(uint64_t hash) const { forebay::Prefetch(&slots_[hash & mask_]); }

  // The entry takes the place of one that has the hash, if there is one.
  void Set(uint64_t hash, HotEntry* entry);

  // REQUIRES: an entry has the hash.
  void Erase(uint64_t hash);

  // visit(entry), in no certain order. It must not change the table.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.entry != nullptr) visit(slot.entry);
    }
  }

  size_t size() const { return size_; }

 private:
  struct Slot {
    uint64_t hash = 0;
    HotEntry* entry = nullptr;  // null: the slot is free
  };

  // Where the hash lies, or where there is room for it.
  size_t PlaceOf(uint64_t hash) const {
    size_t place = hash & mask_;
    while (slots_[place].entry != nullptr && slots_[place].hash != hash)
      place = (place + 1) & mask_;
    return place;
  }
  void Grow();

  std::vector<Slot> slots_ = std::vector<Slot>(16);  // a power of two, one quarter free at least
  size_t mask_ = 15;
  size_t size_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_ENTRY_TABLE_H_
