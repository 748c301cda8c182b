#include "engine/state/hot_map.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

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
    for (HotEntry* entry : shard.entries) DeleteEntry(entry);
  }
}

HotEntry* HotMap::Find(const HashedKey& key) {
  auto& entries = ShardOf(key.hash).entries;
  auto at = entries.find(key);
  if (at == entries.end()) return nullptr;
  (*at)->touched = true;
  return *at;
}

HotEntry* HotMap::Insert(const HashedKey& key, KeyState state, bool exists) {
  HotEntry* entry = NewEntry(key, std::move(state));
  entry->exists = exists;
  Count(entry);
  Shard& shard = ShardOf(key.hash);
  absl::MutexLock lock(&shard.mutex);
  shard.entries.insert(entry);
  return entry;
}

void HotMap::Count(HotEntry* entry) {
  constexpr size_t kPerEntry = sizeof(HotEntry) + 2 * sizeof(HotEntry*);  // and its slot
  bytes_ -= entry->bytes;
  entry->bytes = static_cast<uint32_t>(kPerEntry + entry->key_size + entry->state.MemoryBytes());
  bytes_ += entry->bytes;
}

void HotMap::Cut(uint64_t cut, const std::function<void(const HotEntry&)>& visit) {
  std::sort(dirty_.begin(), dirty_.end(),
            [](const HotEntry* a, const HotEntry* b) { return a->key() < b->key(); });
  for (HotEntry* entry : dirty_) {
    visit(*entry);
    entry->dirty = false;
    entry->cut = cut;
    Count(entry);
  }
  dirty_.clear();
}

void HotMap::Evict(uint64_t durable_cut, size_t budget) {
  // Two rounds at most: the first takes the mark of touched entries away.
  for (size_t step = 0; step < 2 * kShards && bytes_ > budget; ++step) {
    Shard& shard = shards_[hand_++ % kShards];
    absl::MutexLock lock(&shard.mutex);
    for (auto at = shard.entries.begin(); at != shard.entries.end() && bytes_ > budget;) {
      HotEntry* entry = *at;
      bool needed = entry->dirty || entry->cut > durable_cut;
      if (needed || std::exchange(entry->touched, false)) {
        ++at;
        continue;
      }
      bytes_ -= entry->bytes;
      shard.entries.erase(at++);
      DeleteEntry(entry);
    }
  }
}

bool HotMap::Read(const HashedKey& key, const std::function<void(const HotEntry&)>& read) {
  Shard& shard = ShardOf(key.hash);
  absl::MutexLock lock(&shard.mutex);
  auto at = shard.entries.find(key);
  if (at == shard.entries.end()) return false;
  SpinLockHolder holder(&(*at)->lock);
  read(**at);
  return true;
}

size_t HotMap::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) size += shard.entries.size();
  return size;
}

}  // namespace forebay
