#include "online/store/rocksdb_state_store.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <utility>

#include "absl/status/status.h"
#include "online/store/commit_file.h"
#include "online/store/key_purge.h"
#include "online/store/store_status.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr std::string_view kMetaKey("\0", 1);

bool IsOwnKey(std::string_view key) { return key == kMetaKey || key == KeyPurge::kPendingKey; }

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Its errors come to light in Commit.
class WriteBatchDelta final : public StateDelta {
 public:
  explicit WriteBatchDelta(size_t bytes) : batch_(bytes) {}

  void Put(std::string_view key, std::string_view value) override {
    if (IsOwnKey(key)) return Refuse();
    Note(batch_.Put(ToSlice(key), ToSlice(value)));
  }
  void Delete(std::string_view key) override {
    if (IsOwnKey(key)) return Refuse();
    Note(batch_.Delete(ToSlice(key)));
  }
  void Purge(std::string_view key) override {
    if (purged_.empty()) Note(batch_.Put(ToSlice(KeyPurge::kPendingKey), rocksdb::Slice()));
    purged_.emplace_back(key);
  }
  void SetMeta(std::string_view meta) override {
    Note(batch_.Put(ToSlice(kMetaKey), ToSlice(meta)));
  }

  const rocksdb::Status& status() const { return status_; }
  rocksdb::WriteBatch& batch() { return batch_; }
  std::vector<std::string>& purged() { return purged_; }

 private:
  void Note(const rocksdb::Status& status) {
    if (status_.ok()) status_ = status;
  }
  void Refuse() { Note(rocksdb::Status::InvalidArgument("a state key is one of the store's own")); }

  rocksdb::WriteBatch batch_;
  std::vector<std::string> purged_;
  rocksdb::Status status_;
};

}  // namespace

RocksDbStateStore::RocksDbStateStore(std::unique_ptr<rocksdb::DB> database,
                                     std::filesystem::path folder,
                                     std::optional<size_t> least_file_bytes)
    : database_(std::move(database)),
      folder_(std::move(folder)),
      least_file_bytes_(least_file_bytes.value_or(SIZE_MAX)),
      purge_(least_file_bytes ? std::make_unique<KeyPurge>(database_.get()) : nullptr) {}

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
    if (IsOwnKey(ToView(entry->key()))) continue;
    RETURN_IF_ERROR(visit(ToView(entry->key()), ToView(entry->value())));
  }
  return entry->status().ok() ? absl::OkStatus() : StoreError(entry->status(), "scan", folder_);
}

std::unique_ptr<StateDelta> RocksDbStateStore::NewDelta(size_t bytes) const {
  return std::make_unique<WriteBatchDelta>(bytes);
}

absl::Status RocksDbStateStore::Commit(StateDelta& delta) {
  auto& changes = static_cast<WriteBatchDelta&>(delta);
  rocksdb::Status status = changes.status();
  const bool purges = !changes.purged().empty() && purge_ != nullptr;
  if (purges) purge_->Announce();
  if (status.ok() && changes.batch().GetDataSize() >= least_file_bytes_) {
    status = CommitAsFile(changes.batch(), folder_, database_.get());
  } else if (status.ok()) {
    // Not synced: a power failure may take the last commits, and the task then replays more
    // records, whose rows the sinks hold already. A sync per task and commit would cost far more.
    status = database_->Write(rocksdb::WriteOptions(), &changes.batch());
  }
  if (purges && status.ok()) {
    CrashPoint("erasure.state_committed");
    purge_->Start(std::move(changes.purged()));
  } else if (purges) {
    purge_->Withdraw();
  }
  return status.ok() ? absl::OkStatus() : StoreError(status, "commit to", folder_);
}

}  // namespace forebay
