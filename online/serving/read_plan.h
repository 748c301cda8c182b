// What a feature service or a list of feature names comes down to: which views to look up, by which
// entity keys, and which of their values to answer.
//
//   ReadPlanner planner(project);
//   ASSIGN_OR_RETURN(std::shared_ptr<const ReadPlan> plan, planner.PlanService("fraud"));
//
// Services and models are those of a catalog, where there is one: what a plan has is all of one
// version of it.
#ifndef FOREBAY_ONLINE_SERVING_READ_PLAN_H_
#define FOREBAY_ONLINE_SERVING_READ_PLAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "catalog/catalog_state.h"
#include "schemas/definition/feature_names.h"
#include "schemas/types/data_type.h"

namespace forebay {

namespace v1 {
class Entity;
class FeatureService;
class FeatureView;
class CatalogObject;
class ModelAlias;
class ModelVersion;
class Project;
}  // namespace v1

// Immutable and shared between requests.
struct ReadPlan {
  struct Key {  // a key column that every entity of a request must have
    std::string name;
    DataType type;
    std::string entity;  // the first entity that needs it, for messages
  };
  struct Entity {
    const v1::Entity* entity;
    std::vector<size_t> keys;  // indexes into ReadPlan::keys, in the entity's order
    bool contiguous = false;   // those are consecutive
  };
  struct View {
    int view;       // index into Project.feature_views
    size_t entity;  // index into ReadPlan::entities
    int64_t max_age_us;
    int feature_count;  // of the whole view
    std::string name;
    uint32_t version;
    bool of_wall_clock;  // its own now is the wall clock, and not the partition clock
  };
  struct Feature {
    std::string name;  // as asked for
    DataType type;
    size_t view;   // index into ReadPlan::views
    size_t value;  // index into the view's values
  };

  struct Model {
    std::string name;
    uint32_t version = 0;
    std::string artifact;  // its URI
    int64_t catalog_version = 0;
  };

  // A model version that is asked beside the one of the plan, and never answered.
  struct Shadow {
    absl::StatusOr<std::shared_ptr<const ReadPlan>> plan;  // its error: of each such question
    double sample = 0;                                     // of which share of requests
  };

  std::shared_ptr<const v1::Project> project;  // into which it points
  std::vector<Feature> features;               // in the order asked for
  std::optional<Model> model;                  // that they were asked for by
  std::vector<View> views;
  std::vector<Entity> entities;
  std::vector<Key> keys;

  std::string service;           // that the features are of; empty: of a list
  uint32_t service_version = 0;  // 0: the catalog does not have it
  std::vector<Shadow> shadows;
  double kept_share = 0;  // of requests, of which the answers are kept; shadows' included
};

// Thread-safe. Plans of services are made at once; those of their earlier versions, of models and
// of feature lists when first asked for, and kept, within bounds.
class ReadPlanner {
 public:
  static constexpr size_t kMostCachedLists = 256;
  static constexpr size_t kMostNames = 10'000;      // of one list
  static constexpr size_t kMostCachedNames = 1000;  // longer lists are not kept

  // `catalog`: null, where there is none: then services are those of the project.
  explicit ReadPlanner(const v1::Project& project,
                       std::shared_ptr<const CatalogState> catalog = nullptr);
  ~ReadPlanner();

  const std::shared_ptr<const CatalogState>& catalog() const { return catalog_; }

  // "fraud" or "fraud@3". NOT_FOUND for an unknown name, with the nearest one. INVALID_ARGUMENT
  // where the views asked for need one key column as two types. FAILED_PRECONDITION: a view is
  // disabled, or was removed. UNAVAILABLE: the project does not have a view of the catalog yet.
  absl::StatusOr<std::shared_ptr<const ReadPlan>> PlanService(std::string_view name) const;

  // "fraud@champion" or "fraud@7". Errors likewise.
  absl::StatusOr<std::shared_ptr<const ReadPlan>> PlanModel(std::string_view reference) const;

  // Names of schemas/definition/feature_names.h. NOT_FOUND as above; INVALID_ARGUMENT for a name of
  // another form, one that is there twice, an empty or too long list.
  absl::StatusOr<std::shared_ptr<const ReadPlan>> PlanFeatures(
      absl::Span<const std::string_view> names) const;

 private:
  using Plan = absl::StatusOr<std::shared_ptr<const ReadPlan>>;
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    size_t operator()(const std::vector<std::string>& names) const;
    size_t operator()(absl::Span<const std::string_view> names) const;
  };
  struct TextEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return std::equal(a.begin(), a.end(), b.begin(), b.end());
    }
  };
  class Builder;

  Plan Build(absl::Span<const std::string_view> names) const;
  Plan BuildService(const v1::FeatureService& service, uint32_t version,
                    std::optional<ReadPlan::Model> model = std::nullopt) const;
  Plan BuildModel(const v1::ModelVersion& model) const;
  // With its shadows.
  Plan BuildAlias(const v1::ModelAlias& alias) const;
  Plan BuildObject(const v1::CatalogObject& object) const;
  double KeptShare(const std::string& service) const;
  absl::Status CheckViews(const v1::FeatureService& service) const;

  Plan BuildNamed(std::string_view name) const;

  const std::shared_ptr<const v1::Project> project_;
  const std::shared_ptr<const CatalogState> catalog_;
  FeatureNames names_;
  absl::flat_hash_map<std::string, const v1::Entity*, TextHash, TextEqual> entities_;
  absl::flat_hash_map<std::string, Plan, TextHash, TextEqual> services_;

  absl::flat_hash_set<std::string> shadowed_;  // keys of aliases that have shadows

  mutable absl::Mutex mutex_;
  mutable absl::flat_hash_map<std::vector<std::string>, std::shared_ptr<const ReadPlan>, TextHash,
                              TextEqual>
      lists_ ABSL_GUARDED_BY(mutex_);
  mutable absl::flat_hash_map<std::string, std::shared_ptr<const ReadPlan>, TextHash, TextEqual>
      named_ ABSL_GUARDED_BY(mutex_);  // of models, and of services by version
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_SERVING_READ_PLAN_H_
