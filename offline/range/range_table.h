// The table of a view for a range of time, written out of one that has all rows up to its end.
//
//   ASSIGN_OR_RETURN(bool there, HasRangeTable(*warehouse, id, fingerprint, range));
//   if (!there) ASSIGN_OR_RETURN(RangeTable table, WriteRangeTable(request));
//
// It has the rows that are effective within the range, and those that hold when it begins, so that
// every time within it finds what a lookup answered.
#ifndef FOREBAY_OFFLINE_RANGE_RANGE_TABLE_H_
#define FOREBAY_OFFLINE_RANGE_RANGE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/file_pruning.h"
#include "schemas/types/parquet_encoding.h"
#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
}  // namespace v1

struct RangeTableRequest {
  std::shared_ptr<ObjectStore> whole;      // a warehouse with the table of all rows
  std::shared_ptr<ObjectStore> warehouse;  // that gets the table of the range
  const v1::FeatureView* view = nullptr;
  const v1::Entity* entity = nullptr;
  std::string fingerprint;  // ViewFingerprint
  TimeRange range;
  ParquetEncoding encoding = ParquetEncoding::kCompatible;
  std::function<int64_t()> now_us;      // wall clock, microseconds UTC
  std::function<absl::Status()> go_on;  // asked before each file; its error ends it
  size_t most_keys = 2'000'000;         // in memory at a time
};

struct RangeTable {
  int64_t rows = 0;  // within the range
  int64_t held = 0;  // from before it
  // Before when none is missing; not after the range's end. nullopt: there is none at all.
  std::optional<int64_t> complete_before;
};

// Whether the table is there, as a run for this very range wrote it. FAILED_PRECONDITION: at its
// place is that of a whole history, of another range, or of another definition.
absl::StatusOr<bool> HasRangeTable(const ObjectStore& warehouse, const ViewId& view,
                                   const std::string& fingerprint, const TimeRange& range);

// In one commit: there is all of it or nothing, but data files that no table names after a kill.
// The tasks' positions and clocks are those of the whole table, the clocks at most the range's end.
// ALREADY_EXISTS: somebody else made the table meanwhile. Else errors of the stores, and DATA_LOSS:
// a file of the whole table is damaged.
absl::StatusOr<RangeTable> WriteRangeTable(const RangeTableRequest& request);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_RANGE_RANGE_TABLE_H_
