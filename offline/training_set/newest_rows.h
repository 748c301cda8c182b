// Which row of a table each label takes: the newest of its key that is not after it.
//
//   NewestRows newest(index);
//   newest.Offer(ranges, times, first_row);     // all rows, in any order, on any thread
//   std::vector<RowRef> row_of_label = newest.Settle(threads);
//
// A row goes to the first label of its key at or after it, if it is the newest there; then each
// label takes the newest of those before it. So rows need no order, and are looked at once.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_NEWEST_ROWS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_NEWEST_ROWS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "offline/training_set/label_index.h"

namespace forebay {

class JoinThreads;

// A row by its part (a row group or batch) and its number there; of two rows of one time the one
// that is greater is newer.
struct RowRef {
  static constexpr uint64_t kNone = 0;

  uint64_t bits = kNone;

  static RowRef Of(uint32_t part, uint32_t row) {
    return {(static_cast<uint64_t>(part) + 1) << 32 | row};
  }
  bool found() const { return bits != kNone; }
  uint32_t part() const { return static_cast<uint32_t>(bits >> 32) - 1; }
  uint32_t row() const { return static_cast<uint32_t>(bits); }
};

class NewestRows {
 public:
  // `index` must outlive this.
  explicit NewestRows(const LabelIndex& index);

  // ranges[i] and times[i] (microseconds) are of the row after `first` by i. Any thread.
  void Offer(absl::Span<const SlotRange> ranges, const int64_t* times, RowRef first);

  // By label. Once, after all rows.
  std::vector<RowRef> Settle(JoinThreads& threads);

 private:
  // 24 bytes side by side: a row that is offered touches one or two cache lines.
  struct Slot {
    int64_t label_time;
    std::atomic<int64_t> row_time;
    std::atomic<uint64_t> row;
  };
  static constexpr uint64_t kHeld = UINT64_MAX;  // in `row`, while a thread changes the slot

  uint32_t Guess(uint32_t count, int64_t time) const;
  static Slot* FirstNotBefore(Slot* begin, Slot* end, Slot* guess, int64_t time);
  void OfferTo(Slot* slot, int64_t time, uint64_t row);

  const LabelIndex& index_;
  int64_t least_time_ = INT64_MAX;  // of all labels
  double per_microsecond_ = 0;      // 1 over the time from there to the latest
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_NEWEST_ROWS_H_
