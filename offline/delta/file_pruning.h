// Whether a data file of a table can hold rows of a key within a time, by what the log says of it.
#ifndef FOREBAY_OFFLINE_DELTA_FILE_PRUNING_H_
#define FOREBAY_OFFLINE_DELTA_FILE_PRUNING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "offline/delta/actions.h"

namespace forebay {

// Of effective times, microseconds UTC: from the first on, up to and without the last.
struct TimeRange {
  int64_t from = INT64_MIN;
  int64_t to = INT64_MAX;

  bool Holds(int64_t time) const { return from <= time && time < to; }
};

// A number among the tags of a file; nullopt: it has no such tag, or one that is no number.
std::optional<int64_t> NumberTag(const AddAction& file, const std::string& tag);

// The instants of the file's date: its midnight and the next one; nullopt: it has none.
std::optional<TimeRange> DateOf(const AddAction& file);

// False: it holds none, by its date and its tags. `key_hash`: as of the `_key_hash` column.
bool FileMayHold(const AddAction& file, int64_t key_hash, const TimeRange& times);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_FILE_PRUNING_H_
