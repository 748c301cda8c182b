// The statistics of one feature on one day, and the row of the statistics table that they are.
#ifndef FOREBAY_OFFLINE_STATISTICS_FEATURE_DAY_H_
#define FOREBAY_OFFLINE_STATISTICS_FEATURE_DAY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "offline/statistics/feature_statistics.h"
#include "schemas/types/view_id.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace forebay {

struct FeatureDay {
  ViewId view;
  std::string feature;
  FeatureStatistics statistics;
  // Of the offline table, where the day was read: its version, and a hash of the names of the
  // day's files.
  int64_t table_version = 0;
  std::string table_files;
  int64_t computed_at = 0;  // microseconds UTC
};

// docs/statistics.md, without `date`. No column is null by nature but those of numbers.
std::shared_ptr<arrow::Schema> FeatureDaySchema();

std::shared_ptr<arrow::RecordBatch> ToRows(const std::vector<FeatureDay>& days);

// REQUIRES: rows of FeatureDaySchema. DATA_LOSS: there are no statistics in some `sketch`.
absl::StatusOr<std::vector<FeatureDay>> FromRows(const arrow::RecordBatch& rows);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_STATISTICS_FEATURE_DAY_H_
