// The states of keys: found in the hot map, else read from the store, else new.
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/task/task.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// How many rows ahead what is pointed at is asked for: the slot in the hot map, the entry, the
// block of its state.
constexpr int64_t kSlotAhead = 24;
constexpr int64_t kEntryAhead = 12;
constexpr int64_t kStateAhead = 6;

struct HashOfKey {
  size_t operator()(const HashedKey& key) const { return key.hash; }
};
struct EqualKeys {
  bool operator()(const HashedKey& a, const HashedKey& b) const { return a.bytes == b.bytes; }
};

}  // namespace

// A key enters the hot map with its state, never before: lookups believe the hot map.
absl::Status Task::LoadEntries(ViewTask* view, int64_t rows) {
  const KeyColumn& keys = view->columns.keys();
  std::vector<HotEntry*>& entries = view->entries;
  entries.resize(rows);
  std::vector<int64_t> missing;
  for (int64_t ahead = 0; ahead < rows + kEntryAhead; ++ahead) {
    int64_t slot = ahead + kSlotAhead - kEntryAhead;
    if (slot < rows) view->hot.PrefetchSlot(keys[slot].hash);
    if (ahead < rows) entries[ahead] = view->hot.PrefetchEntry(keys[ahead].hash);
    int64_t row = ahead - kEntryAhead;
    if (row < 0) continue;
    entries[row] = keys.IsValid(row) ? view->hot.FindFrom(entries[row], keys[row]) : nullptr;
    if (entries[row] == nullptr && keys.IsValid(row)) missing.push_back(row);
  }
  return missing.empty() ? absl::OkStatus() : LoadMissing(view, missing);
}

// Makes entries of the keys of some rows, each once.
absl::Status Task::LoadMissing(ViewTask* view, absl::Span<const int64_t> rows) {
  const KeyColumn& keys = view->columns.keys();
  absl::flat_hash_map<HashedKey, size_t, HashOfKey, EqualKeys> index;
  std::vector<const HashedKey*> distinct;
  for (int64_t row : rows) {
    if (index.emplace(keys[row], distinct.size()).second) distinct.push_back(&keys[row]);
  }
  ASSIGN_OR_RETURN(std::vector<std::optional<std::string>> states, ReadStates(*view, distinct));
  std::vector<HotEntry*> entries(distinct.size());
  for (size_t i = 0; i < distinct.size(); ++i) {
    ASSIGN_OR_RETURN(entries[i], InsertEntry(view, *distinct[i], states[i]));
  }
  for (int64_t row : rows) view->entries[row] = entries[index.find(keys[row])->second];
  return absl::OkStatus();
}

// As the store has them, for keys that are not in the hot map.
absl::StatusOr<std::vector<std::optional<std::string>>> Task::ReadStates(
    const ViewTask& view, absl::Span<const HashedKey* const> keys) const {
  if (view.hot.has_all()) return std::vector<std::optional<std::string>>(keys.size());
  std::string bytes;
  std::vector<size_t> ends;
  for (const HashedKey* key : keys) {
    bytes.append(view.prefix).append(key->bytes);
    ends.push_back(bytes.size());
  }
  std::vector<std::string_view> stored;
  size_t begin = 0;
  for (size_t end : ends) {
    stored.push_back(std::string_view(bytes).substr(begin, end - begin));
    begin = end;
  }
  return store_->MultiGet(stored);
}

// Hints for the rows and the steps to come: their states are in the cache when they are needed.
void Task::PrefetchEntries(int64_t row) const {
  for (const auto& view : views_) {
    const auto rows = static_cast<int64_t>(view->entries.size());
    if (row + kEntryAhead < rows && view->entries[row + kEntryAhead] != nullptr)
      view->entries[row + kEntryAhead]->Prefetch();
    if (row + kStateAhead >= rows) continue;
    if (const HotEntry* coming = view->entries[row + kStateAhead]) coming->state.Prefetch();
  }
}

void Task::PrefetchDueSteps(ViewTask* view) {
  Timers& timers = view->timers;
  if (const Timer* slot = timers.Upcoming(kSlotAhead)) view->hot.PrefetchSlot(slot->key.hash);
  if (Timer* found = timers.Upcoming(kEntryAhead))
    found->entry = view->hot.PrefetchEntry(found->key.hash);
  const Timer* coming = timers.Upcoming(kStateAhead);
  if (coming != nullptr && coming->entry != nullptr) coming->entry->state.Prefetch();
}

absl::StatusOr<HotEntry*> Task::InsertEntry(ViewTask* view, const HashedKey& key,
                                            const std::optional<std::string>& bytes) {
  if (!bytes) return view->hot.Insert(key, KeyState(view->plan.tiles), /*exists=*/false);
  ASSIGN_OR_RETURN(KeyState state, KeyState::Decode(view->plan.tiles, *bytes));
  HotEntry* entry = view->hot.Insert(key, std::move(state), /*exists=*/true);
  entry->has_timer = true;  // as every key that exists
  return entry;
}

absl::StatusOr<HotEntry*> Task::Load(ViewTask* view, const Timer& timer) {
  HotEntry* entry = timer.entry != nullptr ? view->hot.FindFrom(timer.entry, timer.key) : nullptr;
  return entry != nullptr ? entry : Load(view, timer.key);
}

absl::StatusOr<HotEntry*> Task::Load(ViewTask* view, const HashedKey& key) {
  HotEntry* entry = view->hot.Find(key);
  if (entry != nullptr) return entry;
  ASSIGN_OR_RETURN(std::optional<std::string> bytes,
                   store_->Get(view->prefix + std::string(key.bytes)));
  return InsertEntry(view, key, bytes);
}

}  // namespace forebay
