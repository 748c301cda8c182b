// Small files of a table merged into sorted ones, until there are none (docs/offline.md).
//
//   CompactionResult result = CompactTable(store, table.get(), options).value();
//
// Safe beside writers and other compactions: a merge is one commit, of the files that are all still
// there; otherwise it is given up and what it wrote is deleted. The table has the same rows before
// and after it, to readers of old versions too, and the same transactions.
#ifndef FOREBAY_OFFLINE_COMPACTION_COMPACTION_H_
#define FOREBAY_OFFLINE_COMPACTION_COMPACTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/compaction/file_rewrite.h"
#include "offline/compaction/plan.h"
#include "offline/compaction/step_merge.h"
#include "offline/delta/delta_table.h"
#include "schemas/types/parquet_encoding.h"

namespace forebay {

struct CompactionOptions {
  CompactionLimits limits;
  int64_t target_bytes = 256 << 20;  // of a file
  ParquetEncoding encoding = ParquetEncoding::kCompatible;
  std::function<int64_t()> now_us;  // wall clock, microseconds UTC
  // Called now and then with the bytes written since; may wait. An error ends the compaction.
  std::function<absl::Status(int64_t bytes)> pace;
};

inline constexpr char kCompactOperation[] = "OPTIMIZE";  // in the table's history

// What can be merged at once (PlanCompaction), and how.
std::vector<CompactionStep> PlanSteps(const Snapshot& table, const CompactionOptions& options);
StepMergeOptions MergesInPlace(const std::shared_ptr<ObjectStore>& store, const DeltaTable& table,
                               const CompactionOptions& options);

// Until the plan is empty. `table` is refreshed. On an error the merges that are committed stay.
// DATA_LOSS: a data file is missing or damaged, or has not the rows that the log says.
absl::StatusOr<CompactionResult> CompactTable(const std::shared_ptr<ObjectStore>& store,
                                              DeltaTable* table, const CompactionOptions& options);

struct TieringOptions {
  StoreUri cold;             // tables go to <cold>/<path of the table>
  S3Settings s3;             // where that is in a bucket
  int64_t dates_before = 0;  // which dates: those that end at or before this; microseconds UTC
  CompactionOptions compaction;
};

// Rewrites the files of old dates, compressed harder, to a cold place, from where the same table
// has them. Errors as CompactTable; and those of ColdPlace.
absl::StatusOr<CompactionResult> TierTable(const std::shared_ptr<ObjectStore>& store,
                                           DeltaTable* table, const TieringOptions& options);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_COMPACTION_H_
