#include "engine/aggregate/last_n.h"

#include <algorithm>
#include <compare>
#include <cstring>
#include <string>

#include "engine/aggregate/list_value.h"
#include "engine/aggregate/typed_value.h"

namespace forebay {
namespace {

constexpr char kForm = 1;

struct Place {
  int64_t event_time;
  int64_t offset;
  auto operator<=>(const Place&) const = default;
};

// Where value i's place is.
size_t PlaceByte(size_t i) { return 1 + i * sizeof(Place); }

size_t Count(const std::string& places) {
  return places.empty() ? 0 : (places.size() - 1) / sizeof(Place);
}

Place PlaceAt(const std::string& places, size_t i) {
  Place place;
  std::memcpy(&place, places.data() + PlaceByte(i), sizeof place);
  return place;
}

// Where value i begins, of `count`.
template <typename T>
size_t ValueByte(const std::string& values, size_t i, size_t count) {
  if (i == count) return values.size();
  if constexpr (T::kBlobs == 0) return values.size() / count * i;
  ListReader reader(DataType::kString, values);
  for (Scalar skipped; i > 0; --i) reader.Next(&skipped);
  return values.size() - reader.BytesLeft();
}

template <typename T>
void DropOldest(std::string* blobs, size_t drop) {
  if (drop == 0) return;
  blobs[1].erase(0, ValueByte<T>(blobs[1], drop, Count(blobs[0])));
  blobs[0].erase(PlaceByte(0), drop * sizeof(Place));
}

// Most events are the newest: looks from the end.
size_t FindPlace(const std::string& places, const Place& place) {
  size_t at = Count(places);
  while (at > 0 && place < PlaceAt(places, at - 1)) --at;
  return at;
}

template <typename T>
void Update(Word*, std::string* blobs, const AggregateInput& input) {
  std::string& places = blobs[0];
  std::string& values = blobs[1];
  const Place place{input.event_time, input.offset};
  size_t at = FindPlace(places, place);
  if (Count(places) == input.parameter) {
    if (at == 0) return;
    DropOldest<T>(blobs, 1);
    --at;
  }
  std::string value;
  AppendElement(T::Read(input), &value);
  values.insert(ValueByte<T>(values, at, Count(places)), value);
  if (places.empty()) places.push_back(kForm);
  places.insert(PlaceByte(at), reinterpret_cast<const char*>(&place), sizeof place);
}

// Appends all of a later tile's but its `drop` oldest.
template <typename T>
void Append(std::string* blobs, const std::string* tile_blobs, size_t drop) {
  const size_t count = Count(tile_blobs[0]);
  if (drop == count) return;
  if (blobs[0].empty()) blobs[0].push_back(kForm);
  blobs[0].append(tile_blobs[0], PlaceByte(drop));
  blobs[1].append(tile_blobs[1], ValueByte<T>(tile_blobs[1], drop, count));
}

// Looks no further back than to the tile that completes the n values.
template <typename T>
void Merge(Word*, std::string* blobs, const PartialRun& tiles) {
  const size_t n = tiles.parameter;
  size_t first = tiles.count, newer = 0;
  while (first > 0 && newer < n) newer += Count(tiles.Blobs(--first)[0]);
  const size_t before = Count(blobs[0]);
  const size_t excess = before + newer > n ? before + newer - n : 0;
  DropOldest<T>(blobs, std::min(excess, before));
  for (size_t i = first; i < tiles.count; ++i)
    Append<T>(blobs, tiles.Blobs(i), i == first && excess > before ? excess - before : 0);
}

Scalar Finalize(const Word*, const std::string* blobs) { return Scalar::List(blobs[1]); }

bool PlacesIncrease(const std::string& places) {
  for (size_t i = 1; i < Count(places); ++i) {
    if (PlaceAt(places, i) <= PlaceAt(places, i - 1)) return false;
  }
  return true;
}

template <typename T>
constexpr DataType kElement = DataType::kInt64;
template <>
constexpr DataType kElement<BoolValue> = DataType::kBool;
template <>
constexpr DataType kElement<DoubleValue> = DataType::kDouble;
template <>
constexpr DataType kElement<StringValue> = DataType::kString;

template <typename T>
bool IsIntact(const Word*, const std::string* blobs, Word n) {
  const std::string& places = blobs[0];
  if (places.empty()) return blobs[1].empty();
  size_t count = Count(places);
  if (places[0] != kForm || places.size() != PlaceByte(count) || count == 0 || count > n)
    return false;
  ListReader values(kElement<T>, blobs[1]);
  for (Scalar value; values.Next(&value);) --count;
  return count == 0 && values.BytesLeft() == 0 && PlacesIncrease(places);
}

}  // namespace

AggregateFunctions LastNFunctions(DataType argument) {
  return ForType(argument, []<typename T>() {
    return AggregateFunctions{.blobs = 2,
                              .update = Update<T>,
                              .merge = Merge<T>,
                              .finalize = Finalize,
                              .is_intact = IsIntact<T>};
  });
}

}  // namespace forebay
