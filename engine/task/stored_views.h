// The views that a task's store has state of, and the archive that it has made rows for, whether or
// not they are still defined.
#ifndef FOREBAY_ENGINE_TASK_STORED_VIEWS_H_
#define FOREBAY_ENGINE_TASK_STORED_VIEWS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/state/state_store.h"
#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class FeatureView;
class StoredView;
class TaskMeta;
}  // namespace v1

// Of the store of a task, as TaskMeta.format_version says it.
inline constexpr uint32_t kStateFormat = 4;

// That of a new store has the position -1. DATA_LOSS: it does not parse.
absl::StatusOr<v1::TaskMeta> ReadTaskMeta(const StateStore& store);

// Null: none. Points into `meta`.
const v1::StoredView* FindStoredView(const v1::TaskMeta& meta, const v1::FeatureView& view);
const v1::StoredView* FindStoredView(const v1::TaskMeta& meta, const ViewId& view);

// The number of the view, in this store, whose key that is; what the keys of a view begin with.
uint32_t StoredViewNumber(std::string_view stored_key);
std::string StoredPrefix(uint32_t view_number);

// How many keys each has.
absl::StatusOr<std::map<ViewId, int64_t>> CountStoredKeys(const StateStore& store);

// Removes the views' keys, and that the views were ever read: the next start brings them up from
// the oldest record. The other views of the store are left as they are. Returns how many keys went,
// those that an interrupted call has left included. REQUIRES: no task has the store.
absl::StatusOr<int64_t> ForgetViews(const std::set<ViewId>& views, StateStore* store);

// Removes that the task ever archived events of that source: the next start begins the archive
// where the task is. REQUIRES: no task has the store.
absl::Status ForgetArchive(const std::string& source, StateStore* store);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_STORED_VIEWS_H_
