// A commit written as one table file, which the database then takes in as it is: for many changes
// that is less work, and less memory, than the write-ahead log and the memtable are.
#ifndef FOREBAY_ONLINE_STORE_COMMIT_FILE_H_
#define FOREBAY_ONLINE_STORE_COMMIT_FILE_H_

#include <filesystem>

namespace rocksdb {
class DB;
class Status;
class WriteBatch;
}  // namespace rocksdb

namespace forebay {

// Puts all changes of `batch`, a key once at most, into `database`, which is open on `folder`, or
// none of them: on return they outlive a power failure, too. Waits for the disk. One thread at a
// time.
rocksdb::Status CommitAsFile(const rocksdb::WriteBatch& batch, const std::filesystem::path& folder,
                             rocksdb::DB* database);

// Removes what a process that ended within CommitAsFile left.
rocksdb::Status RemoveCommitDraft(const std::filesystem::path& folder);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_STORE_COMMIT_FILE_H_
