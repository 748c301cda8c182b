// What of a table is to be compacted: a function of its files, so that tests need no disk.
//
// The files of a date are loose (in the order of the change log, or another program's) or of runs
// (the files of one merge, sorted, no key in two of them). A date that is still written to is
// merged as log-structured stores do, by size: its loose files, when they are many, and with them
// the runs that are not much larger, so that a row is rewritten a few times at most. When no more
// rows of a date can come, it becomes one run.
#ifndef FOREBAY_OFFLINE_COMPACTION_PLAN_H_
#define FOREBAY_OFFLINE_COMPACTION_PLAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "offline/delta/snapshot.h"

namespace forebay {

struct CompactionLimits {
  int64_t loose_files = 16;            // of a date that is still written to: fewer are left alone
  int64_t memory_bytes = 512LL << 20;  // of one merge, about
};

// One merge.
struct CompactionStep {
  std::string date;
  std::vector<std::string> loose;              // paths
  std::vector<std::vector<std::string>> runs;  // likewise, each in the order of its ranges
  int64_t bytes = 0;                           // of all these files
  int64_t rows = 0;                            // likewise
  bool rows_known = true;                      // by statistics of all files; else guessed by size

  std::vector<std::string> paths() const;
};

// What tells whether more rows may come to a date.
struct DateFacts {
  int64_t complete_before = INT64_MIN;  // of the table: to earlier dates none do; microseconds UTC
  int64_t quiet_before_ms = INT64_MIN;  // nor, likely, to a date that got its last file before this
};

// The steps that can be done at once, oldest dates first. After them there may be more: plan again.
std::vector<CompactionStep> PlanCompaction(const Snapshot& table, const DateFacts& facts,
                                           const CompactionLimits& limits);

// Of each date that ends at or before `dates_before` (microseconds UTC), the files that are not
// cold yet.
std::vector<CompactionStep> PlanTiering(const Snapshot& table, int64_t dates_before,
                                        const CompactionLimits& limits);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_PLAN_H_
