// A data file written anew without the rows that are erased.
#ifndef FOREBAY_OFFLINE_ERASURE_FILE_FILTER_H_
#define FOREBAY_OFFLINE_ERASURE_FILE_FILTER_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/actions.h"
#include "offline/delta/delta_table.h"
#include "offline/delta/file_place.h"
#include "offline/erasure/erased_key.h"
#include "schemas/types/parquet_encoding.h"

namespace forebay {

struct FilteredFile {
  std::optional<AddAction> file;  // nullopt: no row is left
  int64_t rows_erased = 0;
};

// `file` is one of the table's. The new one, durable, is at `place` in the same order, of the same
// stage and run. DATA_LOSS: the file is missing or damaged, or has not the rows that the log says.
absl::StatusOr<FilteredFile> FilterFile(const ObjectStore& store, const DeltaTable& table,
                                        const AddAction& file, const ErasedKey& key,
                                        const FilePlace& place, ParquetEncoding encoding,
                                        const std::function<int64_t()>& now_us);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ERASURE_FILE_FILTER_H_
