// What the digests of a right run are (README.md defines them), from the transactions themselves by
// brute force: shares no code with the engine.
//
//   reference_digest --events 100000 --keys keys.txt
//   reference_digest --events 5000000 --method tiles
//
// Prints one line of JSON. `rows` keeps every event and goes over all of a key's for every value;
// `tiles` keeps naive tiles: the same values, and quick enough for millions of events.
#include <librdkafka/rdkafka.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/transaction_stream.h"
#include "fmt/format.h"

namespace forebay {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kMinute = 60'000'000, kHour = 60 * kMinute, kDay = 24 * kHour;  // microseconds
constexpr int kStepsPerRecord = 64;                                               // S6

struct Window {
  int64_t size, hop;

  int64_t TileOf(int64_t time) const { return time / hop; }  // no time here is before 1970
  int64_t OldestTile(int64_t at) const { return (at - size) / hop; }
  // From when on the tile is out.
  int64_t Leaves(int64_t tile) const { return (tile + 1) * hop + size; }
};
constexpr std::array<Window, 4> kWindows = {
    {{10 * kMinute, kMinute}, {kHour, 5 * kMinute}, {kDay, kHour}, {7 * kDay, kDay}}};

struct Event {
  int64_t time, cents;
  bool abroad;
};

// Of the events in a window; all 0 when there are none.
struct Totals {
  int64_t count = 0, sum = 0, min = 0, max = 0, abroad = 0;

  void Add(const Event& event) {
    Merge({1, event.cents, event.cents, event.cents, event.abroad ? 1 : 0});
  }
  void Merge(const Totals& other) {
    if (other.count == 0) return;
    min = count == 0 ? other.min : std::min(min, other.min);
    max = count == 0 ? other.max : std::max(max, other.max);
    count += other.count;
    sum += other.sum;
    abroad += other.abroad;
  }
};
using Values = std::array<Totals, kWindows.size()>;

uint64_t Digest(const Values& values) {
  int64_t digest = 11 * values[1].abroad + 13 * values[2].abroad;
  for (size_t w = 0; w < values.size(); ++w) {
    const Totals& v = values[w];
    digest += static_cast<int64_t>(w + 1) * (v.count + 3 * v.sum + 5 * v.min + 7 * v.max);
  }
  return static_cast<uint64_t>(digest);
}

// The events of a key, all of them.
class Rows {
 public:
  void Add(const Event& event) {
    events_.push_back(event);
    for (size_t w = 0; w < kWindows.size(); ++w) {
      leaves_[w].push_back(kWindows[w].Leaves(kWindows[w].TileOf(event.time)));
    }
  }
  void Forget(int64_t) {}

  Values At(int64_t at) const {
    Values values;
    for (size_t w = 0; w < kWindows.size(); ++w) {
      const int64_t oldest = kWindows[w].OldestTile(at) * kWindows[w].hop;
      for (const Event& event : events_) {
        if (event.time >= oldest) values[w].Add(event);
      }
    }
    return values;
  }

  // The first time after `time` at which a tile leaves a window.
  int64_t NextBoundary(int64_t time) const {
    int64_t next = kNever;
    for (const std::vector<int64_t>& times : leaves_) {
      for (int64_t leaves : times) {
        if (leaves > time) next = std::min(next, leaves);
      }
    }
    return next;
  }

 private:
  std::vector<Event> events_;
  std::array<std::vector<int64_t>, kWindows.size()> leaves_;  // when each leaves a window
};

// The events of a key, added up by window and tile.
class Tiles {
 public:
  void Add(const Event& event) {
    for (size_t w = 0; w < kWindows.size(); ++w) {
      const int64_t number = kWindows[w].TileOf(event.time);
      std::vector<Tile>& tiles = tiles_[w];
      auto at = tiles.end();
      while (at != tiles.begin() && std::prev(at)->number >= number) --at;
      if (at == tiles.end() || at->number != number) at = tiles.insert(at, Tile{number, {}});
      at->totals.Add(event);
    }
  }

  // REQUIRES: nothing before `time` is asked for any more.
  void Forget(int64_t time) {
    for (size_t w = 0; w < kWindows.size(); ++w) {
      auto live = tiles_[w].begin();
      while (live != tiles_[w].end() && kWindows[w].Leaves(live->number) <= time) ++live;
      tiles_[w].erase(tiles_[w].begin(), live);
    }
  }

  Values At(int64_t at) const {
    Values values;
    for (size_t w = 0; w < kWindows.size(); ++w) {
      const int64_t oldest = kWindows[w].OldestTile(at);
      for (const Tile& tile : tiles_[w]) {
        if (tile.number >= oldest) values[w].Merge(tile.totals);
      }
    }
    return values;
  }

  int64_t NextBoundary(int64_t time) const {
    int64_t next = kNever;
    for (size_t w = 0; w < kWindows.size(); ++w) {
      for (const Tile& tile : tiles_[w]) {
        const int64_t leaves = kWindows[w].Leaves(tile.number);
        if (leaves <= time) continue;
        next = std::min(next, leaves);
        break;
      }
    }
    return next;
  }

 private:
  struct Tile {
    int64_t number;
    Totals totals;
  };
  std::array<std::vector<Tile>, kWindows.size()> tiles_;  // by number
};

enum Op { kEvent, kExpire, kDelete };

struct Results {
  std::array<int64_t, 3> rows = {};  // by Op
  uint64_t event_digest = 0;         // of the rows of events
  uint64_t digest = 0;               // of all rows
  int64_t newest_rows = 0;           // keys whose last row is not a deletion
  uint64_t newest_digest = 0;        // of the last row of each key
  int64_t keys = 0;
  uint64_t lookup_digest = 0;
};

// One partition: its clock, its keys, and the rows that are written for its records, in their
// order.
template <typename Events>
class Partition {
 public:
  // `emit_every`: microseconds (S12); 0: every step is a row.
  Partition(int64_t emit_every, Results* results) : emit_every_(emit_every), results_(results) {}

  void Apply(const std::string& user, const Event& event) {
    clock_ = std::max(clock_, event.time);
    auto found = keys_.try_emplace(user).first;
    Key& key = found->second;
    key.name = found->first;
    int64_t effective = std::max(clock_, key.last + 1);  // S5
    if (IsTaken(event, effective)) {
      while (CrossBoundary(&key, effective)) effective = std::max(clock_, key.last + 1);
      EmitBefore(&key, effective);
      key.events.Add(event);
      Step(&key, effective, kEvent);
      SetTimer(&key);
    }
    WriteDueRows();
  }

  // What there is of each key in the end: its last row, and its values without `at`, as of the
  // clock (S7).
  void Finish() const {
    for (const auto& [user, key] : keys_) {
      results_->newest_rows += key.newest_op == kDelete ? 0 : 1;
      results_->newest_digest += key.newest_digest;
      results_->lookup_digest += Digest(key.events.At(std::max(clock_, key.last)));
    }
    results_->keys += static_cast<int64_t>(keys_.size());
  }

  void AppendKeys(std::vector<std::string>* keys) const {
    for (const auto& [user, key] : keys_) keys->push_back(user);
  }

 private:
  struct Key {
    std::string_view name;
    Events events;
    int64_t last = -1;                // L
    int64_t timer = kNever;           // when its next row is due; it is in timers_ then
    std::optional<int64_t> emission;  // when the row of its last steps is effective
    Op emitted_op = kEvent;
    Op newest_op = kDelete;  // of its last row; before the first there is none
    uint64_t newest_digest = 0;
  };

  struct EarlierTimer {
    bool operator()(const Key* a, const Key* b) const {
      return a->timer != b->timer ? a->timer < b->timer : a->name < b->name;
    }
  };

  static bool IsTaken(const Event& event, int64_t effective) {  // S8
    return std::any_of(kWindows.begin(), kWindows.end(), [&](const Window& window) {
      return window.Leaves(window.TileOf(event.time)) > effective;
    });
  }

  // Makes the key's next expiry step if that is due by `time`.
  bool CrossBoundary(Key* key, int64_t time) {
    const int64_t boundary = key->events.NextBoundary(key->last);
    if (boundary > time) return false;
    Step(key, boundary, key->events.NextBoundary(boundary) == kNever ? kDelete : kExpire);
    return true;
  }

  // REQUIRES: the key's events are those at `time`.
  void Step(Key* key, int64_t time, Op op) {
    if (emit_every_ == 0) {
      WriteRow(key->events.At(time), op, key);
    } else {
      EmitBefore(key, time);
      key->emission = EmissionOf(time);
      key->emitted_op = op;
    }
    key->last = time;
    key->events.Forget(time);
  }

  int64_t EmissionOf(int64_t time) const {
    return (time + emit_every_ - 1) / emit_every_ * emit_every_;
  }

  // Writes the row of earlier steps unless a step at `time` belongs to it.
  void EmitBefore(Key* key, int64_t time) {
    if (key->emission && *key->emission < time) Emit(key);
  }

  void Emit(Key* key) {
    WriteRow(key->events.At(*key->emission), key->emitted_op, key);
    key->emission.reset();
  }

  void WriteRow(const Values& values, Op op, Key* key) {
    const uint64_t digest = Digest(values);
    key->newest_op = op;
    key->newest_digest = digest;
    ++results_->rows[op];
    results_->digest += digest;
    if (op == kEvent) results_->event_digest += digest;
  }

  // When the key's next row is effective that needs no further event.
  int64_t NextRow(const Key& key) const {
    if (key.emission) return *key.emission;
    const int64_t boundary = key.events.NextBoundary(key.last);
    return emit_every_ == 0 || boundary == kNever ? boundary : EmissionOf(boundary);
  }

  void SetTimer(Key* key) {
    const int64_t next = NextRow(*key);
    if (next == key->timer) return;
    if (key->timer != kNever) timers_.erase(key);
    key->timer = next;
    if (next != kNever) timers_.insert(key);
  }

  void WriteDueRows() {  // S6
    const int64_t due = emit_every_ == 0 ? clock_ : clock_ - 1;
    for (int i = 0; i < kStepsPerRecord && !timers_.empty(); ++i) {
      Key& key = **timers_.begin();
      const int64_t time = key.timer;
      if (time > due) return;
      while (CrossBoundary(&key, time)) {
      }
      if (key.emission) Emit(&key);
      SetTimer(&key);
    }
  }

  const int64_t emit_every_;
  Results* const results_;
  int64_t clock_ = -1;
  std::unordered_map<std::string, Key> keys_;
  std::set<Key*, EarlierTimer> timers_;
};

struct Flags {
  uint64_t events = 100'000;
  int32_t partitions = 4;
  int64_t emit_every = 0;
  bool by_key_time = false;
  std::string keys;
  TransactionStreamOptions stream;
};

template <typename Function>
void ForEachEvent(const Flags& flags, const Function& function) {
  TransactionStream stream(flags.stream);
  Transaction transaction;
  for (uint64_t i = 0; i < flags.events; ++i) {
    stream.Next(&transaction);
    function(transaction.user_id, Event{.time = transaction.event_time * 1000,
                                        .cents = transaction.cents,
                                        .abroad = std::string_view(transaction.country) != "US"});
  }
}

// As other engines have it: values as of the newest event of the key itself, and no expiry.
template <typename Events>
uint64_t DigestByKeyTime(const Flags& flags) {
  struct Key {
    Events events;
    int64_t newest = 0;
  };
  std::unordered_map<std::string, Key> keys;
  uint64_t digest = 0;
  ForEachEvent(flags, [&](const std::string& user, const Event& event) {
    Key& key = keys[user];
    key.events.Add(event);
    key.newest = std::max(key.newest, event.time);
    key.events.Forget(key.newest);
    digest += Digest(key.events.At(key.newest));
  });
  return digest;
}

// Where the Java client's default partitioner puts a key.
int32_t PartitionOf(const std::string& key, int32_t partitions) {
  return rd_kafka_msg_partitioner_murmur2(nullptr, key.data(), key.size(), partitions, nullptr,
                                          nullptr);
}

void WriteKeys(const std::string& path, std::vector<std::string> keys) {
  std::sort(keys.begin(), keys.end());
  std::ofstream file(path);
  for (const std::string& key : keys) file << key << '\n';
}

template <typename Events>
void Run(const Flags& flags) {
  if (flags.by_key_time) {
    fmt::print(R"({{"events": {}, "digest": {}}})"
               "\n",
               flags.events, static_cast<int64_t>(DigestByKeyTime<Events>(flags)));
    return;
  }
  Results results;
  std::vector<Partition<Events>> partitions;
  for (int32_t p = 0; p < flags.partitions; ++p)
    partitions.emplace_back(flags.emit_every, &results);
  ForEachEvent(flags, [&](const std::string& user, const Event& event) {
    partitions[static_cast<size_t>(PartitionOf(user, flags.partitions))].Apply(user, event);
  });
  std::vector<std::string> keys;
  for (const Partition<Events>& partition : partitions) {
    partition.Finish();
    partition.AppendKeys(&keys);
  }
  if (!flags.keys.empty()) WriteKeys(flags.keys, std::move(keys));
  fmt::print(
      R"({{"events": {}, "keys": {}, "event_rows": {}, "expire_rows": {}, "delete_rows": {}, )"
      R"("event_digest": {}, "digest": {}, "newest_rows": {}, "newest_digest": {}, )"
      R"("lookup_digest": {}}})"
      "\n",
      flags.events, results.keys, results.rows[kEvent], results.rows[kExpire],
      results.rows[kDelete], static_cast<int64_t>(results.event_digest),
      static_cast<int64_t>(results.digest), results.newest_rows,
      static_cast<int64_t>(results.newest_digest), static_cast<int64_t>(results.lookup_digest));
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  forebay::Flags flags;
  std::string method = "rows";
  CLI::App app("Prints the digests of a right run over the first transactions");
  app.add_option("--events", flags.events, "How many")->capture_default_str();
  app.add_option("--partitions", flags.partitions, "Of the topic")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--users", flags.stream.users, "As produced")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--zipf", flags.stream.zipf, "As produced")->capture_default_str();
  app.add_option("--in-three-days", flags.stream.in_three_days, "As produced")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--emit-us", flags.emit_every, "emit: {every: ...} of the view; 0: none")
      ->capture_default_str();
  app.add_option("--method", method, "rows or tiles")
      ->check(CLI::IsMember({"rows", "tiles"}))
      ->capture_default_str();
  app.add_flag("--by-key-time", flags.by_key_time,
               "The digest of other engines instead: as of each key's own newest event, no expiry");
  app.add_option("--keys", flags.keys, "A file for the users' ids, one a line");
  CLI11_PARSE(app, argc, argv);
  if (method == "rows") {
    forebay::Run<forebay::Rows>(flags);
  } else {
    forebay::Run<forebay::Tiles>(flags);
  }
  return 0;
}
