// The table `statistics/features` of a warehouse: a row for each view, version, feature and day,
// with a file for each day.
//
//   auto table = StatisticsTable::OpenOrCreate(store, now).value();
//   table->Replace(date, days, now);      // its rows of the day; as many days as there are
//   table->Commit(now);
//
// For one writer at a time; where another was first, Commit says so. Not thread-safe.
#ifndef FOREBAY_OFFLINE_STATISTICS_STATISTICS_TABLE_H_
#define FOREBAY_OFFLINE_STATISTICS_STATISTICS_TABLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/delta_table.h"
#include "offline/statistics/feature_day.h"

namespace forebay {

inline constexpr char kStatisticsTable[] = "statistics/features";

class StatisticsTable {
 public:
  // NOT_FOUND: there is none yet.
  static absl::StatusOr<std::unique_ptr<StatisticsTable>> Open(std::shared_ptr<ObjectStore> store);
  static absl::StatusOr<std::unique_ptr<StatisticsTable>> OpenOrCreate(
      std::shared_ptr<ObjectStore> store, int64_t now_us);
  // Removes what was not committed.
  ~StatisticsTable();

  // The days that there are, as their first instants, ascending; microseconds UTC.
  std::vector<int64_t> Dates() const;

  // The rows of the day that begins at `date`.
  absl::StatusOr<std::vector<FeatureDay>> Read(int64_t date) const;

  // Writes `days` in place of all rows of that day; they are there after Commit.
  absl::Status Replace(int64_t date, const std::vector<FeatureDay>& days, int64_t now_us);
  // ABORTED: another writer replaced one of the days meanwhile; those that it did not are there.
  absl::Status Commit(int64_t now_us);

 private:
  StatisticsTable(std::shared_ptr<ObjectStore> store, std::unique_ptr<DeltaTable> table);

  std::vector<std::string> FilesOf(int64_t date) const;

  std::shared_ptr<ObjectStore> store_;
  std::unique_ptr<DeltaTable> table_;
  std::vector<FileReplacement> written_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_STATISTICS_STATISTICS_TABLE_H_
