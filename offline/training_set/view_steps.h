// The steps of a view, as its table has them: every change of every key in a range of time.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_VIEW_STEPS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_VIEW_STEPS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/table_version.h"
#include "schemas/definition/feature_names.h"

namespace arrow {
class Table;
}

namespace forebay {

struct ViewStepsRequest {
  std::shared_ptr<ObjectStore> warehouse;
  std::vector<NamedFeature> features;  // of one view
  TableVersion version;
  int64_t from_us = 0;  // steps that are effective from then on, microseconds UTC
  int64_t to_us = 0;    // and before then
};

struct ViewSteps {
  int64_t table_version = 0;
  // The key's columns, `_effective_time`, `_event_time`, `_op`, then the features by their names.
  // By key, then by time, whatever files they are in.
  std::shared_ptr<arrow::Table> rows;
};

// Needs memory for all of the steps. INVALID_ARGUMENT: the features are of several views, or of one
// without a history. NOT_FOUND: there is no table, or no such version. DATA_LOSS: it is damaged.
absl::StatusOr<ViewSteps> ReadViewSteps(const v1::Project& project,
                                        const ViewStepsRequest& request);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_VIEW_STEPS_H_
