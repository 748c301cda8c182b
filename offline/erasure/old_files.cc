#include "offline/erasure/old_files.h"

#include <map>
#include <utility>

#include "engine/batch/archive_batch.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/file_place.h"
#include "offline/erasure/key_search.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// A writer goes on writing, or has finished, within this.
constexpr int64_t kUnfinishedUs = 600 * kMicrosPerSecond;

// By what the log calls them.
using Candidates = std::map<std::string, ObjectInfo>;

absl::StatusOr<Candidates> FindCandidates(const OldFilesRequest& request) {
  Candidates candidates;
  ASSIGN_OR_RETURN(std::vector<FilePlace> places,
                   PlacesOf(request.store, request.table, request.cold));
  for (const FilePlace& place : places) {
    ASSIGN_OR_RETURN(Candidates files, ListDataFiles(place));
    candidates.merge(files);
  }
  // Beside files, other programs keep checksums of them: ".part-1.parquet.crc".
  std::erase_if(candidates, [&](const auto& file) {
    return file.first[file.first.rfind('/') + 1] == '.' ||
           request.snapshot->files.contains(file.first);
  });
  for (const auto& [path, removed] : request.snapshot->removed) {
    if (!IsInTable(path)) candidates.try_emplace(path, ObjectInfo{.size = removed.size});
  }
  return candidates;
}

}  // namespace

absl::StatusOr<OldFiles> FindOldFiles(const OldFilesRequest& request, const ErasedKey& key) {
  ASSIGN_OR_RETURN(Candidates candidates, FindCandidates(request));
  std::vector<std::string> paths;
  for (const auto& [path, object] : candidates) paths.push_back(path);
  const SearchedTable table{.store = request.store.get(),
                            .table = request.table,
                            .hashed = !IsArchiveSchema(*request.snapshot->schema),
                            .cost = request.cost};
  const std::vector<FileSearch> searches = SearchFiles(table, paths, key);
  OldFiles old;
  for (size_t i = 0; i < paths.size(); ++i) {
    const absl::Status& status = searches[i].status;
    if (absl::IsNotFound(status)) continue;  // removed just now
    if (!status.ok() && !absl::IsDataLoss(status)) return status;
    const ObjectInfo& object = candidates.at(paths[i]);
    const bool young = object.modified_us > request.now_us - kUnfinishedUs;
    if (!status.ok() && young && !request.alone) {
      old.unfinished.push_back({paths[i], object.size});
    } else if (!status.ok() || searches[i].rows > 0) {
      old.files.push_back({paths[i], object.size});
    }
  }
  return old;
}

}  // namespace forebay
