// The keys that tables of views have: those of which, at a time, some view's last row is no delete.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LIVE_KEYS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LIVE_KEYS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/table_version.h"
#include "offline/training_set/labels.h"
#include "offline/training_set/row_bounds.h"
#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class Entity;
}

struct LiveKeysRequest {
  std::shared_ptr<ObjectStore> warehouse;
  const v1::Entity* entity = nullptr;
  std::vector<ViewId> views;  // of that entity
  // Of their tables, likewise: what is read; of the newest, the number is put in its place. A view
  // without a table has no keys.
  std::vector<TableVersion>* versions = nullptr;
  const std::map<ViewId, RowBounds>* bounds = nullptr;  // of the views that are named there
  std::vector<int64_t> times;                           // microseconds UTC, ascending
  std::string time_column;
};

// Each time with each key that lives then, by time and then by key: the columns of the key, and the
// time. Needs memory for 17 bytes per key and time.
absl::StatusOr<Labels> ReadLiveKeys(const LiveKeysRequest& request);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LIVE_KEYS_H_
