#include "online/store/store_factory.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "online/store/commit_file.h"
#include "online/store/rocksdb_state_store.h"
#include "online/store/state_folder.h"
#include "online/store/store_status.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMebibyte = size_t{1} << 20;

// Smaller files would have to be merged so often that the memtable, which gathers, is less work.
constexpr size_t kLeastFileBytes = 4 * kMebibyte;

// For how long a store that is open for writing may change under each attempt to read it.
constexpr std::chrono::seconds kOpenPatience(30);

fs::path StorePath(const fs::path& state, const TaskId& task) {
  return TaskFolder(state, task) / "store";
}

// Whole values are read by whole keys, and many keys are new: bloom filters, and hashes in blocks.
rocksdb::BlockBasedTableOptions TableOptions(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.pin_top_level_index_and_filter = true;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.block_size = 4 << 10;
  table.format_version = 5;
  return table;
}

// A database that holds data but no CURRENT would be taken for a new one, and made anew.
bool LacksCurrent(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "CURRENT", error)) return false;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    fs::path extension = entry->path().extension();
    if (extension == ".sst" || extension == ".log") return true;
  }
  return false;
}

// The name of the list of the database's files, which is another after each change of them
// (max_manifest_file_size).
std::string ListOfFiles(const fs::path& folder) {
  std::ifstream current(folder / "CURRENT");
  return {std::istreambuf_iterator<char>(current), {}};
}

// A task's hold of a store that another task of this process may have, too.
class SharedStore final : public StateStore {
 public:
  explicit SharedStore(std::shared_ptr<StateStore> store) : store_(std::move(store)) {}

  absl::StatusOr<std::optional<std::string>> ReadMeta() const override {
    return store_->ReadMeta();
  }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return store_->Get(key);
  }
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view> keys) const override {
    return store_->MultiGet(keys);
  }
  absl::Status Scan(const std::function<absl::Status(std::string_view key, std::string_view value)>&
                        visit) const override {
    return store_->Scan(visit);
  }
  std::unique_ptr<StateDelta> NewDelta(size_t bytes) const override {
    return store_->NewDelta(bytes);
  }
  absl::Status Commit(StateDelta& delta) override { return store_->Commit(delta); }

 private:
  const std::shared_ptr<StateStore> store_;
};

}  // namespace

struct StoreFactory::Shared {
  rocksdb::Options options;
};

StoreFactory::StoreFactory(fs::path state, const StoreLimits& limits)
    : state_(std::move(state)), shared_([&limits] {
        auto shared = std::make_unique<Shared>();
        std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(
            limits.block_cache_bytes, /*num_shard_bits=*/-1, /*strict_capacity_limit=*/false,
            /*high_pri_pool_ratio=*/0.2);
        rocksdb::Options& options = shared->options;
        options.create_if_missing = true;
        options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions(cache)));
        options.write_buffer_manager =
            std::make_shared<rocksdb::WriteBufferManager>(limits.write_buffer_bytes, cache);
        options.write_buffer_size =
            std::clamp<size_t>(limits.write_buffer_bytes / 2, kMebibyte, 64 * kMebibyte);
        options.memtable_whole_key_filtering = true;
        options.memtable_prefix_bloom_size_ratio = 0.02;
        // A commit brings the keys of a view in their order: one goes in next to the one before.
        options.memtable_insert_with_hint_prefix_extractor.reset(
            rocksdb::NewFixedPrefixTransform(kStoredPrefixBytes));
        // A key that is not in the hot map costs a block: to unpack it took half of that.
        options.compression = rocksdb::kNoCompression;
        options.level_compaction_dynamic_level_bytes = true;
        // Compacted by their bytes (max_bytes_for_level_base) sooner than by their number: files of
        // large commits are smaller than memtables.
        options.level0_file_num_compaction_trigger = 8;
        options.max_background_jobs = 2;
        // A file goes to the disk as it is written, so that the wait for it at the end is short.
        options.bytes_per_sync = kMebibyte;
        // Else every task's WAL takes the size of a whole memtable on the disk from the start. It
        // pays where writes are synced, and commits are not.
        options.allow_fallocate = false;
        options.bytes_per_sync = kMebibyte;
        // Recovery stops at the first damaged WAL record: what comes before is a whole commit with
        // its position, and the records after it are read again from the topic.
        options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
        options.track_and_verify_wals_in_manifest = true;
        options.info_log_level = rocksdb::WARN_LEVEL;
        options.keep_log_file_num = 3;
        options.max_log_file_size = 4 * kMebibyte;
        // The list of files is written anew with each change of it, so that it names no key as the
        // first or last of a file that is gone. It is short, and changes as often as files do.
        options.max_manifest_file_size = 1;
        return shared;
      }()) {}

StoreFactory::~StoreFactory() = default;

absl::StatusOr<std::unique_ptr<StateStore>> StoreFactory::Open(const TaskId& task) {
  std::shared_ptr<StateStore> database;
  {
    absl::MutexLock lock(&mutex_);
    database = open_[task].lock();
  }
  if (database == nullptr) {
    ASSIGN_OR_RETURN(database, OpenDatabase(task));
    absl::MutexLock lock(&mutex_);
    open_[task] = database;
  }
  return std::make_unique<SharedStore>(std::move(database));
}

absl::StatusOr<std::shared_ptr<StateStore>> StoreFactory::OpenDatabase(const TaskId& task) const {
  fs::path folder = StorePath(state_, task);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    std::string what =
        fmt::format("cannot make the folder {}: {}", folder.string(), error.message());
    return error == std::errc::no_space_on_device
               ? absl::ResourceExhaustedError(what + ": free some space and start again")
               : absl::FailedPreconditionError(what + ": give this user write access");
  }
  // For where the state folder belongs to somebody else.
  fs::permissions(TaskFolder(state_, task), fs::perms::owner_all, error);
  if (LacksCurrent(folder)) return DamagedStore("it has data but no CURRENT file", folder);
  rocksdb::DB* database = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(shared_->options, folder.string(), &database);
  std::unique_ptr<rocksdb::DB> owned(database);
  if (status.ok()) status = RemoveCommitDraft(folder);
  if (!status.ok()) return StoreError(status, "open", folder);
  return std::make_shared<RocksDbStateStore>(std::move(owned), folder, kLeastFileBytes);
}

bool StoreFactory::Has(const TaskId& task) const {
  std::error_code error;
  return fs::exists(StorePath(state_, task) / "CURRENT", error);
}

absl::StatusOr<std::unique_ptr<StateStore>> OpenStoreForReading(const fs::path& state,
                                                                const TaskId& task) {
  fs::path folder = StorePath(state, task);
  std::error_code error;
  if (!fs::exists(folder, error)) {
    return absl::NotFoundError(
        fmt::format("task {} has no store in {}", task.ToString(), state.string()));
  }
  if (LacksCurrent(folder)) return DamagedStore("it has data but no CURRENT file", folder);
  std::unique_ptr<rocksdb::DB> database;
  rocksdb::Status status;
  // What a worker beside us flushes or compacts meanwhile may be missing from what we see.
  const auto deadline = std::chrono::steady_clock::now() + kOpenPatience;
  for (bool still = false; !still;) {
    const std::string files = ListOfFiles(folder);
    rocksdb::DB* opened = nullptr;
    database.reset();
    status = rocksdb::DB::OpenForReadOnly(rocksdb::Options(), folder.string(), &opened);
    database.reset(opened);
    still = ListOfFiles(folder) == files;
    if (!still && std::chrono::steady_clock::now() > deadline) {
      return absl::UnavailableError(fmt::format(
          "the files of the store {} changed for {} seconds whenever it was opened: try "
          "again, or stop the worker first",
          folder.string(), kOpenPatience.count()));
    }
  }
  if (!status.ok()) return StoreError(status, "open", folder);
  return std::make_unique<RocksDbStateStore>(std::move(database), folder,
                                             /*least_file_bytes=*/std::nullopt);
}

}  // namespace forebay
