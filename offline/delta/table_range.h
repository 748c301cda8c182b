// Of a table that was computed for a range of time alone (`forebay backfill --from --to`): which.
// It has the rows that are effective within it, and of each key the one that holds when it begins.
#ifndef FOREBAY_OFFLINE_DELTA_TABLE_RANGE_H_
#define FOREBAY_OFFLINE_DELTA_TABLE_RANGE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "offline/delta/file_pruning.h"
#include "offline/delta/snapshot.h"

namespace forebay {

// The property of the table, as RangeProperty writes it.
inline constexpr char kRangeProperty[] = "forebay.range";

// "2026-01-05T00:00:00.000000Z/2026-01-08T00:00:00.000000Z".
std::string RangeProperty(const TimeRange& range);

// For people: with " to " in between.
std::string DescribeRange(const TimeRange& range);

// nullopt: the table is that of a whole history. DATA_LOSS: its property says no range.
absl::StatusOr<std::optional<TimeRange>> RangeOf(const Snapshot& table);

// FAILED_PRECONDITION: it is of a range, so the rows of a history do not go into it. `view`:
// "user_spend@2"; `place`: where the table is, for the message.
absl::Status CheckOfWholeHistory(const Snapshot& table, std::string_view view,
                                 std::string_view place);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_TABLE_RANGE_H_
