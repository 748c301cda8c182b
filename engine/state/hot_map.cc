#include "engine/state/hot_map.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <utility>

namespace forebay {

size_t HotMap::Hash::operator()(std::string_view key) const {
  return XXH3_64bits(key.data(), key.size());
}

HotEntry* HotMap::Find(std::string_view key) {
  Map& map = ShardOf(key).map;
  auto at = map.find(key);
  if (at == map.end()) return nullptr;
  at->second.touched = true;
  return &at->second;
}

HotEntry* HotMap::Insert(std::string_view key, HotEntry entry) {
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  auto [at, added] = shard.map.emplace(std::string(key), std::move(entry));
  at->second.key = at->first;
  at->second.mutex = &shard.mutex;
  Count(&at->second);
  return &at->second;
}

void HotMap::Count(HotEntry* entry) {
  bytes_ -= entry->bytes;
  entry->bytes =
      sizeof(std::string) + entry->key.size() + sizeof(HotEntry) + entry->state.MemoryBytes();
  bytes_ += entry->bytes;
}

void HotMap::MarkDirty(HotEntry* entry) {
  if (entry->dirty) return;
  entry->dirty = true;
  dirty_.push_back(entry);
}

void HotMap::Cut(uint64_t cut, const std::function<void(const HotEntry&)>& visit) {
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
    for (auto at = shard.map.begin(); at != shard.map.end() && bytes_ > budget;) {
      HotEntry& entry = at->second;
      bool needed = entry.dirty || entry.cut > durable_cut;
      if (needed || std::exchange(entry.touched, false)) {
        ++at;
      } else {
        bytes_ -= entry.bytes;
        shard.map.erase(at++);
      }
    }
  }
}

bool HotMap::Read(std::string_view key, const std::function<void(const HotEntry&)>& read) {
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  auto at = shard.map.find(key);
  if (at == shard.map.end()) return false;
  read(at->second);
  return true;
}

size_t HotMap::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) size += shard.map.size();
  return size;
}

}  // namespace forebay
