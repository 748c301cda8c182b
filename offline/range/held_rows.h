// The rows of a table that hold at a time: of each key the newest before it, unless that deletes
// it.
//
//   RETURN_IF_ERROR(VisitHeldRows({.store = store, .table = path, .snapshot = &snapshot,
//                                  .entity = &entity, .at = from},
//                                 [&](const AddAction& file, absl::Span<const int64_t> rows) {
//                                   return Copy(file, rows);
//                                 }));
#ifndef FOREBAY_OFFLINE_RANGE_HELD_ROWS_H_
#define FOREBAY_OFFLINE_RANGE_HELD_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"

namespace forebay {

class ObjectStore;
struct AddAction;
struct Snapshot;

namespace v1 {
class Entity;
}

struct HeldRowsRequest {
  const ObjectStore* store = nullptr;
  std::string table;  // where it is in the store
  const Snapshot* snapshot = nullptr;
  const v1::Entity* entity = nullptr;  // whose keys are columns of the table
  int64_t at = 0;                      // microseconds UTC
  // In memory at a time, about 100 bytes each: the others are found by further passes, each of
  // which reads the keys and times of all rows before `at`.
  size_t most_keys = 2'000'000;
};

// Calls visit(file, numbers of rows in it, ascending) for the files that have such rows; for one
// file once in each pass. Its error ends it. NOT_FOUND, DATA_LOSS: a file is gone or damaged.
absl::Status VisitHeldRows(
    const HeldRowsRequest& request,
    absl::FunctionRef<absl::Status(const AddAction& file, absl::Span<const int64_t> rows)> visit);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_RANGE_HELD_ROWS_H_
