#include "online/store/commit_file.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace forebay {
namespace {

namespace fs = std::filesystem;

struct Change {
  rocksdb::Slice key;
  std::optional<rocksdb::Slice> value;  // none: the key is deleted
};

class ChangeList final : public rocksdb::WriteBatch::Handler {
 public:
  rocksdb::Status PutCF(uint32_t, const rocksdb::Slice& key, const rocksdb::Slice& value) override {
    changes.push_back({key, value});
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(uint32_t, const rocksdb::Slice& key) override {
    changes.push_back({key, std::nullopt});
    return rocksdb::Status::OK();
  }

  std::vector<Change> changes;  // in memory of the batch
};

bool Before(const Change& a, const Change& b) { return a.key.compare(b.key) < 0; }

// A cut carries most keys in their order, and some before their turn: only those are sorted.
std::vector<Change> Sorted(const std::vector<Change>& changes) {
  std::vector<Change> early, in_turn;  // in turn: before all that come after it
  in_turn.reserve(changes.size());
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    const bool is_early = !in_turn.empty() && !Before(*change, in_turn.back());
    (is_early ? early : in_turn).push_back(*change);
  }
  std::sort(early.begin(), early.end(), Before);
  std::vector<Change> sorted(changes.size());
  std::merge(early.begin(), early.end(), in_turn.rbegin(), in_turn.rend(), sorted.begin(), Before);
  return sorted;
}

rocksdb::Status WriteTable(const std::vector<Change>& changes, const fs::path& path,
                           const rocksdb::Options& options) {
  rocksdb::SstFileWriter file(rocksdb::EnvOptions(options), options, /*column_family=*/nullptr,
                              /*invalidate_page_cache=*/false);
  rocksdb::Status status = file.Open(path.string());
  for (size_t i = 0; i < changes.size() && status.ok(); ++i) {
    const auto& [key, value] = changes[i];
    status = value ? file.Put(key, *value) : file.Delete(key);
  }
  return status.ok() ? file.Finish() : status;
}

fs::path DraftPath(const fs::path& folder) { return folder / "commit.draft"; }

}  // namespace

rocksdb::Status CommitAsFile(const rocksdb::WriteBatch& batch, const fs::path& folder,
                             rocksdb::DB* database) {
  ChangeList list;
  list.changes.reserve(batch.Count());
  rocksdb::Status status = batch.Iterate(&list);
  if (!status.ok()) return status;
  // If a draft were still there, it could be the same file as one of the database, by another name.
  status = RemoveCommitDraft(folder);
  const fs::path draft = DraftPath(folder);
  if (status.ok()) status = WriteTable(Sorted(list.changes), draft, database->GetOptions());
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.write_global_seqno = false;
  if (status.ok()) status = database->IngestExternalFile({draft.string()}, options);
  if (!status.ok()) RemoveCommitDraft(folder).PermitUncheckedError();
  return status;
}

rocksdb::Status RemoveCommitDraft(const fs::path& folder) {
  std::error_code error;
  fs::remove(DraftPath(folder), error);
  return error ? rocksdb::Status::IOError(DraftPath(folder).string(), error.message())
               : rocksdb::Status::OK();
}

}  // namespace forebay
