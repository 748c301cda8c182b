#include "engine/state/entries_by_key.h"

#include <algorithm>

#include "engine/state/hot_map.h"
#include "engine/state/key.h"

namespace forebay {
namespace {

constexpr size_t kRunSize = 1024;  // sorted within some tens of microseconds

}  // namespace

bool EntriesByKey::Before(const Item& a, const Item& b) {
  if (a.first_bytes != b.first_bytes) return a.first_bytes < b.first_bytes;
  return a.entry->key() < b.entry->key();
}

void EntriesByKey::Sort(Run* run) { std::sort(run->begin(), run->end(), Before); }

void EntriesByKey::Add(HotEntry* entry) {
  if (runs_.empty() || runs_.back().size() == kRunSize) {
    if (!runs_.empty()) Sort(&runs_.back());
    runs_.emplace_back();
  }
  runs_.back().push_back({FirstBytes(entry->key()), entry});
}

void EntriesByKey::StartTaking() {
  if (!runs_.empty()) Sort(&runs_.back());
  rests_.reserve(runs_.size());
  for (const Run& run : runs_) rests_.push_back({run.data(), run.data() + run.size()});
  std::make_heap(rests_.begin(), rests_.end(), After);
}

size_t EntriesByKey::Take(absl::Span<HotEntry*> first) {
  size_t count = 0;
  for (; count < first.size() && !rests_.empty(); ++count) {
    first[count] = TakeFirst();
    Prefetch(first[count]);
  }
  return count;
}

HotEntry* EntriesByKey::TakeFirst() {
  std::pop_heap(rests_.begin(), rests_.end(), After);
  Rest& rest = rests_.back();
  HotEntry* first = rest.first->entry;
  if (++rest.first == rest.end) {
    rests_.pop_back();
  } else {
    std::push_heap(rests_.begin(), rests_.end(), After);
  }
  return first;
}

}  // namespace forebay
