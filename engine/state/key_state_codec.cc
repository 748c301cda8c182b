// The bytes of a KeyState: docs/formats/state.md.
#include <cstring>

#include "absl/status/status.h"
#include "engine/state/key_state.h"

namespace forebay {
namespace {

constexpr uint8_t kFormat = 1;
constexpr uint8_t kLiveFlag = 1;
constexpr size_t kNextBoundaryAt = 2;
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

}  // namespace

void KeyState::Encode(const ViewPlan& plan, std::string* bytes) const {
  bytes->clear();
  bytes->push_back(static_cast<char>(kFormat));
  bytes->push_back(static_cast<char>(live_ ? kLiveFlag : 0));
  AppendInt64(bytes, next_boundary_);
  AppendInt64(bytes, last_effective_);
  AppendInt64(bytes, event_time_);
  for (size_t i = 0; i < levels_.size(); ++i) {
    const Tiles& tiles = levels_[i];
    AppendUint32(bytes, tiles.words.size() / plan.levels()[i].words);
    bytes->append(reinterpret_cast<const char*>(tiles.words.data()),
                  tiles.words.size() * sizeof(Word));
    for (const std::string& blob : tiles.blobs) {
      AppendUint32(bytes, blob.size());
      bytes->append(blob);
    }
  }
}

absl::StatusOr<KeyState> KeyState::Decode(const ViewPlan& plan, std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || static_cast<uint8_t>(bytes[0]) != kFormat) return Damaged();
  KeyState state(plan);
  state.live_ = (static_cast<uint8_t>(bytes[1]) & kLiveFlag) != 0;
  Reader reader(bytes.substr(kNextBoundaryAt));
  state.next_boundary_ = reader.Int64();
  state.last_effective_ = reader.Int64();
  state.event_time_ = reader.Int64();
  for (size_t i = 0; i < state.levels_.size(); ++i) {
    const TileLevel& level = plan.levels()[i];
    size_t count = reader.Uint32();
    size_t words = count * static_cast<size_t>(level.words);
    if (!reader.Has(words * sizeof(Word))) return Damaged();
    Tiles& tiles = state.levels_[i];
    tiles.words.resize(words);
    reader.Raw(tiles.words.data(), words * sizeof(Word));
    tiles.blobs.resize(count * static_cast<size_t>(level.blobs));
    for (std::string& blob : tiles.blobs) {
      size_t size = reader.Uint32();
      if (!reader.Has(size)) return Damaged();
      blob.resize(size);
      reader.Raw(blob.data(), size);
    }
  }
  if (!reader.AtEnd()) return Damaged();
  return state;
}

absl::StatusOr<int64_t> KeyState::DecodeNextBoundary(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || static_cast<uint8_t>(bytes[0]) != kFormat) return Damaged();
  Reader reader(bytes.substr(kNextBoundaryAt));
  int64_t next_boundary = reader.Int64();
  if ((static_cast<uint8_t>(bytes[1]) & kLiveFlag) != 0) return next_boundary;
  return reader.Int64() + 1;
}

}  // namespace forebay
