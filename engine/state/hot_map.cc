#include "engine/state/hot_map.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "absl/types/span.h"

namespace forebay {
namespace {

HotEntry* NewEntry(const HashedKey& key, KeyState state) {
  void* memory = ::operator new(sizeof(HotEntry) + key.bytes.size());
  auto* entry = new (memory) HotEntry(std::move(state), key);
  std::memcpy(static_cast<void*>(entry + 1), key.bytes.data(), key.bytes.size());
  return entry;
}

void DeleteEntry(HotEntry* entry) {
  entry->~HotEntry();
  ::operator delete(entry);
}

}  // namespace

HotMap::~HotMap() {
  for (Shard& shard : shards_) {
    shard.entries.ForEach(DeleteEntry);
    for (HotEntry* entry : shard.collided) DeleteEntry(entry);
  }
}

HotEntry* HotMap::FindCollided(const HashedKey& key) const {
  const std::vector<HotEntry*>& collided = ShardOf(key.hash).collided;
  auto at = std::find_if(collided.begin(), collided.end(),
                         [&](const HotEntry* entry) { return entry->Has(key); });
  return at == collided.end() ? nullptr : *at;
}

HotEntry* HotMap::PrefetchEntry(uint64_t hash) const {
  HotEntry* first = FirstOf(hash);
  if (first != nullptr) first->Prefetch();
  return first;
}

HotEntry* HotMap::Insert(const HashedKey& key, KeyState state, bool exists) {
  HotEntry* entry = NewEntry(key, std::move(state));
  entry->exists = exists;
  Count(entry);
  Shard& shard = ShardOf(key.hash);
  absl::MutexLock lock(&shard.mutex);
  if (shard.entries.Find(key.hash) == nullptr) {
    shard.entries.Set(key.hash, entry);
  } else {
    shard.collided.push_back(entry);
  }
  return entry;
}

// The lock of the shard is held. One that collided with the entry takes its place.
void HotMap::Remove(Shard* shard, HotEntry* entry) {
  const bool is_first = shard->entries.Find(entry->hash) == entry;
  auto next = std::find_if(shard->collided.begin(), shard->collided.end(), [&](HotEntry* other) {
    return is_first ? other->hash == entry->hash : other == entry;
  });
  if (is_first && next == shard->collided.end()) return shard->entries.Erase(entry->hash);
  if (is_first) shard->entries.Set(entry->hash, *next);
  shard->collided.erase(next);
}

void HotMap::Count(HotEntry* entry) {
  // A hash and a pointer, in a table of which four in seven slots are taken.
  constexpr size_t kSlotBytes = 28;
  constexpr size_t kPerEntry = sizeof(HotEntry) + kSlotBytes;
  const size_t before = entry->bytes;
  entry->bytes = static_cast<uint32_t>(kPerEntry + entry->key_size + entry->state.MemoryBytes());
  entry->block_bytes = static_cast<uint32_t>(entry->state.BlockBytes());
  bytes_ += entry->bytes - before;
  if (entry->dirty) dirty_bytes_ += entry->bytes - before;
}

void HotMap::BeginCut(uint64_t cut, std::function<void(HotEntry&)> carry) {
  cut_under_way_ = cut;
  next_cut_ = cut + 1;
  carry_ = std::move(carry);
  to_carry_ = std::exchange(dirty_, EntriesByKey());
  to_carry_.StartTaking();
  dirty_bytes_ = 0;
}

size_t HotMap::AdvanceCut(size_t most) {
  std::array<HotEntry*, 16> next;  // at once, since they lie all over the memory
  size_t visited = 0;
  while (visited < most) {
    const size_t wanted = std::min(next.size(), most - visited);
    const size_t count = to_carry_.Take(absl::MakeSpan(next).first(wanted));
    for (size_t i = 0; i < count; ++i) next[i]->state.Prefetch();
    for (size_t i = 0; i < count; ++i) BeforeChange(next[i]);
    visited += count;
    if (count < wanted) {
      EndCut();
      break;
    }
  }
  return visited;
}

void HotMap::EndCut() {
  cut_under_way_ = 0;
  carry_ = nullptr;
  to_carry_ = EntriesByKey();
}

void HotMap::Carry(HotEntry* entry) {
  carry_(*entry);
  entry->dirty = false;
  Count(entry);
}

void HotMap::Evict(uint64_t durable_cut, size_t budget) {
  // Two rounds at most: the first takes the mark of touched entries away.
  for (size_t step = 0; step < 2 * kShards && bytes_ > budget; ++step) {
    Shard& shard = shards_[hand_++ % kShards];
    absl::MutexLock lock(&shard.mutex);
    std::vector<HotEntry*> forgotten;
    auto visit = [&](HotEntry* entry) {
      bool needed = entry->dirty || entry->cut > durable_cut;
      if (bytes_ <= budget || needed) return;
      if (entry->touched) {
        entry->touched = false;
        return;
      }
      bytes_ -= entry->bytes;
      has_all_ = false;
      forgotten.push_back(entry);
    };
    shard.entries.ForEach(visit);
    for (HotEntry* entry : shard.collided) visit(entry);
    for (HotEntry* entry : forgotten) {
      Remove(&shard, entry);
      DeleteEntry(entry);
    }
  }
}

bool HotMap::Read(const HashedKey& key, const std::function<void(const HotEntry&)>& read) {
  Shard& shard = ShardOf(key.hash);
  absl::MutexLock lock(&shard.mutex);
  HotEntry* entry = EntryOf(key, FirstOf(key.hash));
  if (entry == nullptr) return false;
  SpinLockHolder holder(&entry->lock);
  read(*entry);
  return true;
}

size_t HotMap::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) size += shard.entries.size() + shard.collided.size();
  return size;
}

}  // namespace forebay
