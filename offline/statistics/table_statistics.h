// The statistics of offline tables by day: of their change records that are events.
//
//   StatisticsRequest request{.warehouse = store, .views = {&view}, .days = days, .now_us = now};
//   StatisticsSummary summary = UpdateStatistics(request).value();
//
// A day whose files are those that its statistics were made of is not read again; of a day that a
// table has no more, its rows are removed. Holds the statistics of one day of all views in memory,
// and of what they sum up to.
#ifndef FOREBAY_OFFLINE_STATISTICS_TABLE_STATISTICS_H_
#define FOREBAY_OFFLINE_STATISTICS_TABLE_STATISTICS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/file_pruning.h"
#include "offline/statistics/feature_statistics.h"
#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class FeatureView;
}

struct StatisticsRequest {
  std::shared_ptr<ObjectStore> warehouse;
  std::vector<const v1::FeatureView*> views;
  TimeRange days;      // those that begin in it
  int64_t now_us = 0;  // wall clock, microseconds UTC
};

// A feature, with its statistics over several days.
struct FeatureRange {
  ViewId view;
  std::string feature;
  FeatureStatistics statistics;
  int64_t days = 0;  // that have statistics
};

struct StatisticsSummary {
  int64_t days_read = 0;  // of each view, from its table
  int64_t days_kept = 0;  // as they were
  int64_t rows = 0;       // read
  std::vector<ViewId> without_table;
  std::vector<FeatureRange> features;  // in the order of the views and their features
};

// DATA_LOSS: a table is damaged. ABORTED: another writer was there: run it again.
absl::StatusOr<StatisticsSummary> UpdateStatistics(const StatisticsRequest& request);

struct FeatureName {
  ViewId view;
  std::string feature;

  auto operator<=>(const FeatureName&) const = default;
};

struct StatisticsOfDays {
  std::map<FeatureName, FeatureRange> features;  // those with a row on one of the days
  int64_t first_day = 0;                         // of those with a row; microseconds UTC
  int64_t last_day = 0;
};

// What the statistics table has of these features, merged over the days: those that begin in
// `days`, or, where that has no beginning, the seven up to the newest before its end that has one
// of the features. NOT_FOUND: there is no statistics table.
absl::StatusOr<StatisticsOfDays> ReadStatistics(const std::shared_ptr<ObjectStore>& warehouse,
                                                const std::vector<FeatureName>& features,
                                                TimeRange days);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_STATISTICS_TABLE_STATISTICS_H_
