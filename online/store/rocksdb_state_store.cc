#include "online/store/rocksdb_state_store.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <utility>

#include "absl/status/status.h"
#include "online/store/store_status.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr std::string_view kMetaKey("\0", 1);

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// What the WAL holds of a delta: so that the batch grows once.
size_t BatchBytes(const StateDelta& delta) {
  constexpr size_t kEntryBytes = 12;  // tag and lengths, at most
  size_t bytes = 64 + delta.meta.size();
  for (const auto& [key, value] : delta.puts) bytes += kEntryBytes + key.size() + value.size();
  for (const std::string& key : delta.deletes) bytes += kEntryBytes + key.size();
  return bytes;
}

rocksdb::Status Fill(const StateDelta& delta, rocksdb::WriteBatch* batch) {
  for (const std::string& key : delta.deletes) {
    if (key == kMetaKey) return rocksdb::Status::InvalidArgument("a state key is the meta's key");
    if (rocksdb::Status status = batch->Delete(key); !status.ok()) return status;
  }
  for (const auto& [key, value] : delta.puts) {
    if (key == kMetaKey) return rocksdb::Status::InvalidArgument("a state key is the meta's key");
    if (rocksdb::Status status = batch->Put(key, value); !status.ok()) return status;
  }
  return batch->Put(ToSlice(kMetaKey), delta.meta);
}

}  // namespace

RocksDbStateStore::RocksDbStateStore(std::unique_ptr<rocksdb::DB> database,
                                     std::filesystem::path folder)
    : database_(std::move(database)), folder_(std::move(folder)) {}

RocksDbStateStore::~RocksDbStateStore() = default;

absl::StatusOr<std::optional<std::string>> RocksDbStateStore::ReadMeta() const {
  return Get(kMetaKey);
}

absl::StatusOr<std::optional<std::string>> RocksDbStateStore::Get(std::string_view key) const {
  std::string value;
  rocksdb::Status status = database_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return StoreError(status, "read", folder_);
  return value;
}

absl::StatusOr<std::vector<std::optional<std::string>>> RocksDbStateStore::MultiGet(
    absl::Span<const std::string_view> keys) const {
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (std::string_view key : keys) slices.push_back(ToSlice(key));
  std::vector<rocksdb::PinnableSlice> found(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  database_->MultiGet(rocksdb::ReadOptions(), database_->DefaultColumnFamily(), keys.size(),
                      slices.data(), found.data(), statuses.data());
  std::vector<std::optional<std::string>> values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok()) {
      values[i].emplace(found[i].data(), found[i].size());
    } else if (!statuses[i].IsNotFound()) {
      return StoreError(statuses[i], "read", folder_);
    }
  }
  return values;
}

absl::Status RocksDbStateStore::Scan(
    const std::function<absl::Status(std::string_view key, std::string_view value)>& visit) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = 2 << 20;
  std::unique_ptr<rocksdb::Iterator> entry(database_->NewIterator(options));
  for (entry->SeekToFirst(); entry->Valid(); entry->Next()) {
    if (ToView(entry->key()) == kMetaKey) continue;
    RETURN_IF_ERROR(visit(ToView(entry->key()), ToView(entry->value())));
  }
  return entry->status().ok() ? absl::OkStatus() : StoreError(entry->status(), "scan", folder_);
}

absl::Status RocksDbStateStore::Commit(const StateDelta& delta) {
  rocksdb::WriteBatch batch(BatchBytes(delta));
  rocksdb::Status status = Fill(delta, &batch);
  if (status.ok()) {
    // Not synced: a power failure may take the last commits, and the task then replays more
    // records, whose rows the sinks hold already. A sync per task and commit would cost far more.
    status = database_->Write(rocksdb::WriteOptions(), &batch);
  }
  return status.ok() ? absl::OkStatus() : StoreError(status, "commit to", folder_);
}

}  // namespace forebay
