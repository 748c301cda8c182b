// Entries of a hot map in the order of their keys' bytes, the one in which a store takes them in
// fastest.
//
//   EntriesByKey entries;
//   entries.Add(entry);   ...
//   entries.StartTaking();
//   size_t count = entries.Take(absl::MakeSpan(first_entries));
//
// However many there are, no call takes long: they lie in sorted runs, merged as they are taken.
#ifndef FOREBAY_ENGINE_STATE_ENTRIES_BY_KEY_H_
#define FOREBAY_ENGINE_STATE_ENTRIES_BY_KEY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace forebay {

struct HotEntry;

class EntriesByKey {
 public:
  // The entry lives until it is taken. REQUIRES: StartTaking() was not called.
  void Add(HotEntry* entry);

  void StartTaking();
  // Takes the first by their keys, as many as `first` has room for. Returns how many; fewer: those
  // were the last.
  size_t Take(absl::Span<HotEntry*> first);

 private:
  struct Item {
    uint64_t first_bytes;  // of the key
    HotEntry* entry;
  };
  using Run = std::vector<Item>;
  struct Rest {  // of a run
    const Item* first;
    const Item* end;
  };
  static bool Before(const Item& a, const Item& b);
  static bool After(const Rest& a, const Rest& b) { return Before(*b.first, *a.first); }
  static void Sort(Run* run);
  HotEntry* TakeFirst();

  std::vector<Run> runs_;    // sorted, but for the last
  std::vector<Rest> rests_;  // of the runs: a heap with the least first item on top
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_ENTRIES_BY_KEY_H_
