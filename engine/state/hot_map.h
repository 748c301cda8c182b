// The decoded state of the keys of one view that a task touched lately, in front of the store.
//
// One thread, the task's, finds, inserts, changes and evicts; any thread may Read. The owner holds
// an entry's lock only while it changes that entry, and a shard's only while it adds or removes
// entries, so a reader waits for one event at most.
//
// A cut carries the entries that have changed since the last one, as they are when it begins. They
// are visited bit by bit while the owner goes on; one that is about to change is visited first.
//
// An entry that is newer than the store (changed, or cut but not durable yet) is never evicted.
#ifndef FOREBAY_ENGINE_STATE_HOT_MAP_H_
#define FOREBAY_ENGINE_STATE_HOT_MAP_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "engine/state/entries_by_key.h"
#include "engine/state/entry_table.h"
#include "engine/state/key.h"
#include "engine/state/key_state.h"
#include "engine/state/spin_lock.h"
#include "schemas/types/prefetch.h"

namespace forebay {

// Its key's bytes follow it in memory.
struct HotEntry {
  HotEntry(KeyState state, const HashedKey& key)
      : hash(key.hash),
        key_size(static_cast<uint32_t>(key.bytes.size())),
        state(std::move(state)) {}

  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_size}; }
  // A hint that the entry is needed soon.
  void Prefetch() const {
    forebay::Prefetch(this);
    forebay::Prefetch(this + 1);  // its key
  }
  bool Has(const HashedKey& key) const { return hash == key.hash && this->key() == key.bytes; }

  uint64_t hash;
  uint32_t key_size;
  SpinLock lock;        // held by the owner while it changes the state or `exists`
  bool exists = false;  // false: no such key, in the store neither once this is durable
  // The owner's alone:
  bool dirty : 1 = false;      // changed since a cut last carried it
  bool touched : 1 = true;     // since the last eviction round
  bool has_timer : 1 = false;  // one is set that comes no later than the key needs it
  KeyState state;
  // The cut that carries its last change, or, while it is dirty, is to; 0: none since it was
  // loaded.
  uint64_t cut = 0;
  uint32_t bytes = 0;        // as counted in HotMap::bytes()
  uint32_t block_bytes = 0;  // the part of them that is seen to change at once
  uint32_t step = 0;         // its place in NewestSteps, from 1; 0: none
};

class HotMap {
 public:
  HotMap() = default;
  ~HotMap();

  // Owner only. The pointers stay valid until the entry is evicted.
  HotEntry* Find(const HashedKey& key) { return FindFrom(FirstOf(key.hash), key); }
  HotEntry* Insert(const HashedKey& key, KeyState state, bool exists);

  // Owner only. What Find will see comes from memory in three steps, each of which can be asked for
  // ahead: the slot, the entry, the block of its state.
  void PrefetchSlot(uint64_t hash) const { ShardOf(hash).entries.Prefetch(hash); }
  // Returns the entry that had the hash first, for FindFrom; null: none has it.
  HotEntry* PrefetchEntry(uint64_t hash) const;

  // Find, past what PrefetchEntry has done. REQUIRES: `first` is what it returned for the key's
  // hash, and no entry went since, nor came if it is null.
  HotEntry* FindFrom(HotEntry* first, const HashedKey& key) const {
    HotEntry* entry = EntryOf(key, first);
    if (entry != nullptr) entry->touched = true;
    return entry;
  }

  // Owner only. Whether all keys that the store has are here, so that one that is not is new: until
  // the owner says that the store has more, or an entry is evicted.
  bool has_all() const { return has_all_; }
  void StoreHasMore() { has_all_ = false; }

  // Owner only, around each change of an entry.
  void BeforeChange(HotEntry* entry) {
    if (entry->cut == cut_under_way_ && entry->dirty) Carry(entry);
  }
  void MarkDirty(HotEntry* entry) {
    if (!entry->dirty) {
      entry->dirty = true;
      entry->cut = next_cut_;
      dirty_.Add(entry);
      dirty_bytes_ += entry->bytes;
    }
    if (entry->state.BlockBytes() != entry->block_bytes) Count(entry);
  }

  // Owner only. Begins cut number `cut` of the entries that are dirty: `carry` will see each of
  // them once, as it is now. REQUIRES: cuts are numbered from 1 on, and none is under way.
  void BeginCut(uint64_t cut, std::function<void(HotEntry&)> carry);
  // Goes on with up to `most` of them, in the order of their keys' bytes. Returns with how many;
  // fewer: those were the last, and the cut is over.
  size_t AdvanceCut(size_t most);

  // Owner only: forgets entries that the store has (their cut is at most `durable_cut`), least
  // touched first (CLOCK), until bytes() <= budget or nothing more can go.
  void Evict(uint64_t durable_cut, size_t budget);

  // Any thread: calls `read` under the entry's lock; false if the key is not here.
  bool Read(const HashedKey& key, const std::function<void(const HotEntry&)>& read);

  // Owner only.
  size_t bytes() const { return bytes_; }
  // The part of it that belongs to entries changed since the last cut began.
  size_t dirty_bytes() const { return dirty_bytes_; }
  size_t size() const;

 private:
  struct Shard {
    absl::Mutex mutex;
    // The owner reads it without the lock, and changes it with the lock.
    EntryTable entries;
    std::vector<HotEntry*> collided;  // those whose hash another key had first
  };
  static constexpr size_t kShards = 16;

  Shard& ShardOf(uint64_t hash) { return shards_[hash >> 60]; }
  const Shard& ShardOf(uint64_t hash) const { return shards_[hash >> 60]; }
  HotEntry* FirstOf(uint64_t hash) const { return ShardOf(hash).entries.Find(hash); }
  HotEntry* EntryOf(const HashedKey& key, HotEntry* first) const {
    return first == nullptr || first->Has(key) ? first : FindCollided(key);
  }
  HotEntry* FindCollided(const HashedKey& key) const;
  static void Remove(Shard* shard, HotEntry* entry);
  void Count(HotEntry* entry);
  void Carry(HotEntry* entry);
  void EndCut();

  std::array<Shard, kShards> shards_;
  EntriesByKey dirty_;  // of the cut to come
  size_t dirty_bytes_ = 0;
  uint64_t next_cut_ = 1;
  uint64_t cut_under_way_ = 0;  // 0: none
  EntriesByKey to_carry_;       // by it; also those that were carried before a change
  std::function<void(HotEntry&)> carry_;
  size_t bytes_ = 0;
  bool has_all_ = true;
  size_t hand_ = 0;  // the shard where the next eviction round starts
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_HOT_MAP_H_
