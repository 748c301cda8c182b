#include "online/serving/read_plan.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// "; did you mean \"user_spend\"?" or, if nothing is near, "; there are: a, b, c".
std::string SuggestName(std::string_view name, const std::vector<std::string>& names) {
  constexpr std::ptrdiff_t kMostListed = 10;
  if (names.empty()) return "; there are none";
  if (std::string nearest = NearestName(name, names); !nearest.empty()) {
    return fmt::format("; did you mean \"{}\"?", nearest);
  }
  auto listed = std::min(kMostListed, std::ssize(names));
  return fmt::format("; there are: {}{}", fmt::join(names.begin(), names.begin() + listed, ", "),
                     listed < std::ssize(names) ? ", ..." : "");
}

}  // namespace

// Gathers features into a plan, one after the other.
class ReadPlanner::Builder {
 public:
  explicit Builder(const ReadPlanner& planner)
      : planner_(planner), plan_(std::make_shared<ReadPlan>()) {}

  absl::Status Add(std::string_view reference) {
    size_t dot = reference.find('.');
    if (dot == std::string_view::npos || dot == 0 || dot + 1 == reference.size()) {
      return absl::InvalidArgumentError(
          fmt::format("\"{}\" is no feature: expected \"view.feature\" or \"view.*\"", reference));
    }
    std::string_view view_name = reference.substr(0, dot);
    std::string_view feature_name = reference.substr(dot + 1);
    auto found = planner_.views_.find(view_name);
    if (found == planner_.views_.end()) {
      std::vector<std::string> names;
      for (const auto& [known, index] : planner_.views_) names.push_back(known);
      std::sort(names.begin(), names.end());
      return absl::NotFoundError(
          fmt::format("no feature view \"{}\"{}", view_name, SuggestName(view_name, names)));
    }
    if (feature_name == "*") return AddAll(found->second);
    return AddOne(found->second, feature_name);
  }

  std::shared_ptr<const ReadPlan> Take() && { return std::move(plan_); }

 private:
  const v1::FeatureView& view(int index) const { return planner_.project_->feature_views(index); }

  absl::Status AddAll(int view_index) {
    for (int i = 0; i < view(view_index).features_size(); ++i) {
      if (!Has(view_index, i)) RETURN_IF_ERROR(AddFeature(view_index, i));
    }
    return absl::OkStatus();
  }

  absl::Status AddOne(int view_index, std::string_view name) {
    const v1::FeatureView& owner = view(view_index);
    for (int i = 0; i < owner.features_size(); ++i) {
      if (owner.features(i).name() != name) continue;
      if (Has(view_index, i)) {
        return absl::InvalidArgumentError(
            fmt::format("feature \"{}.{}\" is asked for twice", owner.name(), name));
      }
      return AddFeature(view_index, i);
    }
    std::vector<std::string> names;
    for (const v1::Feature& feature : owner.features()) names.push_back(feature.name());
    return absl::NotFoundError(fmt::format("feature view \"{}\" has no feature \"{}\"{}",
                                           owner.name(), name, SuggestName(name, names)));
  }

  bool Has(int view_index, int feature) const {
    return std::any_of(
        plan_->features.begin(), plan_->features.end(), [&](const ReadPlan::Feature& other) {
          return plan_->views[other.view].view == view_index && other.value == size_t(feature);
        });
  }

  absl::Status AddFeature(int view_index, int feature) {
    ASSIGN_OR_RETURN(size_t slot, ViewSlot(view_index));
    const v1::Feature& definition = view(view_index).features(feature);
    plan_->features.push_back({fmt::format("{}.{}", view(view_index).name(), definition.name()),
                               static_cast<DataType>(definition.type()), slot,
                               static_cast<size_t>(feature)});
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> ViewSlot(int view_index) {
    for (size_t i = 0; i < plan_->views.size(); ++i) {
      if (plan_->views[i].view == view_index) return i;
    }
    const v1::FeatureView& added = view(view_index);
    auto entity = planner_.entities_.find(added.entity());
    if (entity == planner_.entities_.end()) {
      return absl::InternalError(
          fmt::format("feature view \"{}\" is of entity \"{}\", which the project lacks",
                      added.name(), added.entity()));
    }
    ASSIGN_OR_RETURN(size_t entity_slot, EntitySlot(*entity->second));
    plan_->views.push_back(
        {view_index, entity_slot, added.max_age_us(), added.features_size(), added.name()});
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
};

namespace {

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

ReadPlanner::ReadPlanner(const v1::Project& project)
    : project_(std::make_unique<v1::Project>(project)) {
  for (int i = 0; i < project_->feature_views_size(); ++i) {
    const v1::FeatureView& view = project_->feature_views(i);
    auto [known, added] = views_.try_emplace(view.name(), i);
    if (!added && project_->feature_views(known->second).version() < view.version()) {
      known->second = i;
    }
  }
  for (const v1::Entity& entity : project_->entities()) {
    entities_.try_emplace(entity.name(), &entity);
  }
  for (const v1::FeatureService& service : project_->feature_services()) {
    std::vector<std::string> names;
    for (const v1::FeatureReference& feature : service.features()) {
      names.push_back(fmt::format("{}.{}", feature.view(), feature.feature()));
    }
    services_.try_emplace(service.name(),
                          Build(std::vector<std::string_view>(names.begin(), names.end())));
  }
}

ReadPlanner::~ReadPlanner() = default;

ReadPlanner::Plan ReadPlanner::PlanService(std::string_view name) const {
  if (auto found = services_.find(name); found != services_.end()) return found->second;
  std::vector<std::string> names;
  for (const v1::FeatureService& service : project_->feature_services()) {
    names.push_back(service.name());
  }
  return absl::NotFoundError(
      fmt::format("no feature service \"{}\"{}", name, SuggestName(name, names)));
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

}  // namespace forebay
