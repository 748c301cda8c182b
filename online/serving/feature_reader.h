// The read path: features of entities, by name, each with a status and its times.
//
//   FeatureReader reader(project, lookup);
//   ReadRequest request{.feature_service = "fraud"};
//   request.entities.push_back({{"user_id", Value("u1")}});
//   ASSIGN_OR_RETURN(ReadResult result, reader.Read(request));
//   FeatureCell cell = result.At(/*feature=*/0, /*entity=*/0);
#ifndef FOREBAY_ONLINE_SERVING_FEATURE_READER_H_
#define FOREBAY_ONLINE_SERVING_FEATURE_READER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "engine/worker/lookup.h"
#include "online/serving/read_plan.h"
#include "schemas/types/strong_int.h"
#include "schemas/types/value.h"

namespace forebay {

// Numbers equal those of forebay.v1.FeatureStatus.
enum class FeatureStatus : uint8_t {
  kPresent = 1,
  kNotFound = 2,       // no live key: the value is the feature's default
  kNullValue = 3,      // the key lives, and the value is null
  kOutsideMaxAge = 4,  // at - event time of the key is above the view's max_age: null (S11)
};

// "PRESENT", "NOT_FOUND", "NULL_VALUE", "OUTSIDE_MAX_AGE".
std::string_view FeatureStatusName(FeatureStatus status);

// The key columns of one entity, in any order. A timestamp is an int64 (microseconds) or a string
// (RFC 3339). The names must outlive the call that they are passed to.
using EntityKeys = absl::InlinedVector<std::pair<std::string_view, Value>, 2>;

struct ReadRequest {
  // What to read: one of the three. Features: schemas/definition/feature_names.h.
  std::string_view feature_service;
  std::string_view model;  // "fraud@champion"
  std::vector<std::string_view> features;
  std::vector<EntityKeys> entities;
  std::optional<KnownTime> at;  // absent: each view's own now (engine/worker/lookup.h)
  std::string_view request_id;  // "": one is made where the answer is kept
  // Not null: once true, the read ends, UNAVAILABLE.
  const std::atomic<bool>* stopping = nullptr;
};

// One answer. `value` points into its ReadResult.
struct FeatureCell {
  const Value* value;
  FeatureStatus status;
  std::optional<EffectiveTime> effective_time;  // absent: kNotFound
  std::optional<EventTime> event_time;          // likewise
};

// Every feature asked for, of every entity asked for.
class ReadResult {
 public:
  ReadResult(std::shared_ptr<const ReadPlan> plan, std::vector<ViewRow> rows);

  // In the order asked for.
  absl::Span<const ReadPlan::Feature> features() const { return plan_->features; }
  // That they were asked for by.
  const std::optional<ReadPlan::Model>& model() const { return plan_->model; }
  size_t entity_count() const { return rows_.size() / plan_->views.size(); }
  const ReadPlan& plan() const { return *plan_; }
  // What the request is called where the answer is kept; "": it is not.
  const std::string& request_id() const { return request_id_; }

  FeatureCell At(size_t feature, size_t entity) const;

 private:
  friend class FeatureReader;

  std::shared_ptr<const ReadPlan> plan_;
  std::vector<ViewRow> rows_;  // of entity 0: one per view of the plan; of entity 1; ...
  std::string request_id_;
};

struct ServedAnswer;

// Takes an answer that is to be kept, before it is given. Any thread; must not wait.
using KeepAnswer = std::function<void(ServedAnswer answer)>;

// Thread-safe; one serves all doors.
class FeatureReader {
 public:
  // Doors refuse requests above these while they read them.
  static constexpr size_t kMostEntities = 10'000;
  static constexpr size_t kMostKeys = 100;          // key columns of one entity
  static constexpr size_t kMostCells = 1'000'000;   // entities times features
  static constexpr size_t kLongestRequestId = 256;  // bytes

  // Keeps copies of `project`. `catalog`: as ReadPlanner's. `keep`: null: no answer is kept.
  FeatureReader(const v1::Project& project, LookupFunction lookup,
                std::shared_ptr<const CatalogState> catalog = nullptr, KeepAnswer keep = nullptr);

  ~FeatureReader();

  // Reads that begin from now on are of this version of the catalog; each is all of one.
  void SetCatalog(std::shared_ptr<const CatalogState> catalog);
  // Likewise of these definitions, all of them at once.
  void SetProject(const v1::Project& project, LookupFunction lookup,
                  std::shared_ptr<const CatalogState> catalog);
  // That reads which begin now are of; null: there is none.
  std::shared_ptr<const CatalogState> catalog() const;

  // NOT_FOUND: a service, view or feature that the project lacks; names the nearest.
  // INVALID_ARGUMENT: key columns that are missing, unknown, twice there, null or of another type;
  // too many entities; a time outside the years 1 to 9999. Errors of the lookup (UNAVAILABLE ...)
  // fail the whole request.
  absl::StatusOr<ReadResult> Read(const ReadRequest& request) const;

  // What `shadow`, one of those of the answer's plan, would have answered. Views that both take are
  // not looked up again; others are now, as of the answer's time. Errors of the shadow's plan and
  // of the lookup; INVALID_ARGUMENT: it needs a key that the request did not have.
  static absl::StatusOr<ReadResult> ReadShadow(const ServedAnswer& answer,
                                               const ReadPlan::Shadow& shadow);

 private:
  // What a read works with.
  struct Snapshot {
    std::shared_ptr<const v1::Project> project;
    LookupFunction lookup;  // of its views
    ReadPlanner planner;
  };
  static std::shared_ptr<const Snapshot> MakeSnapshot(std::shared_ptr<const v1::Project> project,
                                                      LookupFunction lookup,
                                                      std::shared_ptr<const CatalogState> catalog);
  static absl::StatusOr<std::shared_ptr<const ReadPlan>> Resolve(const Snapshot& snapshot,
                                                                 const ReadRequest& request);
  std::shared_ptr<const Snapshot> snapshot() const;

  static absl::Status CheckBounds(const ReadRequest& request, const ReadPlan& plan);

  const KeepAnswer keep_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_SERVING_FEATURE_READER_H_
