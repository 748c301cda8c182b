// The bytes of a KeyState: docs/formats/state.md.
#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "engine/state/key_state.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr uint8_t kFormat = 2;
constexpr uint8_t kLiveFlag = 1;
constexpr int kUnemittedShift = 1;     // two bits
constexpr size_t kNextBoundaryAt = 2;  // then L
constexpr size_t kEventTimeAt = kNextBoundaryAt + 2 * sizeof(int64_t);
constexpr size_t kHeaderBytes = 2 + 3 * sizeof(int64_t);

void AppendInt64(std::string* bytes, int64_t value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  bytes->append(raw, sizeof raw);
}

void AppendUint32(std::string* bytes, size_t value) {
  auto narrow = static_cast<uint32_t>(value);
  char raw[sizeof narrow];
  std::memcpy(raw, &narrow, sizeof narrow);
  bytes->append(raw, sizeof raw);
}

// Reads from the front; `ok` goes false, for good, at the end of the bytes.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  void Raw(void* into, size_t size) {
    ok_ = ok_ && bytes_.size() >= size;
    if (!ok_ || size == 0) return;
    std::memcpy(into, bytes_.data(), size);
    bytes_.remove_prefix(size);
  }
  int64_t Int64() {
    int64_t value = 0;
    Raw(&value, sizeof value);
    return value;
  }
  uint32_t Uint32() {
    uint32_t value = 0;
    Raw(&value, sizeof value);
    return value;
  }
  // False also when more is asked for than there is.
  bool Has(size_t size) { return ok_ = ok_ && bytes_.size() >= size; }
  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

absl::Status Damaged() {
  return absl::DataLossError(
      "the stored state of a key is damaged; stop the worker, delete this task's state folder, and "
      "start again: the "
      "state is rebuilt from the topic as far as its retention reaches");
}

bool IsIntact(const TileLevel& level, const Word* tile) {
  const auto* blobs = reinterpret_cast<const std::string*>(tile[TileLevel::kBlobs]);
  return std::all_of(level.slots.begin(), level.slots.end(), [&](const TileSlot& slot) {
    auto is_intact = slot.functions.is_intact;
    return is_intact == nullptr || is_intact(tile + slot.word, blobs + slot.blob, slot.parameter);
  });
}

}  // namespace

void KeyState::Encode(std::string* bytes) const {
  bytes->clear();
  bytes->reserve(kHeaderBytes + size_ * sizeof(Word));
  bytes->push_back(static_cast<char>(kFormat));
  bytes->push_back(static_cast<char>((live_ ? kLiveFlag : 0) | unemitted_ << kUnemittedShift));
  AppendInt64(bytes, next_boundary_);
  AppendInt64(bytes, last_effective_);
  AppendInt64(bytes, event_time_);
  bytes->append(reinterpret_cast<const char*>(words_), size_ * sizeof(Word));
  ForEachLevel([&](const TileLevel& level, const Word* first, const Word* last) {
    if (level.blobs == 0) return;
    for (const Word* tile = first; tile != last; tile += level.words) {
      auto address = static_cast<size_t>(tile + TileLevel::kBlobs - words_) * sizeof(Word);
      std::memset(bytes->data() + kHeaderBytes + address, 0, sizeof(Word));
      const auto* blobs = reinterpret_cast<const std::string*>(tile[TileLevel::kBlobs]);
      for (int i = 0; i < level.blobs; ++i) {
        AppendUint32(bytes, blobs[i].size());
        bytes->append(blobs[i]);
      }
    }
  });
}

absl::StatusOr<KeyTimes> KeyState::DecodeTimes(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || static_cast<uint8_t>(bytes[0]) != kFormat) return Damaged();
  auto flags = static_cast<uint8_t>(bytes[1]);
  Reader reader(bytes.substr(kNextBoundaryAt));
  KeyTimes times;
  times.live = (flags & kLiveFlag) != 0;
  times.unemitted = flags >> kUnemittedShift != 0;
  times.next_boundary = reader.Int64();
  times.last_effective = reader.Int64();
  return times;
}

absl::StatusOr<int64_t> KeyState::DecodeEnd(const ViewPlan& plan, std::string_view bytes) {
  int64_t end = Window::kAlways;
  size_t count_at = kHeaderBytes;
  size_t tiles_at = kHeaderBytes + plan.head_words() * sizeof(Word);
  for (const TileLevel& level : plan.levels()) {
    if (tiles_at > bytes.size()) return Damaged();
    size_t count = Reader(bytes.substr(count_at)).Uint32();
    const size_t width = static_cast<size_t>(level.words) * sizeof(Word);
    count_at += sizeof(uint32_t);
    tiles_at += count * width;
    if (count == 0) continue;
    if (tiles_at > bytes.size()) return Damaged();
    int64_t newest = Reader(bytes.substr(tiles_at - width)).Int64();
    end = std::max(end, level.hop == 0 ? Window::kNever : newest + level.stay);
  }
  return end;
}

absl::StatusOr<KeyState> KeyState::Decode(const ViewPlan& plan, std::string_view bytes) {
  ASSIGN_OR_RETURN(KeyTimes times, DecodeTimes(bytes));
  KeyState state(plan);
  state.live_ = times.live;
  state.unemitted_ = static_cast<uint8_t>(bytes[1]) >> kUnemittedShift;
  state.next_boundary_ = times.next_boundary;
  state.last_effective_ = times.last_effective;
  Reader reader(bytes.substr(kEventTimeAt));
  state.event_time_ = reader.Int64();
  if (reader.AtEnd()) return state;
  const size_t head = plan.head_words();
  std::vector<Word> head_words(head);
  reader.Raw(head_words.data(), head * sizeof(Word));
  const auto* counts = reinterpret_cast<const uint32_t*>(head_words.data());
  size_t tiles = 0;
  for (size_t i = 0; i < plan.levels().size(); ++i)
    tiles += size_t{counts[i]} * static_cast<size_t>(plan.levels()[i].words);
  if (!reader.Has(tiles * sizeof(Word))) return Damaged();
  state.Reserve(tiles);
  state.size_ = static_cast<uint32_t>(head + tiles);
  std::memcpy(state.words_, head_words.data(), head * sizeof(Word));
  reader.Raw(state.words_ + head, tiles * sizeof(Word));
  // Before anything can fail: the state owns the blobs of all its tiles.
  bool ok = true;
  state.ForEachLevel([&](const TileLevel& level, const Word* first, const Word* last) {
    if (level.blobs == 0) return;
    for (auto* tile = const_cast<Word*>(first); tile != last; tile += level.words)
      tile[TileLevel::kBlobs] = reinterpret_cast<Word>(new std::string[level.blobs]);
  });
  state.ForEachLevel([&](const TileLevel& level, const Word* first, const Word* last) {
    if (level.blobs == 0) return;
    for (const Word* tile = first; tile != last; tile += level.words) {
      auto* blobs = reinterpret_cast<std::string*>(tile[TileLevel::kBlobs]);
      for (int i = 0; i < level.blobs; ++i) {
        size_t size = reader.Uint32();
        ok = ok && reader.Has(size);
        if (!ok) return;
        blobs[i].resize(size);
        reader.Raw(blobs[i].data(), size);
      }
      ok = ok && IsIntact(level, tile);
    }
  });
  if (!ok || !reader.AtEnd()) return Damaged();
  return state;
}

}  // namespace forebay
