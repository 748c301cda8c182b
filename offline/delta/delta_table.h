// One Delta table: its newest known snapshot, and commits to it.
//
//   auto table = DeltaTable::OpenOrCreate(store, "offline/user_spend/v1", *change_schema,
//   now).value(); AppendRequest request; request.files.push_back(data_file->Finish(now).value());
//   request.transactions["demo/user_spend/v1/transactions-3"] = position + 1;
//   int64_t version = table->Append(request, now).value();
//
// Safe against other writers, of this process and others: a commit is a put-if-absent of the next
// version's file. Not thread-safe itself.
#ifndef FOREBAY_OFFLINE_DELTA_DELTA_TABLE_H_
#define FOREBAY_OFFLINE_DELTA_DELTA_TABLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/snapshot.h"

namespace forebay {

struct AppendRequest {
  std::vector<AddAction> files;                 // already written
  std::map<std::string, int64_t> transactions;  // app id to version
  TaskClocks clocks;                            // merged into those that the table has
};

// Data files whose rows are written anew in others.
struct FileReplacement {
  std::vector<std::string> removed;  // paths in the table
  std::vector<AddAction> added;      // already written
};

struct RewriteRequest {
  std::string operation;     // for the table's history: OPTIMIZE, kEraseOperation ...
  bool data_change = false;  // whether the table has other rows after it
  std::vector<FileReplacement> replacements;
};

// All rows of a table at once.
struct WholeTable {
  std::shared_ptr<arrow::Schema> schema;  // partition columns included
  std::vector<std::string> partition_columns;
  std::vector<AddAction> files;  // already written
};

// The properties by which readers and other writers know how far back versions can be read.
std::map<std::string, std::string> RetentionProperties(absl::Duration retention);

class DeltaTable {
 public:
  // The table as it is; NOT_FOUND if there is none.
  static absl::StatusOr<std::unique_ptr<DeltaTable>> Open(std::shared_ptr<ObjectStore> store,
                                                          std::string path);

  // A new table has the columns of `data_schema` then `date`, by which it is partitioned. One that
  // exists must have those columns: FAILED_PRECONDITION names what differs; it gets field ids if it
  // has none. `now_us`: wall clock. `properties` are set on a new table, beside our own.
  static absl::StatusOr<std::unique_ptr<DeltaTable>> OpenOrCreate(
      std::shared_ptr<ObjectStore> store, std::string path, const arrow::Schema& data_schema,
      int64_t now_us, const std::map<std::string, std::string>& properties = {});

  // As a new table of OpenOrCreate that has what `first` appends from its version 0 on: there is
  // either all of it, or none. ALREADY_EXISTS: there is one.
  static absl::Status CreateWith(std::shared_ptr<ObjectStore> store, std::string path,
                                 const arrow::Schema& data_schema, const AppendRequest& first,
                                 int64_t now_us,
                                 const std::map<std::string, std::string>& properties);

  // Makes a table of `whole`, as its version 0; with `overwrite`, where there is one, its rows and
  // columns in place of those, as its next version. Returns the version. ALREADY_EXISTS: there is
  // one.
  static absl::StatusOr<int64_t> WriteWhole(std::shared_ptr<ObjectStore> store, std::string path,
                                            const WholeTable& whole, bool overwrite,
                                            int64_t now_us);

  const Snapshot& snapshot() const { return snapshot_; }
  const std::string& path() const { return path_; }

  // OK if data files of `data_schema` fit; FAILED_PRECONDITION names what differs.
  absl::Status CheckColumns(const arrow::Schema& data_schema) const;

  // FAILED_PRECONDITION: another program upgraded the table to what forebay does not write. Commits
  // say so, too; but by then data files are written.
  absl::Status CheckWritable() const;

  // Takes up what others committed.
  absl::Status Refresh();

  // Where the newest checkpoint was lost or damaged, writes it again: other readers insist on it.
  absl::Status MendCheckpoint();

  // The version of `app_id`'s last transaction; nullopt: none.
  std::optional<int64_t> TransactionVersion(const std::string& app_id) const;

  // Commits files and transactions as one version, which it returns. Where others commit at the
  // same time, takes the next version; but ABORTED if one of them moved a transaction of this
  // request: its rows may be in the table already, so look again. Every tenth version is
  // checkpointed; whether that worked is in checkpoint_status(). After other errors the commit may
  // have happened: Refresh() and look at the transactions.
  absl::StatusOr<int64_t> Append(const AppendRequest& request, int64_t now_us);

  // Replaces files as one version. Of each replacement all or nothing: those of whose files one is
  // no longer there, as another writer was first, are left out. Returns which were committed, by
  // index; where none is, there is no new version. Errors as Append.
  absl::StatusOr<std::vector<bool>> Rewrite(const RewriteRequest& request, int64_t now_us);

  // Sets properties of the table where they differ.
  absl::Status SetProperties(const std::map<std::string, std::string>& properties, int64_t now_us);

  // Gives a property the value that `change` makes of its own, "" where it has none.
  absl::Status ChangeProperty(const std::string& name,
                              const std::function<std::string(const std::string&)>& change,
                              int64_t now_us);

  // Appends nullable columns; rows of files before have null there. Names that exist already with
  // the same type are left out. FAILED_PRECONDITION: one exists with another type, or case.
  absl::Status AddColumns(const arrow::Schema& columns, int64_t now_us);

  const absl::Status& checkpoint_status() const { return checkpoint_status_; }

  std::shared_ptr<arrow::Schema> DataSchema() const { return forebay::DataSchema(snapshot_); }

 private:
  DeltaTable(std::shared_ptr<ObjectStore> store, std::string path)
      : store_(std::move(store)), path_(std::move(path)) {}

  // What a commit is made of, given the table as it is then; empty: there is nothing to commit.
  using MakeActions = std::function<absl::StatusOr<std::vector<Action>>()>;

  // Commits as the next version, and again while others are first.
  absl::Status Commit(const MakeActions& make, int64_t now_us);
  absl::Status GiveFieldIds(int64_t now_us);
  absl::Status CheckNewName(const std::string& name) const;
  absl::Status TryCommit(std::vector<Action> actions, int64_t now_us);

  std::shared_ptr<ObjectStore> store_;
  std::string path_;
  Snapshot snapshot_;
  absl::Status checkpoint_status_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_DELTA_TABLE_H_
