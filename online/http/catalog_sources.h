// What the pages of the catalog ask of other parts of the worker.
#ifndef FOREBAY_ONLINE_HTTP_CATALOG_SOURCES_H_
#define FOREBAY_ONLINE_HTTP_CATALOG_SOURCES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/catalog_log.h"

namespace forebay {

namespace v1 {
class FeatureView;
}

// How the values of a feature were distributed; docs/statistics.md.
struct FeatureSummary {
  struct Numbers {  // of those that are finite
    double min = 0;
    double max = 0;
    double mean = 0;
    double deviation = 0;
    std::vector<std::pair<double, double>> quantiles;  // at 0.5: ...
    std::vector<double> histogram_edges;
    std::vector<int64_t> histogram_counts;  // one less than edges
  };
  struct Ages {  // seconds from the newest event to the change
    double mean = 0;
    double max = 0;
  };

  std::string feature;
  int64_t days = 0;  // that have some
  int64_t count = 0;
  int64_t nulls = 0;
  int64_t nans = 0;
  double null_rate = 0;
  std::optional<int64_t> distinct;
  std::optional<Numbers> numbers;
  std::vector<std::pair<std::string, int64_t>> top;  // the most frequent first
  std::optional<Ages> ages;
};

struct StatisticsQuestion {
  const v1::FeatureView* view = nullptr;
  std::string feature;          // empty: all
  std::optional<int64_t> from;  // the first instant of the first day, microseconds UTC
  std::optional<int64_t> to;    // of the last day
};

struct StatisticsAnswer {
  std::optional<std::pair<int64_t, int64_t>> days;  // first and last that have some
  std::vector<FeatureSummary> features;             // in the order of the view
};

struct TaskState {
  std::string topic;
  int32_t partition = 0;
  int64_t position = -1;  // of the last record applied; below 0: none
  bool caught_up = false;
  int64_t records_to_catch_up = 0;
};

// Of the views that are brought up beside those that serve (docs/catalog.md).
struct LaneState {
  std::vector<std::string> views;  // "spend@2"
  bool reads_files = false;        // those that come before the topic, yet
  int64_t records_read = 0;
  int64_t records = 0;  // in all, as far as is known
  double records_per_second = 0;
  std::string error;  // why it does not go on; empty: it does
};

// What is absent is not answered. Functions are called by several threads, and may take long.
struct CatalogSources {
  const CatalogLog* log = nullptr;  // whose commits can be read; outlives its user
  // NOT_FOUND: there is no table of statistics.
  std::function<absl::StatusOr<StatisticsAnswer>(const StatisticsQuestion&)> statistics;
  std::function<std::vector<TaskState>()> tasks;
  std::function<std::optional<LaneState>()> lane;  // nullopt: there is none
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_CATALOG_SOURCES_H_
