#include "online/serving/read_plan.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "catalog/catalog_key.h"
#include "catalog/catalog_project.h"
#include "catalog/models.h"
#include "catalog/service_pins.h"
#include "fmt/format.h"
#include "forebay/v1/catalog.pb.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"

namespace forebay {

// Gathers features into a plan, one after the other.
class ReadPlanner::Builder {
 public:
  explicit Builder(const ReadPlanner& planner)
      : planner_(planner), plan_(std::make_shared<ReadPlan>()) {
    plan_->project = planner.project_;
  }

  // A feature that is there already is an error where it is asked for by its own name, and left out
  // where a wildcard brings it again.
  absl::Status Add(std::string_view text) {
    ASSIGN_OR_RETURN(std::vector<NamedFeature> named, planner_.names_.Find(text));
    for (const NamedFeature& feature : named) {
      if (!seen_.contains(feature.name)) {
        RETURN_IF_ERROR(AddFeature(feature));
      } else if (feature.name == text) {
        return absl::InvalidArgumentError(fmt::format("feature '{}' is asked for twice", text));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddFeature(const NamedFeature& feature) {
    ASSIGN_OR_RETURN(size_t slot, ViewSlot(feature.view));
    const v1::Feature& definition = view(feature.view).features(feature.feature);
    seen_.insert(feature.name);
    plan_->features.push_back({feature.name, static_cast<DataType>(definition.type()), slot,
                               static_cast<size_t>(feature.feature)});
    return absl::OkStatus();
  }

  void SetModel(ReadPlan::Model model) { plan_->model = std::move(model); }

  void SetService(const std::string& name, uint32_t version, double kept_share) {
    plan_->service = name;
    plan_->service_version = version;
    plan_->kept_share = kept_share;
  }

  std::shared_ptr<const ReadPlan> Take() && { return std::move(plan_); }

 private:
  const v1::FeatureView& view(int index) const { return planner_.project_->feature_views(index); }

  absl::StatusOr<size_t> ViewSlot(int view_index) {
    for (size_t i = 0; i < plan_->views.size(); ++i) {
      if (plan_->views[i].view == view_index) return i;
    }
    const v1::FeatureView& added = view(view_index);
    if (added.disabled()) {
      return absl::FailedPreconditionError(fmt::format(
          "feature view \"{}\" (version {}) is disabled", added.name(), added.version()));
    }
    auto entity = planner_.entities_.find(added.entity());
    if (entity == planner_.entities_.end()) {
      return absl::InternalError(
          fmt::format("feature view \"{}\" is of entity \"{}\", which the project lacks",
                      added.name(), added.entity()));
    }
    ASSIGN_OR_RETURN(size_t entity_slot, EntitySlot(*entity->second));
    const v1::Source* source = FindSource(*planner_.project_, added.source());
    plan_->views.push_back({view_index, entity_slot, added.max_age_us(), added.features_size(),
                            added.name(), added.version(),
                            source == nullptr || source->known_time() != v1::Source::EVENT_TIME});
    return plan_->views.size() - 1;
  }

  absl::StatusOr<size_t> EntitySlot(const v1::Entity& entity) {
    for (size_t i = 0; i < plan_->entities.size(); ++i) {
      if (plan_->entities[i].entity == &entity) return i;
    }
    ReadPlan::Entity added{&entity, {}, /*contiguous=*/entity.keys_size() > 0};
    for (const v1::Field& field : entity.keys()) {
      ASSIGN_OR_RETURN(size_t key, KeySlot(field, entity.name()));
      if (!added.keys.empty() && key != added.keys.back() + 1) added.contiguous = false;
      added.keys.push_back(key);
    }
    plan_->entities.push_back(std::move(added));
    return plan_->entities.size() - 1;
  }

  absl::StatusOr<size_t> KeySlot(const v1::Field& field, const std::string& entity) {
    auto type = static_cast<DataType>(field.type());
    for (size_t i = 0; i < plan_->keys.size(); ++i) {
      const ReadPlan::Key& key = plan_->keys[i];
      if (key.name != field.name()) continue;
      if (key.type == type) return i;
      return absl::InvalidArgumentError(fmt::format(
          "key {} is {} in entity \"{}\" and {} in entity \"{}\": ask for their features apart",
          key.name, DataTypeName(key.type), key.entity, DataTypeName(type), entity));
    }
    plan_->keys.push_back({field.name(), type, entity});
    return plan_->keys.size() - 1;
  }

  const ReadPlanner& planner_;
  std::shared_ptr<ReadPlan> plan_;
  absl::flat_hash_set<std::string> seen_;  // the names of plan_->features
};

namespace {

// The project with the services that the catalog has, in their newest versions.
v1::Project WithServicesOf(const v1::Project& project, const CatalogState* catalog) {
  v1::Project with = project;
  if (catalog != nullptr) TakeServices(*catalog, &with);
  return with;
}

std::vector<const v1::ServiceVersion*> VersionsOf(const CatalogState* catalog,
                                                  const std::string& service) {
  std::vector<const v1::ServiceVersion*> versions;
  if (catalog == nullptr) return versions;
  const std::string keys = fmt::format("service/{}@", service);
  const auto& objects = catalog->objects();
  for (auto it = objects.lower_bound(keys); it != objects.end() && it->first.starts_with(keys);
       ++it)
    versions.push_back(&it->second->service());
  return versions;
}

// The version that has just these features; 0: the catalog has none.
uint32_t VersionOf(const CatalogState* catalog, const v1::FeatureService& service) {
  uint32_t version = 0;
  for (const v1::ServiceVersion* known : VersionsOf(catalog, service.name())) {
    if (AnswerTheSame(known->definition(), service)) version = std::max(version, known->version());
  }
  return version;
}

// The aliases whose models are asked beside others.
std::vector<const v1::ModelAlias*> Shadows(const CatalogState* catalog) {
  std::vector<const v1::ModelAlias*> shadows;
  if (catalog == nullptr) return shadows;
  const std::string_view keys = "alias/";
  const auto& objects = catalog->objects();
  for (auto it = objects.lower_bound(keys); it != objects.end() && it->first.starts_with(keys);
       ++it) {
    if (it->second->alias().has_shadow()) shadows.push_back(&it->second->alias());
  }
  return shadows;
}

template <typename Names>
size_t HashNames(const Names& names) {
  size_t hash = names.size();
  for (const auto& name : names) {
    hash = hash * 0x9E3779B97F4A7C15u + std::hash<std::string_view>()(name);
  }
  return hash;
}

}  // namespace

size_t ReadPlanner::TextHash::operator()(const std::vector<std::string>& names) const {
  return HashNames(names);
}

size_t ReadPlanner::TextHash::operator()(absl::Span<const std::string_view> names) const {
  return HashNames(names);
}

ReadPlanner::ReadPlanner(const v1::Project& project, std::shared_ptr<const CatalogState> catalog)
    : project_(std::make_shared<v1::Project>(WithServicesOf(project, catalog.get()))),
      catalog_(std::move(catalog)),
      names_(*project_) {
  for (const v1::Entity& entity : project_->entities()) {
    entities_.try_emplace(entity.name(), &entity);
  }
  for (const v1::ModelAlias* shadow : Shadows(catalog_.get()))
    shadowed_.insert(AliasKey(shadow->model(), shadow->shadow().of()));
  for (const v1::FeatureService& service : project_->feature_services()) {
    services_.try_emplace(service.name(),
                          BuildService(service, VersionOf(catalog_.get(), service)));
  }
}

ReadPlanner::~ReadPlanner() = default;

ReadPlanner::Plan ReadPlanner::PlanService(std::string_view name) const {
  if (auto found = services_.find(name); found != services_.end()) return found->second;
  if (catalog_ != nullptr && name.find('@') != std::string_view::npos) {
    ASSIGN_OR_RETURN(const v1::ServiceVersion* service, FindService(*catalog_, name));
    return BuildNamed(ServiceKey(service->definition().name(), service->version()));
  }
  return ResolveService(*project_, name).status();
}

ReadPlanner::Plan ReadPlanner::PlanModel(std::string_view text) const {
  ASSIGN_OR_RETURN(const ModelReference reference, ModelReference::Parse(text));
  if (catalog_ == nullptr) return absl::NotFoundError("there is no catalog, and so no model");
  ASSIGN_OR_RETURN(const v1::ModelVersion* model, FindModel(*catalog_, reference));
  if (!shadowed_.empty() && !reference.alias.empty()) {
    const std::string key = AliasKey(reference.model, reference.alias);
    if (shadowed_.contains(key)) return BuildNamed(key);
  }
  return BuildNamed(ModelKey(model->model(), model->version()));
}

// `key`: of a version of a service or of a model, in the catalog, or of an alias that has shadows.
// So there is one plan of each, however it was asked for.
ReadPlanner::Plan ReadPlanner::BuildNamed(std::string_view key) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (auto found = named_.find(key); found != named_.end()) return found->second;
  }
  Plan plan = BuildObject(*catalog_->Find(key));
  if (!plan.ok()) return plan;
  absl::MutexLock lock(&mutex_);
  if (named_.size() >= kMostCachedLists) named_.clear();
  named_.try_emplace(std::string(key), *plan);
  return plan;
}

ReadPlanner::Plan ReadPlanner::BuildObject(const v1::CatalogObject& object) const {
  if (object.has_model()) return BuildModel(object.model());
  if (object.has_alias()) return BuildAlias(object.alias());
  return BuildService(object.service().definition(), object.service().version());
}

ReadPlanner::Plan ReadPlanner::BuildAlias(const v1::ModelAlias& alias) const {
  auto named = [&](uint32_t version) { return BuildNamed(ModelKey(alias.model(), version)); };
  ASSIGN_OR_RETURN(const std::shared_ptr<const ReadPlan> answered, named(alias.version()));
  auto plan = std::make_shared<ReadPlan>(*answered);
  for (const v1::ModelAlias* shadow : Shadows(catalog_.get())) {
    if (shadow->model() != alias.model() || shadow->shadow().of() != alias.alias()) continue;
    if (shadow->version() == alias.version()) continue;  // it would answer the same
    plan->shadows.push_back({named(shadow->version()), shadow->shadow().sample()});
    plan->kept_share = std::max(plan->kept_share, shadow->shadow().sample());
  }
  return plan;
}

ReadPlanner::Plan ReadPlanner::BuildModel(const v1::ModelVersion& model) const {
  ASSIGN_OR_RETURN(const v1::ServiceVersion* service, ServiceOf(*catalog_, model));
  return BuildService(service->definition(), service->version(),
                      ReadPlan::Model{.name = model.model(),
                                      .version = model.version(),
                                      .artifact = model.artifact().uri(),
                                      .catalog_version = catalog_->version()});
}

ReadPlanner::Plan ReadPlanner::PlanFeatures(absl::Span<const std::string_view> names) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (auto found = lists_.find(names); found != lists_.end()) return found->second;
  }
  Plan plan = Build(names);
  if (!plan.ok() || names.size() > kMostCachedNames) return plan;
  absl::MutexLock lock(&mutex_);
  // The lists come from outside: whoever asks for ever new ones pays for it, and nobody else does.
  if (lists_.size() >= kMostCachedLists) lists_.clear();
  lists_.try_emplace(std::vector<std::string>(names.begin(), names.end()), *plan);
  return plan;
}

ReadPlanner::Plan ReadPlanner::Build(absl::Span<const std::string_view> names) const {
  if (names.empty()) return absl::InvalidArgumentError("no feature is asked for");
  if (names.size() > kMostNames) {
    return absl::InvalidArgumentError(
        fmt::format("{} features are asked for in one request; at most {} are allowed",
                    names.size(), kMostNames));
  }
  Builder builder(*this);
  for (std::string_view name : names) RETURN_IF_ERROR(builder.Add(name));
  return std::move(builder).Take();
}

// Whether the project has all views of the service.
absl::Status ReadPlanner::CheckViews(const v1::FeatureService& service) const {
  for (const v1::FeatureReference& reference : service.features()) {
    if (names_.FindView({.view = reference.view(), .version = reference.version()}).ok()) continue;
    const ViewId id{reference.view(), reference.version()};
    const v1::CatalogObject* view = catalog_ == nullptr ? nullptr : catalog_->Find(ViewKey(id));
    if (view == nullptr || view->view().state() == v1::ViewVersion::RETIRED) {
      return absl::FailedPreconditionError(fmt::format(
          "feature service '{}' takes {}, which was removed", service.name(), id.ToString()));
    }
    return absl::UnavailableError(
        fmt::format("feature service '{}' takes {}, which this worker does not have yet: it takes "
                    "new views when it starts",
                    service.name(), id.ToString()));
  }
  return absl::OkStatus();
}

// What the newest version of a service says holds for all.
double ReadPlanner::KeptShare(const std::string& service) const {
  const v1::ServiceVersion* newest = nullptr;
  for (const v1::ServiceVersion* version : VersionsOf(catalog_.get(), service)) {
    if (newest == nullptr || newest->version() < version->version()) newest = version;
  }
  return newest == nullptr ? 0 : newest->definition().log().sample();
}

ReadPlanner::Plan ReadPlanner::BuildService(const v1::FeatureService& service, uint32_t version,
                                            std::optional<ReadPlan::Model> model) const {
  Builder builder(*this);
  RETURN_IF_ERROR(CheckViews(service));
  ASSIGN_OR_RETURN(std::vector<NamedFeature> features, names_.Find(service));
  for (const NamedFeature& feature : features) RETURN_IF_ERROR(builder.AddFeature(feature));
  if (model) builder.SetModel(*std::move(model));
  builder.SetService(service.name(), version, version == 0 ? 0 : KeptShare(service.name()));
  return std::move(builder).Take();
}

}  // namespace forebay
