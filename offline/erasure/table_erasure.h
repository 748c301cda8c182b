// A key's rows taken out of a table, and at once out of the files that older versions read.
//
//   ErasureResult result = EraseFromTable(store, table.get(), key, options).value();
//
// Safe beside writers, readers and compactions: files are rewritten in commits of operation ERASE,
// as other writers leave it time, until none of the table holds such a row. Older versions that
// need a file that is gone cannot be read after it, whatever the retention, and a reader's lease
// keeps nothing. Killed at any point, a second call ends what was begun.
#ifndef FOREBAY_OFFLINE_ERASURE_TABLE_ERASURE_H_
#define FOREBAY_OFFLINE_ERASURE_TABLE_ERASURE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/delta_table.h"
#include "offline/erasure/erased_key.h"
#include "offline/history/byte_ranges.h"
#include "schemas/types/parquet_encoding.h"

namespace forebay {

struct ErasureOptions {
  ParquetEncoding encoding = ParquetEncoding::kCompatible;
  std::optional<StoreUri> cold;  // the project's cold location
  ReadCost cost;
  // No other process writes to the table. Without it, the caller knows that none is about to add
  // rows that are to be erased.
  bool alone = false;
  std::function<int64_t()> now_us;  // wall clock, microseconds UTC
};

struct ErasureResult {
  int64_t version = -1;         // of the table after it
  int64_t files_rewritten = 0;  // those that lost all rows included
  int64_t rows = 0;             // erased of them
  int64_t bytes_before = 0;     // of these files
  int64_t bytes_after = 0;      // of those in their place
  int64_t old_files = 0;   // removed: those that were rewritten, and such as held the key before
  int64_t old_bytes = 0;   // of these
  int64_t unfinished = 0;  // left: cannot be read, and somebody may be writing them
};

// `table` is refreshed. After an error what is committed and removed stays so: repeat.
// FAILED_PRECONDITION: the table is append-only, or another program upgraded it. DATA_LOSS: a data
// file is missing or damaged.
absl::StatusOr<ErasureResult> EraseFromTable(const std::shared_ptr<ObjectStore>& store,
                                             DeltaTable* table, const ErasedKey& key,
                                             const ErasureOptions& options);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ERASURE_TABLE_ERASURE_H_
