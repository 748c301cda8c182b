// Whether the places that hold the newest values of a view say the same of every key of one task,
// as of one position: its table (with the change log), its update topic, and the state that lookups
// answer from. Pure: places are read by others.
//
//   KeyComparison compared(view, {.table = true, .updates = true, .online = true}, limits);
//   do {
//     ... AddRow() for each row, AddUpdate() for each record, in the order of the topic ...
//     ... then AddOnline() for each key of the state, and maybe AddLookup() ...
//   } while (compared.Finish());  // true: some keys are left, for which all is read again
//   compared.counts(); compared.differences();
//
// Rows and records after the position don't count: a place may be ahead. A key of which compaction
// has removed what was published up to the position, since a newer record is there, is `moving`:
// nothing can be said of it. So is one that waits for its next `emit`.
//
// Where files come before the topic, their events are told by their known times, or by offsets and
// the partition clock, which no later event is effective before. Whether any other step that files
// can have made was made by them or later by the topic, is told by the time of the state's last
// step.
#ifndef FOREBAY_OFFLINE_VERIFY_KEY_COMPARISON_H_
#define FOREBAY_OFFLINE_VERIFY_KEY_COMPARISON_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "connectors/update_record/step_text.h"

namespace forebay {

namespace v1 {
class FeatureView;
}

// Which are compared.
struct ComparedPlaces {
  bool table = false;
  bool updates = false;
  bool online = false;

  int count() const { return int{table} + int{updates} + int{online}; }
};

// Files before the topic. Their steps have offsets of their own, and count whatever the position.
// Microseconds UTC.
struct FilesBefore {
  int64_t until = INT64_MIN;      // no step of theirs is known then or later
  bool has_all_before = true;     // nor is any event of the topic known before
  Offset last = Offset::Max();    // of theirs
  Offset topic_from = Offset(0);  // no step of the topic is of an offset before
};

struct ComparisonLimits {
  Offset position;                     // up to where rows and records count
  KnownTime clock = KnownTime::Min();  // of the partition, there
  Offset end;  // no record can be of this offset of the source, or a later one
  std::optional<FilesBefore> files;
  size_t memory = 0;  // bytes that keys may take; what is beyond is left for another pass
  size_t shown = 0;   // how many differences are kept
};

struct KeyCounts {
  int64_t equal = 0;
  int64_t differing = 0;
  int64_t moving = 0;
  int64_t looked_up = 0;  // of the equal ones, those of which a lookup says the same

  int64_t keys() const { return equal + differing + moving; }  // that live in some place
  KeyCounts& operator+=(const KeyCounts& other);
};

struct KeyDifference {
  std::string key;     // as Kafka records have it
  std::string column;  // a feature, or a `_` column; empty: it is about the key as a whole
  // The values as JSON, or what is there of the key; empty: of no interest, or not compared.
  std::string table;
  std::string updates;
  std::string online;
  std::string why;
};

// A key of the state. Times in microseconds UTC.
struct OnlineKey {
  bool live = false;
  bool unemitted = false;  // its last step waits for its row (S12)
  int64_t last_effective = 0;
  int64_t event_time = 0;
  absl::FunctionRef<std::string(int64_t at)> features_at;  // FeatureTexts of a lookup
};

class KeyComparison {
 public:
  // `view` outlives it.
  KeyComparison(const v1::FeatureView& view, ComparedPlaces places, const ComparisonLimits& limits)
      : view_(view), places_(places), limits_(limits) {}

  // Whether a row of the key may matter, so that others need not be read; as RowVisitor.wants.
  bool WantsRow(std::string_view key, const StepText& row) const;
  // In any order. REQUIRES: WantsRow.
  void AddRow(std::string_view key, StepText row);

  // Not OK: the record is none of forebay's, and why.
  void AddUpdate(std::string_view key, absl::StatusOr<StepText> update);

  // After all rows and records of the pass. Whether all places agree on a step of the key that a
  // lookup can be compared with.
  bool AddOnline(std::string_view key, const OnlineKey& online);

  // What a lookup of such a key answers as of its last step; nullopt: that there is none. One that
  // has moved on since is passed over.
  void AddLookup(std::string_view key, const std::optional<StepText>& answer);

  // Ends the pass, and begins another where keys are left.
  bool Finish();

  const KeyCounts& counts() const { return counts_; }
  const std::vector<KeyDifference>& differences() const { return differences_; }

 private:
  struct Entry {
    std::optional<StepText> row;  // the newest
    // Where updates leave out expiries and `row` is one: the newest that is none.
    std::optional<StepText> published;
    std::optional<StepText> update;  // the newest up to the position
    std::string odd;                 // why the newest record is none of forebay's
    bool moved = false;              // there are records after the position
    bool judged = false;
  };
  struct Judgement;

  bool Takes(std::string_view key) const;
  Entry* EntryOf(std::string_view key);
  void Count(std::string_view key, const Entry& entry);
  void Shrink();

  bool MayCount(const StepText& step) const;
  bool IsUnclear(const StepText& step) const;
  bool IsLaterThan(const OnlineKey* online, const std::optional<StepText>& step) const;
  bool LeavesOutExpiries() const;
  bool Emits() const;
  std::string ColumnName(size_t column) const;
  std::vector<std::string> TextsOf(const StepText& step) const;
  const std::optional<StepText>& BaseOf(const Entry& entry) const;
  std::set<size_t> DifferingColumns(const StepText& base,
                                    const std::vector<std::string>& online) const;
  void JudgeUpdate(const Entry& entry, Judgement* judgement) const;
  void JudgeOnline(const Entry& entry, const OnlineKey* online, Judgement* judgement) const;
  bool Judge(std::string_view key, const Entry& entry, const OnlineKey* online);
  void Keep(std::string_view key, const Entry& entry, const OnlineKey* online,
            const Judgement& judgement);

  const v1::FeatureView& view_;
  const ComparedPlaces places_;
  const ComparisonLimits limits_;
  // The hashes of keys that this pass takes.
  uint64_t first_ = 0;
  uint64_t last_ = UINT64_MAX;
  absl::flat_hash_map<std::string, Entry> entries_;
  size_t bytes_ = 0;  // about what they take
  KeyCounts counts_;
  std::vector<KeyDifference> differences_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_VERIFY_KEY_COMPARISON_H_
