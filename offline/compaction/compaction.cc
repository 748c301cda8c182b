#include "offline/compaction/compaction.h"

#include <arrow/type.h>

#include <utility>
#include <vector>

#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int64_t kQuietMillis = 3'600'000;

// Events lie by their own time, and may be late.
DateFacts FactsOf(const Snapshot& table, int64_t now_us) {
  DateFacts facts{.complete_before = CompleteBefore(table).value_or(INT64_MIN),
                  .quiet_before_ms = now_us / 1000 - kQuietMillis};
  const bool events = table.schema->GetFieldIndex("_effective_time") < 0;
  if (events && facts.complete_before > INT64_MIN + kMicrosPerDay)
    facts.complete_before -= kMicrosPerDay;
  return facts;
}

}  // namespace

std::vector<CompactionStep> PlanSteps(const Snapshot& table, const CompactionOptions& options) {
  return PlanCompaction(table, FactsOf(table, options.now_us()), options.limits);
}

StepMergeOptions MergesInPlace(const std::shared_ptr<ObjectStore>& store, const DeltaTable& table,
                               const CompactionOptions& options) {
  return {.place = TablePlace(store, table.path()),
          .file = {.encoding = options.encoding},
          .target_bytes = options.target_bytes,
          .now_us = options.now_us,
          .pace = options.pace};
}

absl::StatusOr<CompactionResult> CompactTable(const std::shared_ptr<ObjectStore>& store,
                                              DeltaTable* table, const CompactionOptions& options) {
  FileRewrite rewrite(store, table,
                      {.operation = kCompactOperation,
                       .crash_prefix = "compaction",
                       .merge = MergesInPlace(store, *table, options)});
  while (true) {
    RETURN_IF_ERROR(table->Refresh());
    const std::vector<CompactionStep> steps = PlanSteps(table->snapshot(), options);
    const int64_t given_up = rewrite.result().given_up;
    if (steps.empty()) return rewrite.result();
    RETURN_IF_ERROR(rewrite.Run(steps));
    // Another compaction is at the same files: leave them to it.
    if (rewrite.result().given_up > given_up) return rewrite.result();
  }
}

absl::StatusOr<CompactionResult> TierTable(const std::shared_ptr<ObjectStore>& store,
                                           DeltaTable* table, const TieringOptions& options) {
  RETURN_IF_ERROR(table->Refresh());
  const std::vector<CompactionStep> steps =
      PlanTiering(table->snapshot(), options.dates_before, options.compaction.limits);
  if (steps.empty()) return CompactionResult();
  ASSIGN_OR_RETURN(FilePlace place, ColdPlace(store, table->path(), options.cold, options.s3));
  StepMergeOptions merge = MergesInPlace(store, *table, options.compaction);
  merge.place = std::move(place);
  merge.file.cold = true;
  FileRewrite rewrite(
      store, table,
      {.operation = kCompactOperation, .crash_prefix = "tier", .merge = std::move(merge)});
  RETURN_IF_ERROR(rewrite.Run(steps));
  return rewrite.result();
}

}  // namespace forebay
