// Labels joined point-in-time with features. Mode `served`: what a lookup at the label's time
// answered. Mode `event`: what it would have answered if no event had been late, from tables that
// were computed for this set.
//
//   TrainingSetRequest request{.labels = {"labels.parquet"}, .time_column = "asked_at",
//                              .features = {"user_spend.spend_1h", "merchant_spend.*", "fraud"},
//                              .output = {.path = "training.parquet"}, .warehouse = store};
//   TrainingSetSummary summary = BuildTrainingSet(project, request).value();
//
// For each label and view: the last row of the label's key with _effective_time <= the label's
// time. No such row, or a delete row: the features' defaults (S19). Where the view has a max_age
// and the row's _event_time is further back than that: null.
//
// Needs memory for the labels, 8 bytes a label and view, and either 96 bytes a label or the values
// that are written at a time, whichever is more; not for the rows of the tables.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_TRAINING_SET_H_
#define FOREBAY_OFFLINE_TRAINING_SET_TRAINING_SET_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "engine/task/stored_state.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/table_version.h"
#include "offline/statistics/feature_statistics.h"
#include "offline/training_set/events_read.h"
#include "offline/training_set/horizon_label.h"
#include "offline/training_set/join_reads.h"
#include "offline/training_set/label_split.h"
#include "offline/training_set/labels_file.h"
#include "offline/training_set/leakage.h"
#include "offline/training_set/row_bounds.h"
#include "offline/training_set/training_set_writer.h"
#include "schemas/types/view_id.h"

namespace forebay {

struct TrainingSetSummary;

enum class TrainingSetMode { kServed, kEvent };

inline constexpr std::string_view ModeName(TrainingSetMode mode) {
  return mode == TrainingSetMode::kServed ? "served" : "event";
}

// The views of a set, computed from the events of their sources in the order of event time.
struct RecomputedViews {
  std::shared_ptr<ObjectStore> warehouse;            // where their tables are
  const std::vector<StoredState>* states = nullptr;  // of their tasks, as the tables have them
  std::vector<EventsRead> events;                    // of each source
  std::vector<std::string> warnings;                 // sentences on events that there may be beside
};

// Called at most once, when the labels are known; none of them is later than `latest`. What it
// returns is there until the set is made.
using RecomputeViews = std::function<absl::StatusOr<RecomputedViews>(
    const std::vector<ViewId>& views, KnownTime latest)>;

// `done` of `total` rows are through; `what` is being done: "joining user_spend@1". Called by one
// thread at a time.
using TrainingSetProgress =
    std::function<void(const std::string& what, int64_t done, int64_t total)>;

// Some of the labels, of a set that is made in parts.
struct LabelsPart {
  int number = 0;
  int of = 1;             // parts
  int64_t from = 0;       // its first label
  int64_t to = 0;         // the one after its last
  int64_t of_labels = 0;  // of all parts
};

struct TrainingSetRequest {
  LabelsSource labels;
  std::string time_column;  // timestamp (any unit; without a zone: UTC), date, RFC 3339 text, or
                            // whole numbers of `time_unit`
  v1::TimeEncoding time_unit = v1::TIME_ENCODING_UNSPECIFIED;  // which refuses whole numbers
  // Instead of labels: rows without a time, each at each of these times (microseconds UTC,
  // ascending), which get the column `time_column`; or, with `all_keys`, the keys that the
  // features' tables have at each time.
  std::vector<int64_t> key_times;
  bool all_keys = false;
  std::vector<HorizonLabel> horizon_labels;  // columns to add to the labels
  std::vector<std::string> features;         // as ResolveFeatures takes them
  OutputOptions output;                      // but for split_names, which are those of `split`
  SplitRule split;  // by key, and without columns: by the key of the first feature's entity
  std::optional<LabelsPart> part;  // nullopt: all labels
  std::shared_ptr<ObjectStore> warehouse;
  TrainingSetMode mode = TrainingSetMode::kServed;
  bool leakage = false;      // count what differs from the other mode
  RecomputeViews recompute;  // for mode `event`, and for the leakage
  // What the views were computed from, where they are recomputed.
  std::vector<EventsRead> events;
  // Where given, labels from which on the tables are not complete get what lookups of these states
  // answer (exact_rows.h): read before the tables are, of all tasks of the features' views.
  const std::vector<StoredState>* states = nullptr;
  // How much memory may be used, about; 0: as much as it takes. What is written is the same.
  int64_t memory_bytes = 0;
  // Where reading waits more than it works, as in an object store: how many threads, at least.
  size_t files_at_once = 1;
  // Of the tables, by view; the newest of those that are not named.
  std::map<ViewId, TableVersion> versions;
  TableVersion VersionOf(const ViewId& view) const {
    auto version = versions.find(view);
    return version == versions.end() ? TableVersion() : version->second;
  }
  // Of the tables' rows, by view; all of those that are not named.
  std::map<ViewId, RowBounds> bounds;
  // What was made once, by the same request: where inputs, features or files would differ, nothing
  // is written. Null: this is the first time.
  const TrainingSetSummary* again = nullptr;
  TrainingSetProgress progress;  // empty: nobody wants to know
};

struct TrainingSetSummary {
  struct View {
    std::string name;
    uint32_t version = 0;
    int64_t table_version = -1;  // of the Delta table that was read; -1: there is no table yet
    int64_t matched = 0;         // labels with a row that is no delete
    int64_t from_state = 0;      // times at which a key was looked up in the states
    int64_t files_read = 0;
    int64_t files_skipped = 0;  // newer than every label, or of keys that none has
    JoinReads reads;            // of the files
    std::string table_id;       // "": there is no table yet
    TablePositions positions;   // up to where its rows were read
    // Before when no row was missing, microseconds UTC; nullopt: the table does not tell.
    std::optional<int64_t> complete_before;
    int64_t labels_past_complete = 0;  // labels from then on
    std::string fingerprint;           // of the definition; filled by ReadManifest alone
  };
  struct Feature {
    std::string name;
    ViewId view;
    std::string type;
    int64_t nulls = 0;  // labels without a value
    // What drift is measured against: of the labels' values, or of some of them, evenly spread.
    std::optional<FeatureStatistics> statistics;
  };
  int64_t labels = 0;
  std::vector<View> views;
  std::vector<Feature> features;
  std::vector<EventsRead> events;       // of mode `event`, by source
  std::vector<FeatureLeakage> leakage;  // by feature, where it was asked for
  std::vector<InputFile> inputs;
  std::vector<OutputFile> files;
  double seconds = 0;
  std::vector<std::string> notes;     // sentences on how the labels were taken
  std::vector<std::string> warnings;  // sentences on features that may not be what they seem
};

// The output has all label columns in their order, then one column "<view>.<feature>" per feature
// in the order asked. Errors: INVALID_ARGUMENT for labels or features that do not fit the project,
// NOT_FOUND for a missing file or version of a table, DATA_LOSS for tables that are damaged,
// FAILED_PRECONDITION for states that do not fit the tables, or a set that is not as before;
// nothing is written then.
absl::StatusOr<TrainingSetSummary> BuildTrainingSet(const v1::Project& project,
                                                    const TrainingSetRequest& request);

// How many labels the set has. Errors as BuildTrainingSet's.
absl::StatusOr<int64_t> CountLabels(const v1::Project& project, TrainingSetRequest request);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_TRAINING_SET_H_
