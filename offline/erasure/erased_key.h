// Which rows of a table are erased: those of one key, up to a position of each partition.
#ifndef FOREBAY_OFFLINE_ERASURE_ERASED_KEY_H_
#define FOREBAY_OFFLINE_ERASURE_ERASED_KEY_H_

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schemas/types/strong_int.h"

namespace forebay {

namespace v1 {
class Entity;
}

struct ErasedKey {
  // `key`: as EncodeKey makes it. All rows of it.
  static ErasedKey Of(const v1::Entity& entity, const std::string& key);

  const v1::Entity* entity = nullptr;  // outlives this
  std::string bytes;
  int64_t hash = 0;  // as the `_key_hash` of views
  // By `_source_partition`: rows with a greater `_source_offset` stay, as they are of a subject
  // that came back. Of partitions that are not in it, and without it, all go.
  std::optional<std::map<PartitionId, Offset>> up_to;
};

// What of a table FindErased reads: the columns of the key, then where rows come from.
std::vector<std::string> ColumnsToSearch(const ErasedKey& key);

// Whether a table of these columns can hold the key: it has all columns of it, in types for them.
bool HasKeyColumns(const arrow::Schema& table, const v1::Entity& entity);

// The numbers of the rows of `batch` that are erased, in order. A column of the key that it lacks
// is null, and so no row is of the key. INVALID: a column is of no type for the key.
arrow::Result<std::vector<int64_t>> FindErased(const arrow::RecordBatch& batch,
                                               const ErasedKey& key);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ERASURE_ERASED_KEY_H_
