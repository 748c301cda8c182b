// The state of one task in one RocksDB database; StoreFactory opens it.
//
// One column family. State keys are kept as given (they start with a view id and are longer than
// one byte); the task's meta is the value of the one-byte key 0x00, written in the same WriteBatch
// or file (commit_file.h) as the puts and deletes beside it. The one-byte key 0x01 is there while
// something is to be purged (key_purge.h). So after a crash the database holds
// the meta and the state of some commit, both of the same one: of the last one that returned, or of
// the one under way.
#ifndef FOREBAY_ONLINE_STORE_ROCKSDB_STATE_STORE_H_
#define FOREBAY_ONLINE_STORE_ROCKSDB_STATE_STORE_H_

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state/state_store.h"

namespace rocksdb {
class DB;
}

namespace forebay {

class KeyPurge;

// Errors of all calls as in store_status.h. Reads and scans see whole commits only if no Commit
// runs beside them; a scan always does (it reads one snapshot).
class RocksDbStateStore final : public StateStore {
 public:
  // `database` is open on `folder`. A commit of `least_file_bytes` or more is written as a file;
  // nullopt: nothing is to be written.
  RocksDbStateStore(std::unique_ptr<rocksdb::DB> database, std::filesystem::path folder,
                    std::optional<size_t> least_file_bytes);
  ~RocksDbStateStore() override;

  absl::StatusOr<std::optional<std::string>> ReadMeta() const override;
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view> keys) const override;
  absl::Status Scan(const std::function<absl::Status(std::string_view key, std::string_view value)>&
                        visit) const override;
  std::unique_ptr<StateDelta> NewDelta(size_t bytes) const override;
  // INTERNAL for a state under one of those keys.
  absl::Status Commit(StateDelta& delta) override;

 private:
  const std::unique_ptr<rocksdb::DB> database_;
  const std::filesystem::path folder_;
  const size_t least_file_bytes_;
  const std::unique_ptr<KeyPurge> purge_;  // null: nothing is written
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_STORE_ROCKSDB_STATE_STORE_H_
