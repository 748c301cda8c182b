#include "engine/state/key_state.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace forebay {
namespace {

int64_t Start(const Word* tile) { return static_cast<int64_t>(tile[TileLevel::kStart]); }

std::string* BlobsOf(const Word* tile) {
  return reinterpret_cast<std::string*>(tile[TileLevel::kBlobs]);
}

// The first tile that starts after `t`. The oldest are looked at first: few have left.
const Word* FirstAfter(const TileLevel& level, const Word* first, const Word* last, int64_t t) {
  while (first != last && Start(first) <= t) first += level.words;
  return first;
}

// The tile that starts at `start`; null: there is none. Most events fall into the newest.
Word* FindTile(const TileLevel& level, const Word* first, Word* last, int64_t start) {
  while (last != first) {
    last -= level.words;
    if (Start(last) <= start) return Start(last) == start ? last : nullptr;
  }
  return nullptr;
}

void UpdateTile(const TileLevel& level, const EventRow& event, Word* tile) {
  std::string* blobs = level.blobs == 0 ? nullptr : BlobsOf(tile);
  for (const TileSlot& slot : level.slots) {
    const InputColumn& input = event.columns[slot.input];
    if (!input.Reads(event.row)) continue;
    slot.functions.update(
        tile + slot.word, blobs + slot.blob,
        {input.argument, event.row, event.event_time, event.offset, slot.parameter});
  }
}

}  // namespace

void TileStarts::MoveTo(int64_t event_time) {
  for (size_t i = 0; i < starts_.size(); ++i) {
    int64_t hop = plan_.levels()[i].hop;
    auto since = static_cast<uint64_t>(event_time) - static_cast<uint64_t>(starts_[i]);
    if (hop != 0 && since >= static_cast<uint64_t>(hop)) starts_[i] = FloorTo(event_time, hop);
  }
}

bool TileStarts::Taken(int64_t effective) const {
  for (size_t i = 0; i < starts_.size(); ++i) {
    if (plan_.levels()[i].Keeps(starts_[i], effective)) return true;
  }
  return false;
}

KeyState& KeyState::operator=(KeyState&& other) noexcept {
  if (this == &other) return *this;
  Clear();
  plan_ = other.plan_;
  words_ = std::exchange(other.words_, nullptr);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  last_effective_ = other.last_effective_;
  event_time_ = other.event_time_;
  next_boundary_ = other.next_boundary_;
  live_ = other.live_;
  unemitted_ = other.unemitted_;
  return *this;
}

void KeyState::Clear() {
  if (words_ == nullptr) return;
  if (plan_->has_blobs()) {
    ForEachLevel([](const TileLevel& level, const Word* first, const Word* last) {
      if (level.blobs == 0) return;
      for (; first != last; first += level.words) delete[] BlobsOf(first);
    });
  }
  std::free(words_);
  words_ = nullptr;
  size_ = capacity_ = 0;
}

void KeyState::Resize(size_t capacity) {
  capacity |= 1;  // malloc's chunks are 16 n + 8 bytes
  auto* words = static_cast<Word*>(std::realloc(words_, capacity * sizeof(Word)));
  if (words == nullptr) std::abort();  // as operator new without a handler
  words_ = words;
  capacity_ = static_cast<uint32_t>(capacity);
}

// Room for `words` more.
void KeyState::Reserve(size_t words) {
  if (words_ == nullptr) {
    size_t head = plan_->head_words();
    Resize(head + words);
    std::fill_n(words_, head, 0);
    size_ = static_cast<uint32_t>(head);
  } else if (size_ + words > capacity_) {
    Resize(size_ + words + size_ / 16);
  }
}

// Room for a new tile of a level and of each finer one. What has left its windows goes first.
// Returns where the level begins afterwards.
Word* KeyState::MakeRoom(size_t index, int64_t effective) {
  absl::Span<const TileLevel> levels = plan_->levels();
  size_t words = 0;
  for (const TileLevel& level : levels.subspan(index)) words += level.words;
  if (size_ + words > capacity_) {
    if (next_boundary_ <= effective) StepTo(effective);
    Reserve(words);
  }
  Word* first = words_ + plan_->head_words();
  const uint32_t* count = counts();
  for (const TileLevel& level : levels.first(index)) first += size_t{*count++} * level.words;
  return first;
}

// REQUIRES: there is room, and no such tile.
Word* KeyState::InsertTile(size_t index, Word* first, int64_t start, int64_t effective) {
  const TileLevel& level = plan_->levels()[index];
  Word* tile = first + size_t{counts()[index]} * level.words;
  while (tile != first && Start(tile - level.words) > start) tile -= level.words;
  std::memmove(tile + level.words, tile, static_cast<size_t>(words_ + size_ - tile) * sizeof(Word));
  size_ += level.words;
  ++counts()[index];
  std::fill_n(tile, level.words, 0);
  tile[TileLevel::kStart] = static_cast<Word>(start);
  if (level.blobs > 0)
    tile[TileLevel::kBlobs] = reinterpret_cast<Word>(new std::string[level.blobs]);
  for (int64_t since_start : level.boundaries) {
    if (start + since_start > effective)
      next_boundary_ = std::min(next_boundary_, start + since_start);
  }
  return tile;
}

void KeyState::Apply(const EventRow& event, int64_t effective) {
  if (words_ == nullptr) Reserve(plan_->event_words());
  bool has_room = false;
  Word* first = words_ + plan_->head_words();
  const size_t levels = plan_->levels().size();
  for (size_t i = 0; i < levels; ++i) {
    const TileLevel& level = plan_->levels()[i];
    const int64_t start = (*event.tiles)[i];
    Word* last = first + size_t{counts()[i]} * level.words;
    if (level.Keeps(start, effective)) {
      Word* tile = FindTile(level, first, last, start);
      if (tile == nullptr) {
        if (!std::exchange(has_room, true)) first = MakeRoom(i, effective);
        tile = InsertTile(i, first, start, effective);
        last = first + size_t{counts()[i]} * level.words;
      }
      UpdateTile(level, event, tile);
    }
    first = last;
  }
  event_time_ = live_ ? std::max(event_time_, event.event_time) : event.event_time;
  live_ = true;
  last_effective_ = effective;
}

// Makes the steps up to `t`, in one pass: drops the tiles that no window keeps, and finds the last
// boundary passed and the next.
void KeyState::StepTo(int64_t t) {
  if (words_ == nullptr) return;
  Boundaries around;
  Word* to = words_ + plan_->head_words();
  Word* from = to;
  uint32_t* count = counts();
  for (const TileLevel& level : plan_->levels()) {
    Word* last = from + size_t{*count} * level.words;
    around.Add(BoundariesOf(level, from, last, t));
    for (; from != last && !level.Keeps(Start(from), t); from += level.words) {
      if (level.blobs > 0) delete[] BlobsOf(from);
      --*count;
    }
    if (to != from) std::memmove(to, from, static_cast<size_t>(last - from) * sizeof(Word));
    to += last - from;
    from = last;
    ++count;
  }
  last_effective_ = std::max(last_effective_, around.last);
  next_boundary_ = around.next;
  size_ = static_cast<uint32_t>(to - words_);
  live_ = size_ > plan_->head_words();
  if (2 * size_ + plan_->event_words() < capacity_) Resize(size_ + plan_->event_words());
}

KeyState::Boundaries KeyState::BoundariesOf(const TileLevel& level, const Word* first,
                                            const Word* last, int64_t t) {
  Boundaries around;
  for (int64_t since_start : level.boundaries) {
    const Word* after = FirstAfter(level, first, last, t - since_start);
    if (after != first)
      around.last = std::max(around.last, Start(after - level.words) + since_start);
    if (after != last) around.next = std::min(around.next, Start(after) + since_start);
  }
  return around;
}

KeyState::Boundaries KeyState::BoundariesAround(int64_t t) const {
  Boundaries around;
  ForEachLevel([&](const TileLevel& level, const Word* first, const Word* last) {
    around.Add(BoundariesOf(level, first, last, t));
  });
  return around;
}

int64_t KeyState::LastStep(int64_t t) const {
  if (next_boundary_ > t) return last_effective_;
  return std::max(last_effective_, BoundariesAround(t).last);
}

int64_t KeyState::End() const {
  int64_t end = Window::kAlways;
  ForEachLevel([&](const TileLevel& level, const Word* first, const Word* last) {
    if (first == last) return;
    // The newest tile of a level is the last to leave.
    end = std::max(end, level.hop == 0 ? Window::kNever : Start(last - level.words) + level.stay);
  });
  return end;
}

// Mostly the first tiles tell: those of the coarsest level.
bool KeyState::LiveAt(int64_t t) const {
  if (!live_) return false;
  const Word* last = words_ + plan_->head_words();
  const uint32_t* count = counts();
  for (const TileLevel& level : plan_->levels()) {
    last += size_t{*count} * level.words;
    if (*count++ != 0 && level.Keeps(Start(last - level.words), t)) return true;
  }
  return false;
}

int64_t KeyState::NextEffective(int64_t clock) const {
  if (last_effective_ == Window::kAlways) return clock;
  int64_t effective = std::max(clock, last_effective_ + 1);
  for (int64_t boundary = next_boundary_; boundary <= effective;) {
    Boundaries around = BoundariesAround(effective);
    effective = std::max(clock, around.last + 1);
    boundary = around.next;
  }
  return effective;
}

int64_t KeyState::Advance(int64_t clock) {
  if (last_effective_ == Window::kAlways) return clock;
  int64_t effective = std::max(clock, last_effective_ + 1);
  if (next_boundary_ > effective) return effective;
  // A step at this very moment comes first, and the key may be over.
  bool on_boundary = effective % plan_->boundary_grid() == 0;
  if (!on_boundary && LiveAt(effective)) return effective;
  while (next_boundary_ <= effective) {
    StepTo(effective);
    effective = std::max(clock, last_effective_ + 1);
  }
  return effective;
}

void KeyState::SetUnemitted(ChangeOp op, int64_t known_time) {
  unemitted_ = static_cast<uint8_t>(static_cast<int>(op) + 1);
  words_[plan_->count_words()] = static_cast<Word>(known_time);
}

size_t KeyState::MemoryBytes() const {
  size_t bytes = words_ == nullptr ? 0 : capacity_ * sizeof(Word) + sizeof(size_t);
  if (!plan_->has_blobs()) return bytes;
  ForEachLevel([&](const TileLevel& level, const Word* first, const Word* last) {
    if (level.blobs == 0) return;
    for (; first != last; first += level.words) {
      const std::string* blobs = BlobsOf(first);
      for (int i = 0; i < level.blobs; ++i)
        bytes += sizeof(std::string) + (blobs[i].capacity() > 15 ? blobs[i].capacity() : 0);
    }
  });
  return bytes;
}

void Finalizer::Finalize(const KeyState& state, int64_t t, Scalar* features) {
  if (state.words_ == nullptr) {
    for (const WindowPlan& window : plan_.windows()) SetDefaults(window, features);
    return;
  }
  const Word* first = state.words_ + plan_.head_words();
  const uint32_t* count = state.counts();
  for (const TileLevel& level : plan_.levels()) {
    for (int window : level.windows)
      FinalizeWindow(plan_.windows()[window], level, first, *count, t, features);
    first += size_t{*count++} * level.words;
  }
}

// The tiles that a window holds at a time follow each other: those past the ones that have left, up
// to those that wait to enter.
void Finalizer::FinalizeWindow(const WindowPlan& window, const TileLevel& level, const Word* first,
                               size_t count, int64_t t, Scalar* features) {
  const auto stride = static_cast<size_t>(level.words);
  if (window.window.kind != Window::Kind::kLifetime) {
    for (; count > 0 && Start(first) <= t - window.stay; --count) first += stride;
  }
  if (window.window.kind == Window::Kind::kTumbling) {
    while (count > 0 && Start(first + (count - 1) * stride) > t) --count;
  }
  if (count == 0) return SetDefaults(window, features);
  PartialRun tiles{.words = nullptr, .stride = stride, .count = count};
  tiles.tile_blobs = level.blobs == 0 ? nullptr : first + TileLevel::kBlobs;
  for (const PartialPlan& partial : window.partials) {
    const TileSlot& slot = level.slots[partial.slot];
    tiles.words = first + slot.word;
    if (slot.functions.read != nullptr) {
      slot.functions.read(tiles, partial.readings, features);
    } else {
      tiles.blob = slot.blob;
      tiles.parameter = slot.parameter;
      FinalizePartial(window, partial, slot, tiles, features);
    }
  }
}

void Finalizer::FinalizePartial(const WindowPlan& window, const PartialPlan& partial,
                                const TileSlot& slot, const PartialRun& tiles, Scalar* features) {
  // A merge with nothing changes nothing.
  const Word* merged = tiles.words;
  const std::string* merged_blobs = tiles.Blobs(0);
  if (tiles.count > 1) {
    Word* words = words_.data() + window.scratch_word + slot.word;
    std::string* blobs = blobs_.data() + window.scratch_blob + slot.blob;
    std::fill_n(words, slot.functions.words, 0);
    for (int i = 0; i < slot.functions.blobs; ++i) blobs[i].clear();
    slot.functions.merge(words, blobs, tiles);
    merged = words;
    merged_blobs = blobs;
  }
  for (const PartialPlan::Feature& feature : partial.features)
    features[feature.column] = feature.finalize(merged, merged_blobs);
}

void Finalizer::SetDefaults(const WindowPlan& window, Scalar* features) const {
  for (int column : window.columns) features[column] = plan_.defaults()[column];
}

}  // namespace forebay
