#include "online/store/key_purge.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <utility>

#include "schemas/types/crash_point.h"

namespace forebay {
namespace {

// Of more keys at once the whole store is compacted: they are in most of its files.
constexpr size_t kMostKeys = 16;

rocksdb::Slice SliceOf(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

KeyPurge::KeyPurge(rocksdb::DB* database) : database_(database) {
  std::string value;
  if (!database_->Get(rocksdb::ReadOptions(), SliceOf(kPendingKey), &value).ok()) return;
  whole_ = true;
  thread_ = std::thread([this] { Run(); });
}

KeyPurge::~KeyPurge() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void KeyPurge::Announce() {
  absl::MutexLock lock(&mutex_);
  ++announced_;
}

void KeyPurge::Withdraw() {
  absl::MutexLock lock(&mutex_);
  --announced_;
}

void KeyPurge::Start(std::vector<std::string> keys) {
  absl::MutexLock lock(&mutex_);
  --announced_;
  keys_.insert(keys_.end(), std::make_move_iterator(keys.begin()),
               std::make_move_iterator(keys.end()));
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void KeyPurge::Run() {
  while (true) {
    bool whole = false;
    std::vector<std::string> keys;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &KeyPurge::HasWork));
      if (stop_) return;
      whole = std::exchange(whole_, false);
      keys = std::exchange(keys_, {});
    }
    const bool compacted = Compact(whole, keys);
    CrashPoint("erasure.purged");
    bool done = false;
    {
      absl::MutexLock lock(&mutex_);
      if (stop_) return;
      failed_ = failed_ || !compacted;
      compacted_ = !failed_;
      done = compacted_ && announced_ == 0 && keys_.empty();
      if (done) {
        compacted_ = false;
        database_->Delete(rocksdb::WriteOptions(), SliceOf(kPendingKey)).PermitUncheckedError();
      }
    }
    // The list of files names the first and last keys of those that went, until it is written anew.
    if (done) database_->Flush(rocksdb::FlushOptions()).PermitUncheckedError();
  }
}

// False: not all of them.
bool KeyPurge::Compact(bool whole, const std::vector<std::string>& keys) {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  options.canceled = &stop_;
  if (whole || keys.size() > kMostKeys)
    return database_->CompactRange(options, nullptr, nullptr).ok();
  for (const std::string& key : keys) {
    const rocksdb::Slice only(key);
    if (!database_->CompactRange(options, &only, &only).ok()) return false;
  }
  return true;
}

}  // namespace forebay
