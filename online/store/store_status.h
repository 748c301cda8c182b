// What an error of RocksDB means to the one who runs the worker.
#ifndef FOREBAY_ONLINE_STORE_STORE_STATUS_H_
#define FOREBAY_ONLINE_STORE_STORE_STATUS_H_

#include <filesystem>
#include <string_view>

#include "absl/status/status.h"

namespace rocksdb {
class Status;
}

namespace forebay {

// `doing` completes "cannot ... the store <folder>". Damage is DATA_LOSS; a full disk or a failing
// one RESOURCE_EXHAUSTED; no access, or open already, FAILED_PRECONDITION. REQUIRES: !status.ok().
absl::Status StoreError(const rocksdb::Status& status, std::string_view doing,
                        const std::filesystem::path& folder);

// DATA_LOSS: says what is wrong and that the folder can be deleted.
absl::Status DamagedStore(std::string_view what, const std::filesystem::path& folder);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_STORE_STORE_STATUS_H_
