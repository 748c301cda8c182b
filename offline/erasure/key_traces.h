// What of a key is left in a table, its older versions and its log: looks only.
#ifndef FOREBAY_OFFLINE_ERASURE_KEY_TRACES_H_
#define FOREBAY_OFFLINE_ERASURE_KEY_TRACES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/erasure/erased_key.h"
#include "offline/history/byte_ranges.h"

namespace forebay {

struct KeyTraces {
  int64_t rows = 0;        // in the newest version
  int64_t files = 0;       // of it, with these rows
  int64_t old_files = 0;   // with rows of the key, that the newest version does not name
  int64_t unfinished = 0;  // files that cannot be read, and that somebody may be writing
  // Commits and checkpoints with an older file whose statistics, as another program wrote them,
  // have a text of the key, or all of a key without any, as least or greatest values.
  int64_t log_keys = 0;
  // Likewise whose tags have its hash.
  int64_t log_hashes = 0;
};

struct KeyTracesRequest {
  std::shared_ptr<ObjectStore> store;
  std::string table;
  std::optional<StoreUri> cold;  // the project's cold location
  ReadCost cost;
  bool alone = false;  // as of an erasure
  int64_t now_us = 0;
};

// NOT_FOUND: there is no such table. Reads all of its log.
absl::StatusOr<KeyTraces> FindKeyTraces(const KeyTracesRequest& request, const ErasedKey& key);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ERASURE_KEY_TRACES_H_
