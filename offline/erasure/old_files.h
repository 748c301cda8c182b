// Data files of a table that its newest version does not name and that hold rows that are to be
// erased: those of older versions, and what no version names.
#ifndef FOREBAY_OFFLINE_ERASURE_OLD_FILES_H_
#define FOREBAY_OFFLINE_ERASURE_OLD_FILES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/snapshot.h"
#include "offline/erasure/erased_key.h"
#include "offline/history/byte_ranges.h"

namespace forebay {

struct OldFilesRequest {
  std::shared_ptr<ObjectStore> store;
  std::string table;
  const Snapshot* snapshot = nullptr;  // the newest
  // The cold location: where it is in a bucket, files there that the log has forgotten are found.
  std::optional<StoreUri> cold;
  ReadCost cost;
  int64_t now_us = 0;
  // Nobody writes: what is unfinished stays so.
  bool alone = false;
};

struct OldFiles {
  struct File {
    std::string path;  // as the log calls it
    int64_t bytes = 0;
  };
  std::vector<File>
      files;  // with such rows, or that cannot be read: left by a writer that was killed
  // That cannot be read and changed within the last minutes: a writer may be at them.
  std::vector<File> unfinished;
};

// Errors of the store.
absl::StatusOr<OldFiles> FindOldFiles(const OldFilesRequest& request, const ErasedKey& key);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ERASURE_OLD_FILES_H_
