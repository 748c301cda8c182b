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
  ForEachLevel([](size_t, const TileLevel& level, const Word* first, const Word* last) {
    if (level.blobs == 0) return;
    for (; first != last; first += level.words) delete[] BlobsOf(first);
  });
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
    size_t head = HeadWords(*plan_);
    Resize(head + words);
    std::fill_n(words_, head, 0);
    size_ = static_cast<uint32_t>(head);
  } else if (size_ + words > capacity_) {
    Resize(size_ + words + size_ / 16);
  }
}

// Room for the new tiles of an event. What has left its windows goes first.
void KeyState::MakeRoom(const TileStarts& tiles, int64_t effective) {
  if (words_ == nullptr) return Reserve(plan_->event_words());
  size_t words = 0;
  ForEachLevel([&](size_t i, const TileLevel& level, const Word* first, const Word* last) {
    if (!level.Keeps(tiles[i], effective)) return;
    if (first == last || Start(last - level.words) < tiles[i]) words += level.words;
  });
  if (size_ + words <= capacity_) return;
  if (next_boundary_ <= effective) StepTo(effective);
  Reserve(words);
}

void KeyState::InsertTile(size_t index, size_t at, int64_t start, int64_t effective) {
  const TileLevel& level = plan_->levels()[index];
  std::memmove(words_ + at + level.words, words_ + at, (size_ - at) * sizeof(Word));
  size_ += level.words;
  ++counts()[index];
  Word* tile = words_ + at;
  std::fill_n(tile, level.words, 0);
  tile[TileLevel::kStart] = static_cast<Word>(start);
  if (level.blobs > 0)
    tile[TileLevel::kBlobs] = reinterpret_cast<Word>(new std::string[level.blobs]);
  for (int window : level.windows) {
    const Window& w = plan_->windows()[window].window;
    if (w.Enters(start) > effective) next_boundary_ = std::min(next_boundary_, w.Enters(start));
    if (w.Leaves(start) > effective) next_boundary_ = std::min(next_boundary_, w.Leaves(start));
  }
}

void KeyState::Apply(const EventRow& event, int64_t effective) {
  MakeRoom(*event.tiles, effective);
  size_t first = HeadWords(*plan_);
  for (size_t i = 0; i < plan_->levels().size(); ++i) {
    const TileLevel& level = plan_->levels()[i];
    const size_t width = level.words;
    size_t last = first + counts()[i] * width;
    int64_t start = (*event.tiles)[i];
    if (level.Keeps(start, effective)) {
      // Most events fall into the newest tile: look from the end.
      size_t at = last;
      while (at != first && Start(words_ + at - width) > start) at -= width;
      if (at != first && Start(words_ + at - width) == start) {
        at -= width;
      } else {
        Reserve(width);
        InsertTile(i, at, start, effective);
        last += width;
      }
      Word* tile = words_ + at;
      for (const TileSlot& slot : level.slots) {
        const InputColumn& input = event.columns[slot.input];
        if (!input.Reads(event.row)) continue;
        std::string* blobs = level.blobs == 0 ? nullptr : BlobsOf(tile) + slot.blob;
        slot.functions.update(
            tile + slot.word, blobs,
            {input.argument, event.row, event.event_time, event.offset, slot.parameter});
      }
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
  Word* to = words_ + HeadWords(*plan_);
  Word* from = to;
  for (size_t i = 0; i < plan_->levels().size(); ++i) {
    const TileLevel& level = plan_->levels()[i];
    Word* last = from + size_t{counts()[i]} * level.words;
    around.Add(BoundariesOf(level, from, last, t));
    for (; from != last && !level.Keeps(Start(from), t); from += level.words) {
      if (level.blobs > 0) delete[] BlobsOf(from);
      --counts()[i];
    }
    if (to != from) std::memmove(to, from, static_cast<size_t>(last - from) * sizeof(Word));
    to += last - from;
    from = last;
  }
  last_effective_ = std::max(last_effective_, around.last);
  next_boundary_ = around.next;
  size_ = static_cast<uint32_t>(to - words_);
  live_ = size_ > HeadWords(*plan_);
  if (2 * size_ + plan_->event_words() < capacity_) Resize(size_ + plan_->event_words());
}

KeyState::Boundaries KeyState::BoundariesOf(const TileLevel& level, const Word* first,
                                            const Word* last, int64_t t) const {
  Boundaries around;
  if (level.hop == 0 || first == last) return around;
  // What happens `since_start` after each tile's start: to `after` and those behind it, later than
  // t.
  auto add = [&](const Word* after, int64_t since_start) {
    if (after != first)
      around.last = std::max(around.last, Start(after - level.words) + since_start);
    if (after != last) around.next = std::min(around.next, Start(after) + since_start);
  };
  for (int index : level.windows) {
    const WindowPlan& window = plan_->windows()[index];
    add(FirstAfter(level, first, last, t - window.stay), window.stay);
    if (window.window.kind == Window::Kind::kTumbling) add(FirstAfter(level, first, last, t), 0);
  }
  return around;
}

KeyState::Boundaries KeyState::BoundariesAround(int64_t t) const {
  Boundaries around;
  ForEachLevel([&](size_t, const TileLevel& level, const Word* first, const Word* last) {
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
  ForEachLevel([&](size_t, const TileLevel& level, const Word* first, const Word* last) {
    if (first == last) return;
    // The newest tile of a level is the last to leave.
    end = std::max(end, level.hop == 0 ? Window::kNever : Start(last - level.words) + level.stay);
  });
  return end;
}

// Mostly the first tiles tell: those of the coarsest level.
bool KeyState::LiveAt(int64_t t) const {
  if (!live_) return false;
  const Word* last = words_ + HeadWords(*plan_);
  for (size_t i = 0; i < plan_->levels().size(); ++i) {
    const TileLevel& level = plan_->levels()[i];
    if (counts()[i] == 0) continue;
    last += size_t{counts()[i]} * level.words;
    if (level.Keeps(Start(last - level.words), t)) return true;
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
  words_[CountWords(*plan_)] = static_cast<Word>(known_time);
}

size_t KeyState::MemoryBytes() const {
  size_t bytes = words_ == nullptr ? 0 : capacity_ * sizeof(Word) + sizeof(size_t);
  ForEachLevel([&](size_t, const TileLevel& level, const Word* first, const Word* last) {
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
  }
  state.ForEachLevel([&](size_t, const TileLevel& level, const Word* first, const Word* last) {
    for (int window : level.windows)
      FinalizeWindow(plan_.windows()[window], first, last, t, features);
  });
}

// The tiles that a window holds at a time follow each other: those past the ones that have left, up
// to those that wait to enter.
void Finalizer::FinalizeWindow(const WindowPlan& window, const Word* first, const Word* last,
                               int64_t t, Scalar* features) {
  const TileLevel& level = plan_.levels()[window.level];
  if (window.window.kind != Window::Kind::kLifetime)
    first = FirstAfter(level, first, last, t - window.stay);
  if (window.window.kind == Window::Kind::kTumbling) {
    while (first != last && Start(last - level.words) > t) last -= level.words;
  }
  if (first == last) return SetDefaults(window, features);
  // Of 32 bits: a division of 64 takes as long as all the rest here.
  const uint32_t count = static_cast<uint32_t>(last - first) / static_cast<uint32_t>(level.words);
  PartialRun tiles{.words = nullptr, .stride = static_cast<size_t>(level.words), .count = count};
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
