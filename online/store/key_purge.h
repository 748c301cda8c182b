// Takes keys off the disk that a store has deleted or overwritten: their old bytes would else stay
// in its files until some compaction comes along, which may be never.
//
//   KeyPurge purge(database);                 // goes on with what an earlier process left
//   purge.Announce();
//   batch.Put(KeyPurge::kPendingKey, ""); ... the batch is written ...
//   purge.Start(keys);
//
// A thread of its own compacts the files that hold the keys, of many keys all files, beside reads
// and commits. Until that is done the store says so under kPendingKey. Which keys they were is not
// kept: after a crash the whole store is compacted. What cannot be compacted now (a full disk) is
// left to the next process, too.
#ifndef FOREBAY_ONLINE_STORE_KEY_PURGE_H_
#define FOREBAY_ONLINE_STORE_KEY_PURGE_H_

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace rocksdb {
class DB;
}

namespace forebay {

class KeyPurge {
 public:
  // In the store while something is to be purged; one byte, so no state has it.
  static constexpr std::string_view kPendingKey{"\x01", 1};

  // `database` outlives it. REQUIRES: it may be written to.
  explicit KeyPurge(rocksdb::DB* database);
  // Breaks off what is under way.
  ~KeyPurge();

  // A commit puts kPendingKey next, and Start or Withdraw follows.
  void Announce();
  void Start(std::vector<std::string> keys);
  void Withdraw();  // the commit failed

 private:
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stop_ || whole_ || !keys_.empty() || (compacted_ && announced_ == 0);
  }
  void Run();
  bool Compact(bool whole, const std::vector<std::string>& keys);

  rocksdb::DB* const database_;
  std::atomic<bool> stop_{false};
  absl::Mutex mutex_;
  int announced_ ABSL_GUARDED_BY(mutex_) = 0;
  bool whole_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> keys_ ABSL_GUARDED_BY(mutex_);
  bool compacted_ ABSL_GUARDED_BY(mutex_) = false;  // kPendingKey may go
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;     // and it must not, in this process
  std::thread thread_;                              // from the first Start on
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_STORE_KEY_PURGE_H_
