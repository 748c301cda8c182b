// Watches whether the topics of sources are partitioned by the columns that their `key` names: a
// task sees one partition only, so where they are not, features hold a part of the truth.
//
//   KeyCheck check(plans, [](const std::string& message) { spdlog::error("{}", message); });
//   check.ReadFirst(task, end);              // of a partition of which nothing was read before
//   RETURN_IF_ERROR(check.Look(task, batch));  // of every batch before it is applied
//   for (const KeyStatistics& source : check.Statistics()) ...
//
// The first records of a topic are all looked at, later a few of each batch:
//   - whether the columns make a key that was seen in another partition on this worker, which is
//     wrong for certain;
//   - of one in each batch, whether the record's own key is that of the columns. Without a single
//   one that
//     is, the records' keys are written in a form that is not known, and nothing is said of them.
// `say` is told of either once per source, with an example and what to do. But where a partition is
// read for the first time, a key in two partitions is an error: nobody relies on the features yet,
// and they would be wrong. So it is where partitions were added to a topic, and it is read anew.
//
// Only topics are watched whose tasks compute views themselves: what goes through a repartition
// topic is right whatever the source's partitions are. Thread-safe.
#ifndef FOREBAY_CONNECTORS_KEY_CHECK_KEY_CHECK_H_
#define FOREBAY_CONNECTORS_KEY_CHECK_KEY_CHECK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "engine/batch/event_batch.h"
#include "engine/task/task_plan.h"

namespace forebay {

// What was seen of one topic.
struct KeyStatistics {
  std::string topic;
  int64_t compared = 0;     // records' keys compared with the columns
  int64_t mismatching = 0;  // of those, the ones that say something else; 0 where all do
  int64_t split = 0;        // records whose key had been seen in another partition

  bool operator==(const KeyStatistics&) const = default;
};

class KeyCheck {
 public:
  using Say = std::function<void(const std::string& message)>;

  // How many records are all looked at; then one in kSample, of a large batch kSample in all.
  static constexpr int64_t kFirst = 1 << 14;
  static constexpr int64_t kSample = 16;

  // `plans` outlive the check. `say` is called by whatever thread looks.
  KeyCheck(const std::vector<TaskPlan>& plans, const Say& say);
  ~KeyCheck();

  // Records of the task before `end` are read for the first time.
  void ReadFirst(const TaskId& task, Offset end);

  // FAILED_PRECONDITION: a key in two partitions, as above.
  absl::Status Look(const TaskId& task, const EventBatch& batch);

  // Topics of which Look has refused a record, with what it said.
  std::map<std::string, std::string> Refused() const;

  // In the order of the plans.
  std::vector<KeyStatistics> Statistics() const;

 private:
  class Topic;

  std::vector<std::unique_ptr<Topic>> topics_;
  absl::flat_hash_map<std::string, Topic*> by_name_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KEY_CHECK_KEY_CHECK_H_
