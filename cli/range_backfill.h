// New versions of views, computed for a range of time alone, as after a correction of their files:
// `forebay backfill VIEW --from --to`.
#ifndef FOREBAY_CLI_RANGE_BACKFILL_H_
#define FOREBAY_CLI_RANGE_BACKFILL_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "offline/delta/file_pruning.h"
#include "schemas/definition/project.h"

namespace forebay {

struct RangeBackfillOptions {
  std::vector<std::string> views;  // "name" or "name@version"; at least one
  TimeRange range;
  double events_per_second = 0;  // at most; 0: as fast as it goes
};

// Computes the views in a temporary folder, from all rows that count before the range ends, and
// writes what counts within it into the table of each, which must not be there yet, with one
// commit. The state folder is neither read nor written. Returns what was done, in lines for people;
// a view whose table has the range already is said to have it. Once in a process.
//
// INVALID_ARGUMENT: no such view, or one whose events are not in files alone, or without a table;
// FAILED_PRECONDITION: the view's table holds something else; CANCELLED: `stop` became true before
// all was written: repeat. Else as RunBackfill.
absl::StatusOr<std::vector<std::string>> RunRangeBackfill(const LoadedProject& loaded,
                                                          const RangeBackfillOptions& options,
                                                          const std::atomic<bool>& stop);

}  // namespace forebay

#endif  // FOREBAY_CLI_RANGE_BACKFILL_H_
