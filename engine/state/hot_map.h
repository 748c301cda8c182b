// The decoded state of the keys of one view that a task touched lately, in front of the store.
//
// One thread, the task's, finds, inserts, changes and evicts; any thread may Read. The owner holds
// an entry's lock only while it changes that entry or the map, so a reader waits for one event at
// most.
//
// An entry that is newer than the store (changed, or cut but not durable yet) is never evicted.
#ifndef FOREBAY_ENGINE_STATE_HOT_MAP_H_
#define FOREBAY_ENGINE_STATE_HOT_MAP_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/node_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "engine/state/key_state.h"

namespace forebay {

struct HotEntry {
  explicit HotEntry(KeyState state) : state(std::move(state)) {}

  KeyState state;
  std::string_view key;          // as the map has it
  absl::Mutex* mutex = nullptr;  // held by the owner while it changes the state or `exists`
  bool exists = false;           // false: no such key, in the store neither once this is durable
  bool dirty = false;            // changed since the last cut
  bool touched = true;           // since the last eviction round
  uint64_t cut = 0;              // the last cut that carried it; 0: none since it was loaded
  size_t bytes = 0;              // as counted in HotMap::bytes()
};

class HotMap {
 public:
  // Owner only. The pointers stay valid until the entry is evicted.
  HotEntry* Find(std::string_view key);
  HotEntry* Insert(std::string_view key, HotEntry entry);

  // Marks the entry as changed since the last cut.
  void MarkDirty(HotEntry* entry);

  // Owner only: visits the entries changed since the last call, once each, in the order of their
  // first change, and marks them as carried by cut number `cut`.
  void Cut(uint64_t cut, const std::function<void(const HotEntry&)>& visit);

  // Owner only: forgets entries that the store has (their cut is at most `durable_cut`), least
  // touched first (CLOCK), until bytes() <= budget or nothing more can go.
  void Evict(uint64_t durable_cut, size_t budget);

  // Any thread: calls `read` under the entry's lock; false if the key is not here.
  bool Read(std::string_view key, const std::function<void(const HotEntry&)>& read);

  // Owner only.
  size_t bytes() const { return bytes_; }
  size_t size() const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const;
  };
  using Map = absl::node_hash_map<std::string, HotEntry, Hash, std::equal_to<>>;
  struct Shard {
    absl::Mutex mutex;
    Map map;  // the owner reads its structure without the lock, and changes it with the lock
  };
  static constexpr size_t kShards = 16;

  Shard& ShardOf(std::string_view key) { return shards_[Hash()(key) >> 60]; }
  void Count(HotEntry* entry);

  std::array<Shard, kShards> shards_;
  std::vector<HotEntry*> dirty_;
  size_t bytes_ = 0;
  size_t hand_ = 0;  // the shard where the next eviction round starts
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_HOT_MAP_H_
