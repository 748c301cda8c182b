#include "offline/range/held_rows.h"

#include <arrow/api.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/data_file.h"
#include "offline/delta/file_pruning.h"
#include "offline/delta/snapshot.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/key_column.h"
#include "offline/training_set/row_file.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

bool MayHoldBefore(const AddAction& file, int64_t time) {
  const int64_t date = StartOfDate(file).value_or(INT64_MIN);
  return std::max(date, NumberTag(file, kEffectiveMinTag).value_or(INT64_MIN)) < time;
}

// Finds them by ranges of the hash of their keys: one of which the keys are too many ends earlier.
class HeldRowSearch {
 public:
  explicit HeldRowSearch(const HeldRowsRequest& request) : request_(request) {
    for (const auto& [path, file] : request.snapshot->files) {
      if (MayHoldBefore(file, request.at)) files_.push_back(&file);
    }
  }

  using Visit =
      absl::FunctionRef<absl::Status(const AddAction& file, absl::Span<const int64_t> rows)>;

  absl::Status Run(Visit visit) {
    while (true) {
      greatest_ = INT64_MAX;
      newest_.clear();
      for (file_ = 0; file_ < files_.size(); ++file_) RETURN_IF_ERROR(ReadFile());
      RETURN_IF_ERROR(VisitFound(visit));
      if (greatest_ == INT64_MAX) return absl::OkStatus();
      least_ = greatest_ + 1;
    }
  }

 private:
  struct Newest {
    int64_t hash = 0;
    int64_t time = INT64_MIN;
    size_t file = 0;
    int64_t row = 0;  // of the file
    bool deletes = false;
  };

  absl::Status ReadFile() {
    int64_t first_row = 0;
    return ReadGroups(*request_.store, request_.table, *request_.snapshot, files_[file_]->path,
                      [&](const RowFile& rows, int group) {
                        const int64_t first = first_row;
                        first_row += rows.RowsOf(group);
                        return ReadGroup(rows, group, first);
                      });
  }

  arrow::Status ReadGroup(const RowFile& rows, int group, int64_t first_row) {
    const auto bounds = rows.BoundsOf(group, "_effective_time");
    if (bounds && bounds->first >= request_.at) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(arrow::ArrayVector keys, ReadKeys(rows, group));
    ARROW_ASSIGN_OR_RAISE(auto times, rows.Read(group, "_effective_time"));
    ARROW_ASSIGN_OR_RAISE(auto hashes, rows.Read(group, "_key_hash"));
    ARROW_ASSIGN_OR_RAISE(auto ops, rows.Read(group, "_op"));
    if (times == nullptr || times->type_id() != arrow::Type::TIMESTAMP || hashes == nullptr ||
        hashes->type_id() != arrow::Type::INT64 || ops == nullptr || !IsText(ops->type_id())) {
      return arrow::Status::Invalid("_effective_time, _key_hash or _op is not of its type");
    }
    KeyReader reader(std::move(keys));
    std::string key;
    for (int64_t row = 0; row < times->length(); ++row) {
      const int64_t time = IntegerAt(*times, row);
      const int64_t hash = IntegerAt(*hashes, row);
      if (time >= request_.at || hash < least_ || hash > greatest_) continue;
      if (!reader.Encode(row, &key)) return arrow::Status::Invalid("a key is null");
      Take(key, {.hash = hash,
                 .time = time,
                 .file = file_,
                 .row = first_row + row,
                 .deletes = TextAt(*ops, row) == "delete"});
    }
    return arrow::Status::OK();
  }

  arrow::Result<arrow::ArrayVector> ReadKeys(const RowFile& rows, int group) const {
    arrow::ArrayVector keys;
    for (const v1::Field& key : request_.entity->keys()) {
      ARROW_ASSIGN_OR_RAISE(keys.emplace_back(), rows.Read(group, key.name()));
      if (keys.back() == nullptr)
        return arrow::Status::Invalid("key column ", key.name(), " is missing");
      if (absl::Status fits = CheckKeyType(key, *keys.back()->type()); !fits.ok())
        return arrow::Status::Invalid(std::string(fits.message()));
    }
    return keys;
  }

  void Take(const std::string& key, const Newest& row) {
    Newest& newest = newest_[key];
    if (row.time >= newest.time) newest = row;
    if (newest_.size() > request_.most_keys) LeaveUpperHalf();
  }

  // To the passes that come. One hash is never divided.
  void LeaveUpperHalf() {
    std::vector<int64_t> hashes;
    hashes.reserve(newest_.size());
    for (const auto& [key, newest] : newest_) hashes.push_back(newest.hash);
    const auto middle = hashes.begin() + static_cast<ptrdiff_t>(hashes.size() / 2);
    std::nth_element(hashes.begin(), middle, hashes.end());
    if (*middle == least_) return;
    greatest_ = *middle - 1;
    absl::erase_if(newest_, [&](const auto& of) { return of.second.hash > greatest_; });
  }

  absl::Status VisitFound(Visit visit) const {
    std::map<size_t, std::vector<int64_t>> found;  // rows by file
    for (const auto& [key, newest] : newest_) {
      if (!newest.deletes) found[newest.file].push_back(newest.row);
    }
    for (auto& [file, rows] : found) {
      std::sort(rows.begin(), rows.end());
      RETURN_IF_ERROR(visit(*files_[file], rows));
    }
    return absl::OkStatus();
  }

  const HeldRowsRequest& request_;
  std::vector<const AddAction*> files_;
  // Of this pass: hashes from `least_` to `greatest_`.
  int64_t least_ = INT64_MIN;
  int64_t greatest_ = INT64_MAX;
  size_t file_ = 0;                                  // that is being read
  absl::flat_hash_map<std::string, Newest> newest_;  // by key
};

}  // namespace

absl::Status VisitHeldRows(
    const HeldRowsRequest& request,
    absl::FunctionRef<absl::Status(const AddAction& file, absl::Span<const int64_t> rows)> visit) {
  return HeldRowSearch(request).Run(visit);
}

}  // namespace forebay
