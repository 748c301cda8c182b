// Where data files of a table are put: its own folder, or a cold place for dates that are read
// seldom.
//
//   FilePlace place = TablePlace(warehouse, "offline/user_spend/v1");
//   FilePlace cold = ColdPlace(warehouse, "offline/user_spend/v1", cold_uri, s3).value();
//
// Of a warehouse in a file system, `_cold` in the table's folder is a symbolic link to the cold
// folder: every reader follows it, and most know no paths that lead out of a table. What lies in a
// bucket is called by its URI in the log, as the Delta protocol has it; delta-rs 1.6 and Polars 2.1
// do not read that.
#ifndef FOREBAY_OFFLINE_DELTA_FILE_PLACE_H_
#define FOREBAY_OFFLINE_DELTA_FILE_PLACE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"

namespace forebay {

struct FilePlace {
  std::shared_ptr<ObjectStore> store;
  std::string folder;  // of the store: in it are those of dates
  std::string prefix;  // what the log calls that folder: "", "_cold/" or "s3://cold/offline/t/v1/"

  // Deletes a file that the log calls so. REQUIRES: it begins with `prefix`.
  absl::Status Delete(std::string_view path) const;
};

FilePlace TablePlace(std::shared_ptr<ObjectStore> warehouse, const std::string& table);

// Makes the link, where one is needed. FAILED_PRECONDITION: it leads elsewhere. INVALID_ARGUMENT: a
// folder is no cold place for a warehouse in a bucket.
absl::StatusOr<FilePlace> ColdPlace(const std::shared_ptr<ObjectStore>& warehouse,
                                    const std::string& table, const StoreUri& cold,
                                    const S3Settings& s3);

// The place of a file that the log calls so, wherever other files of the table are.
// FAILED_PRECONDITION: forebay does not write there.
absl::StatusOr<FilePlace> PlaceOf(const std::shared_ptr<ObjectStore>& warehouse,
                                  const std::string& table, std::string_view path);

// Where the data files of a table may be. `cold`: the cold location, if there is one; of one in a
// file system, the link is enough.
absl::StatusOr<std::vector<FilePlace>> PlacesOf(const std::shared_ptr<ObjectStore>& warehouse,
                                                const std::string& table,
                                                const std::optional<StoreUri>& cold);

// The data files of a place, whoever names them, and unfinished ones: what is in its folders of
// dates, by what the log calls it.
absl::StatusOr<std::map<std::string, ObjectInfo>> ListDataFiles(const FilePlace& place);

// Whether a file that the log calls so is in a cold place.
bool IsCold(std::string_view path);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_FILE_PLACE_H_
