#include "engine/state/key_state.h"

#include <algorithm>
#include <cmath>

namespace forebay {
namespace {

int64_t Start(const Word* tile) { return static_cast<int64_t>(tile[TileLevel::kStart]); }

// Whether the aggregate reads the event: its filter is true, and its argument neither null nor NaN.
bool Reads(const AggregateColumns& columns, int64_t row) {
  if (columns.filter != nullptr && !(columns.filter->IsValid(row) && columns.filter->bools[row]))
    return false;
  if (columns.argument == nullptr) return true;
  if (!columns.argument->IsValid(row)) return false;
  return columns.argument->type != DataType::kDouble || !std::isnan(columns.argument->doubles[row]);
}

}  // namespace

bool KeyState::Takes(const ViewPlan& plan, int64_t event_time, int64_t effective) {
  for (const WindowPlan& window : plan.windows()) {
    if (window.window.Leaves(window.window.TileOf(event_time)) > effective) return true;
  }
  return false;
}

template <typename Visit>
void KeyState::ForEachBoundary(const ViewPlan& plan, Visit visit) const {
  for (size_t i = 0; i < levels_.size(); ++i) {
    const TileLevel& level = plan.levels()[i];
    if (level.hop == 0) continue;
    for (size_t at = 0; at < levels_[i].words.size(); at += level.words) {
      int64_t start = Start(&levels_[i].words[at]);
      for (int window : level.windows) {
        const Window& w = plan.windows()[window].window;
        if (w.Enters(start) != Window::kAlways) visit(w.Enters(start));
        visit(w.Leaves(start));
      }
    }
  }
}

int64_t KeyState::NextBoundaryAfter(const ViewPlan& plan, int64_t t) const {
  int64_t next = Window::kNever;
  ForEachBoundary(plan, [&](int64_t boundary) {
    if (boundary > t) next = std::min(next, boundary);
  });
  return next;
}

int64_t KeyState::NextEffective(const ViewPlan& plan, int64_t clock) const {
  if (last_effective_ == Window::kAlways) return clock;
  int64_t effective = std::max(clock, last_effective_ + 1);
  for (int64_t boundary = next_boundary_; boundary <= effective;
       boundary = NextBoundaryAfter(plan, boundary)) {
    effective = std::max(clock, boundary + 1);
  }
  return effective;
}

bool KeyState::LiveAt(const ViewPlan& plan, int64_t t) const {
  if (!live_) return false;
  if (next_boundary_ > t) return true;
  for (size_t i = 0; i < levels_.size(); ++i) {
    const TileLevel& level = plan.levels()[i];
    if (levels_[i].words.empty()) continue;
    // The newest tile of a level is the last to leave.
    int64_t newest = Start(&levels_[i].words[levels_[i].words.size() - level.words]);
    if (level.hop == 0 || newest + level.stay > t) return true;
  }
  return false;
}

int64_t KeyState::LastStep(const ViewPlan& plan, int64_t t) const {
  if (next_boundary_ > t) return last_effective_;
  int64_t last = last_effective_;
  ForEachBoundary(plan, [&](int64_t boundary) {
    if (boundary <= t) last = std::max(last, boundary);
  });
  return last;
}

size_t KeyState::FindOrAddTile(const ViewPlan& plan, int level_index, int64_t start,
                               int64_t effective) {
  const TileLevel& level = plan.levels()[level_index];
  Tiles& tiles = levels_[level_index];
  // Most events fall into the newest tile: look from the end.
  size_t at = tiles.words.size();
  while (at > 0) {
    int64_t candidate = Start(&tiles.words[at - level.words]);
    if (candidate == start) return at - level.words;
    if (candidate < start) break;
    at -= level.words;
  }
  tiles.words.insert(tiles.words.begin() + static_cast<ptrdiff_t>(at), level.words, 0);
  tiles.words[at + TileLevel::kStart] = static_cast<Word>(start);
  auto blob = static_cast<ptrdiff_t>(at / level.words * level.blobs);
  tiles.blobs.insert(tiles.blobs.begin() + blob, level.blobs, std::string());
  for (int window : level.windows) {
    const Window& w = plan.windows()[window].window;
    if (w.Enters(start) > effective) next_boundary_ = std::min(next_boundary_, w.Enters(start));
    if (w.Leaves(start) > effective) next_boundary_ = std::min(next_boundary_, w.Leaves(start));
  }
  return at;
}

void KeyState::Apply(const ViewPlan& plan, const EventRow& event, int64_t effective) {
  for (size_t i = 0; i < levels_.size(); ++i) {
    const TileLevel& level = plan.levels()[i];
    bool taken = std::any_of(level.windows.begin(), level.windows.end(), [&](int index) {
      const Window& window = plan.windows()[index].window;
      return window.Leaves(window.TileOf(event.event_time)) > effective;
    });
    if (!taken) continue;
    int64_t start = level.hop == 0 ? 0 : FloorTo(event.event_time, level.hop);
    size_t at = FindOrAddTile(plan, static_cast<int>(i), start, effective);
    Word* tile = &levels_[i].words[at];
    std::string* blobs = levels_[i].blobs.data() + at / level.words * level.blobs;
    ++tile[TileLevel::kEvents];
    for (const TileSlot& slot : level.slots) {
      const AggregateColumns& columns = event.columns[slot.aggregate];
      if (!Reads(columns, event.row)) continue;
      slot.functions->update(tile + slot.word, blobs + slot.blob,
                             {columns.argument, event.row, event.event_time, event.offset});
    }
  }
  event_time_ = live_ ? std::max(event_time_, event.event_time) : event.event_time;
  live_ = true;
  last_effective_ = effective;
}

void KeyState::Expire(const ViewPlan& plan) {
  last_effective_ = next_boundary_;
  bool any = false;
  for (size_t i = 0; i < levels_.size(); ++i) {
    const TileLevel& level = plan.levels()[i];
    Tiles& tiles = levels_[i];
    size_t gone = 0;
    while (level.hop != 0 && gone < tiles.words.size() &&
           Start(&tiles.words[gone]) + level.stay <= last_effective_) {
      gone += level.words;
    }
    tiles.words.erase(tiles.words.begin(), tiles.words.begin() + static_cast<ptrdiff_t>(gone));
    tiles.blobs.erase(
        tiles.blobs.begin(),
        tiles.blobs.begin() + static_cast<ptrdiff_t>(gone / level.words * level.blobs));
    any = any || !tiles.words.empty();
  }
  next_boundary_ = NextBoundaryAfter(plan, last_effective_);
  live_ = any;
}

size_t KeyState::MemoryBytes() const {
  size_t bytes = sizeof *this + levels_.capacity() * sizeof(Tiles);
  for (const Tiles& tiles : levels_) {
    bytes += tiles.words.capacity() * sizeof(Word) + tiles.blobs.capacity() * sizeof(std::string);
    for (const std::string& blob : tiles.blobs) bytes += blob.capacity() > 15 ? blob.capacity() : 0;
  }
  return bytes;
}

absl::Span<const Scalar> Finalizer::Finalize(const KeyState& state, int64_t t) {
  for (const WindowPlan& window : plan_.windows()) FinalizeWindow(window, state, t);
  return features_;
}

void Finalizer::FinalizeWindow(const WindowPlan& window, const KeyState& state, int64_t t) {
  const TileLevel& level = plan_.levels()[window.level];
  const KeyState::Tiles& tiles = state.levels_[window.level];
  Word* words = words_.data() + window.scratch_word;
  std::string* blobs = blobs_.data() + window.scratch_blob;
  std::fill_n(words, level.words, 0);
  for (int i = 0; i < level.blobs; ++i) blobs[i].clear();
  bool any = false;
  for (size_t at = 0; at < tiles.words.size(); at += level.words) {
    const Word* tile = &tiles.words[at];
    if (!window.window.Holds(Start(tile), t)) continue;
    any = true;
    const std::string* tile_blobs = tiles.blobs.data() + at / level.words * level.blobs;
    for (const FeaturePlan& feature : window.features) {
      const TileSlot& slot = level.slots[feature.slot];
      slot.functions->merge(words + slot.word, blobs + slot.blob, tile + slot.word,
                            tile_blobs + slot.blob);
    }
  }
  for (const FeaturePlan& feature : window.features) {
    const TileSlot& slot = level.slots[feature.slot];
    features_[feature.column] = any ? slot.functions->finalize(words + slot.word, blobs + slot.blob)
                                    : feature.default_value;
  }
}

}  // namespace forebay
