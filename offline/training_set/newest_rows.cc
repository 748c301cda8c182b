#include "offline/training_set/newest_rows.h"

#include <algorithm>

#include "schemas/types/prefetch.h"

namespace forebay {
namespace {

constexpr size_t kOfferedAtOnce = 128;

}  // namespace

NewestRows::NewestRows(const LabelIndex& index)
    : index_(index), slots_(std::make_unique_for_overwrite<Slot[]>(index.slots())) {
  int64_t latest = INT64_MIN;
  for (size_t i = 0; i < index.slots(); ++i) {
    const int64_t time = index.slot_times()[i];
    slots_[i].label_time = time;
    slots_[i].row_time.store(INT64_MIN, std::memory_order_relaxed);
    slots_[i].row.store(RowRef::kNone, std::memory_order_relaxed);
    least_time_ = std::min(least_time_, time);
    latest = std::max(latest, time);
  }
  if (latest > least_time_)
    per_microsecond_ = 1.0 / (static_cast<double>(latest) - static_cast<double>(least_time_));
}

// About where in a key's slots a time is, if its labels are spread evenly over those of all.
uint32_t NewestRows::Guess(uint32_t count, int64_t time) const {
  const double part =
      (static_cast<double>(time) - static_cast<double>(least_time_)) * per_microsecond_;
  return static_cast<uint32_t>(std::clamp(part * count, 0.0, static_cast<double>(count - 1)));
}

void NewestRows::Offer(absl::Span<const SlotRange> ranges, const int64_t* times, RowRef first) {
  struct Row {
    uint32_t index;
    uint32_t guess;
  };
  Row rows[kOfferedAtOnce];
  for (size_t next = 0; next < ranges.size();) {
    size_t count = 0;
    for (; next < ranges.size() && count < kOfferedAtOnce; ++next) {
      const SlotRange& range = ranges[next];
      if (range.count == 0) continue;
      const uint32_t guess = Guess(range.count, times[next]);
      rows[count++] = {static_cast<uint32_t>(next), guess};
      Prefetch(&slots_[range.first + guess]);
    }
    for (size_t i = 0; i < count; ++i) {
      const Row& row = rows[i];
      const SlotRange& range = ranges[row.index];
      Slot* const begin = slots_.get() + range.first;
      Slot* const end = begin + range.count;
      const int64_t time = times[row.index];
      Slot* const slot = FirstNotBefore(begin, end, begin + row.guess, time);
      if (slot != end) OfferTo(slot, time, first.bits + row.index);
    }
  }
}

// The first slot whose label is not before `time`; `guess` is near it.
NewestRows::Slot* NewestRows::FirstNotBefore(Slot* begin, Slot* end, Slot* guess, int64_t time) {
  auto before = [time](const Slot& slot) { return slot.label_time < time; };
  ptrdiff_t step = 1;
  if (before(*guess)) {
    Slot* low = guess;
    while (end - low > step && before(low[step])) {
      low += step;
      step *= 2;
    }
    return std::partition_point(low + 1, end - low > step ? low + step : end, before);
  }
  Slot* high = guess;
  while (high - begin >= step && !before(high[-step])) {
    high -= step;
    step *= 2;
  }
  return std::partition_point(high - begin >= step ? high - step + 1 : begin, high, before);
}

void NewestRows::OfferTo(Slot* slot, int64_t time, uint64_t row) {
  if (slot->row_time.load(std::memory_order_relaxed) > time) return;
  uint64_t known = slot->row.exchange(kHeld, std::memory_order_acquire);
  while (known == kHeld) known = slot->row.exchange(kHeld, std::memory_order_acquire);
  const int64_t known_time = slot->row_time.load(std::memory_order_relaxed);
  if (known == RowRef::kNone || time > known_time || (time == known_time && row > known)) {
    slot->row_time.store(time, std::memory_order_relaxed);
    known = row;
  }
  slot->row.store(known, std::memory_order_release);
}

std::vector<RowRef> NewestRows::Settle(JoinThreads& threads) {
  std::vector<RowRef> rows(index_.labels());
  const std::vector<uint32_t>& labels = index_.slot_labels();
  index_.ForSlots(threads, [&](uint32_t first, uint32_t end) {
    int64_t newest_time = INT64_MIN;
    uint64_t newest = RowRef::kNone;
    for (uint32_t slot = first; slot < end; ++slot) {
      if (!index_.continues(slot)) {
        newest_time = INT64_MIN;
        newest = RowRef::kNone;
      }
      const uint64_t row = slots_[slot].row.load(std::memory_order_relaxed);
      const int64_t time = slots_[slot].row_time.load(std::memory_order_relaxed);
      if (row != RowRef::kNone && (newest == RowRef::kNone || time > newest_time ||
                                   (time == newest_time && row > newest))) {
        newest_time = time;
        newest = row;
      }
      rows[labels[slot]] = {newest};
    }
  });
  return rows;
}

}  // namespace forebay
