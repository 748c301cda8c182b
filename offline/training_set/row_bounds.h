// The rows that a table had at an earlier version, told by their offsets: what is read where the
// files of that version are gone, out of a later one that compactions and tiers have written anew.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_ROW_BOUNDS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_ROW_BOUNDS_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/types/table_id.h"

namespace forebay {

struct RowPart;
struct Snapshot;

// By task, as tables call it ("transactions-3"): the offset of the first record of which the table
// has no rows yet.
using TablePositions = std::map<std::string, int64_t>;

TablePositions PositionsOf(const std::string& project, const TableId& id, const Snapshot& table);

// By `_source_partition`: rows are those with a `_source_offset` below this. Of a partition that is
// missing there are none.
using RowBounds = std::map<int32_t, int64_t>;

// FAILED_PRECONDITION: tasks of two topics have one partition, and rows do not tell them apart.
absl::StatusOr<RowBounds> BoundsOf(const TableId& id, const TablePositions& positions);

// By row of a part of a table: 1 if it is one of them. INVALID: the part does not say where its
// rows are from.
arrow::Result<std::vector<uint8_t>> RowsWithin(const RowPart& part, const RowBounds& bounds);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_ROW_BOUNDS_H_
