// Which tasks a project makes, and what each does with an event: one plan per topic that is read.
//
// A view whose entity's keys are the key of its source's topic is computed by the tasks of that
// topic. Any other view is computed by the tasks of a repartition topic, one per (source, entity),
// to which the source's tasks forward every event (S26). A source that is archived has tasks in any
// case.
#ifndef FOREBAY_ENGINE_TASK_TASK_PLAN_H_
#define FOREBAY_ENGINE_TASK_TASK_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/expression/program.h"
#include "engine/state/view_plan.h"
#include "schemas/types/view_id.h"

namespace arrow {
class Schema;
}

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
class Project;
class Source;
}  // namespace v1

// What the views of a task compute of a batch of events, each thing once; views refer to it by
// index.
struct ColumnsPlan {
  static constexpr int kNone = -1;

  // What an aggregate reads (InputPlan): an argument, of the events that pass a filter.
  struct Input {
    int argument = kNone;  // of the expressions; kNone: count(*)
    int filter = kNone;    // likewise; kNone: it has none
    bool takes_nulls = false;

    bool operator==(const Input&) const = default;
  };

  std::vector<std::vector<int>> keys;  // of the event columns, one per key of an entity
  std::optional<Program> program;      // of the expressions; set once they are known
  std::vector<Input> inputs;
};

// Which steps of a view's keys become change records.
enum class Steps : uint8_t {
  kNone,     // nobody takes them: history and updates are off
  kEvery,    // all
  kEmitted,  // those at the multiples of FeatureView.emit_every_us (S12)
};

// A view as a task computes it. Immutable. Points into the project, which outlives it.
struct ViewTaskPlan {
  int view = 0;  // index into Project.feature_views
  const v1::FeatureView* definition = nullptr;
  const v1::Entity* entity = nullptr;
  // Indices into what ColumnsPlan has:
  int keys = 0;
  int where = ColumnsPlan::kNone;  // of the expressions; kNone: all events pass
  std::vector<int> inputs;         // parallel to ViewPlan.inputs
  ViewPlan tiles;
  Steps steps = Steps::kEvery;
  std::string fingerprint;   // ViewFingerprint
  bool from_now = false;     // without state yet, it counts from the end of the partition on
  bool from_oldest = false;  // it may lack records that went with its state
  std::shared_ptr<arrow::Schema> change_schema;
};

struct ForwardPlan {
  const v1::Entity* entity = nullptr;
  std::string topic;
  std::vector<int> key_columns;
  std::vector<const v1::FeatureView*> views;  // that the topic feeds
  bool from_now = false;                      // as of a view
  // Of key and value together, that a record of the topic may have; larger ones are rejected.
  size_t most_bytes = std::numeric_limits<size_t>::max();
};

// The archive of the source's events.
struct ArchivePlan {
  // Of ColumnsPlan: the source's key; kNone: it has none that can be encoded, and the record's own
  // is hashed.
  int keys = ColumnsPlan::kNone;
  std::shared_ptr<arrow::Schema> schema;  // ArchiveSchema
};

struct TaskPlan {
  std::string topic;
  const v1::Source* source = nullptr;
  bool repartition = false;
  bool files = false;                // of PlanBatchTasks: `topic` is none of Kafka's
  std::vector<std::string> columns;  // of the events, in the source's order: what a decoder builds
  std::shared_ptr<arrow::Schema> event_schema;
  ColumnsPlan computed;             // of the event columns, for the views
  std::vector<ViewTaskPlan> views;  // in definition order
  std::vector<ForwardPlan> forwards;
  std::optional<ArchivePlan> archive;  // never of a repartition topic
  // Views that the task does not compute, but whose states stay in its store as they are: they were
  // disabled or retired, and may come back. An erasure reaches them when they do.
  std::vector<ViewId> kept;
  // False: another task reads the same records, and reports those that are refused.
  bool reports_refused = true;
};

// One per topic, sources in definition order, each followed by its repartition topics. Sources
// whose events are in files alone have none.
// Errors: INTERNAL for a project that the checker should not have let through.
absl::StatusOr<std::vector<TaskPlan>> PlanTasks(const v1::Project& project);

// The plans of the tasks that read the files of sources (Source.batch), but for those that are fed
// into a topic: one per source and entity, as files are partitioned by any key. Their topics, which
// name the tasks, are those of BatchTopic. They forward and archive nothing.
absl::StatusOr<std::vector<TaskPlan>> PlanBatchTasks(const v1::Project& project);
// All columns of the source's rows, for no view: what files are fed into its topic by.
TaskPlan PlanOfRows(const v1::Source& source);
// The name of the tasks that read, of the files, what those of `plan` read of its topic. REQUIRES:
// it has views.
std::string BatchTopicOf(const TaskPlan& plan);

// Views that a task has no state of yet are not to be brought up from the oldest record, but to
// count from now on. `views` are of the project of the plans; a topic that feeds only such views is
// fed from now on, too.
void StartFromNow(const std::vector<const v1::FeatureView*>& views, std::vector<TaskPlan>* plans);

// Where the state of `views` is gone, they are built from the oldest record that their topic keeps,
// whatever it has lost.
void StartFromOldest(const std::vector<const v1::FeatureView*>& views,
                     std::vector<TaskPlan>* plans);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_TASK_PLAN_H_
