#include "catalog/expected_catalog_for_test.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "forebay/v1/catalog.pb.h"

namespace forebay {
namespace {

std::string FeatureName(uint32_t view, const std::string& feature, bool pinned) {
  return pinned ? fmt::format("user_spend@{}.{}", view, feature)
                : fmt::format("user_spend.{}", feature);
}

std::string ViewLine(uint32_t version, const std::string& value, std::string_view state) {
  return fmt::format("view user_spend@{} {} {}", version, value, state);
}

std::string ServiceLine(uint32_t version, const std::vector<std::string>& features, bool retired) {
  return fmt::format("service fraud@{} [{}]{}", version, fmt::join(features, ", "),
                     retired ? " retired" : "");
}

std::string AliasLine(const std::string& alias, uint32_t version,
                      const std::vector<uint32_t>& before) {
  return fmt::format("alias fraud_model@{} {} before {}", alias, version, before);
}

std::string Joined(std::vector<std::string> lines) {
  std::ranges::sort(lines);
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

}  // namespace

std::string ExpectedDefinitions::Text() const {
  std::string text = views.empty() ? "" : "feature_views:\n";
  for (const auto& [version, view] : views) {
    text += fmt::format(
        "  - {{name: user_spend, version: {}, source: transactions, entity: user, enabled: {},\n"
        "     features: [{{name: spend, value: {}, windows: [1h, 1d]}}]}}\n",
        version, view.enabled, view.value);
  }
  if (service.empty()) return text;
  std::vector<std::string> names;
  for (const Feature& feature : service)
    names.push_back(FeatureName(feature.version, feature.name, feature.version != 0));
  return text + fmt::format("feature_services:\n  - {{name: fraud, features: [{}]}}\n",
                            fmt::join(names, ", "));
}

absl::Status ExpectedCatalog::Apply(const ExpectedDefinitions& definitions, bool repin) {
  const ExpectedCatalog before = *this;
  auto refuse = [&](absl::Status status) {
    *this = before;
    return status;
  };
  for (const auto& [version, view] : definitions.views) {
    if (absl::Status applied = ApplyView(version, view); !applied.ok()) return refuse(applied);
  }
  for (auto& [version, view] : views_) {
    if (definitions.views.contains(version) || view.retired) continue;
    if (before.IsServed(version))
      return refuse(absl::FailedPreconditionError("is in no definition any more, and model"));
    view.retired = true;
  }
  ApplyService(definitions, repin, before);
  shared_ = {"source/transactions", "entity/user", "entity/merchant"};
  return absl::OkStatus();
}

absl::Status ExpectedCatalog::ApplyView(uint32_t version, const ExpectedDefinitions::View& view) {
  const View wanted{view, /*retired=*/false};
  auto known = views_.find(version);
  if (known != views_.end() && known->second.definition.value != view.value)
    return absl::FailedPreconditionError("Versions are immutable");
  if (known != views_.end() && known->second != wanted && !view.enabled && IsServed(version))
    return absl::FailedPreconditionError("is disabled, and model");
  views_[version] = wanted;
  return absl::OkStatus();
}

void ExpectedCatalog::ApplyService(const ExpectedDefinitions& definitions, bool repin,
                                   const ExpectedCatalog& before) {
  if (definitions.service.empty()) {
    for (auto& [version, service] : services_) service.retired = true;
    return;
  }
  const uint32_t newest_view = definitions.views.rbegin()->first;
  const uint32_t known = services_.empty() ? 0 : services_.rbegin()->first;
  uint32_t stays_at = newest_view;  // what names no version
  if (known != 0 && !repin) {
    for (const Feature& feature : services_[known].features) {
      if (!feature.pinned && definitions.views.contains(feature.view)) stays_at = feature.view;
    }
  }
  if (known == 0 && !repin) {
    for (const auto& [version, view] : before.views_) {
      if (!view.retired && view.definition.enabled && definitions.views.contains(version))
        stays_at = version;
    }
  }
  Service wanted;
  for (const ExpectedDefinitions::Feature& feature : definitions.service) {
    const bool pinned = feature.version != 0;
    wanted.features.push_back({pinned ? feature.version : stays_at, feature.name, pinned});
  }
  const bool same = known != 0 && services_[known].features == wanted.features;
  services_[same ? known : known + 1] = wanted;
}

absl::Status ExpectedCatalog::Register(uint32_t service_version) {
  const uint32_t newest = services_.empty() ? 0 : services_.rbegin()->first;
  if (newest == 0) return absl::NotFoundError("the catalog has no feature service 'fraud'");
  if (service_version == 0 && services_[newest].retired)
    return absl::NotFoundError("feature service 'fraud' was removed");
  if (service_version > newest)
    return absl::NotFoundError(fmt::format("has no version {}", service_version));
  models_.push_back(service_version == 0 ? newest : service_version);
  return absl::OkStatus();
}

uint32_t ExpectedCatalog::VersionOf(const std::string& alias) const {
  auto found = aliases_.find(alias);
  return found == aliases_.end() ? 0 : found->second.version;
}

bool ExpectedCatalog::IsServed(uint32_t view) const {
  for (const auto& [name, alias] : aliases_) {
    for (const Feature& feature : services_.at(models_[alias.version - 1]).features) {
      if (feature.view == view) return true;
    }
  }
  return false;
}

absl::Status ExpectedCatalog::Serves(uint32_t model) const {
  for (const Feature& feature : services_.at(models_[model - 1]).features) {
    auto view = views_.find(feature.view);
    const char* lacks = view == views_.end()               ? "which is not in the catalog"
                        : view->second.retired             ? "which is retired"
                        : !view->second.definition.enabled ? "which is disabled"
                                                           : nullptr;
    if (lacks != nullptr) return absl::FailedPreconditionError(lacks);
  }
  return absl::OkStatus();
}

absl::Status ExpectedCatalog::Promote(const std::string& alias, uint32_t version,
                                      std::optional<uint32_t> expected) {
  if (expected && *expected != VersionOf(alias)) return absl::AbortedError("somebody was faster");
  if (models_.empty()) return absl::NotFoundError("there is no model 'fraud_model'");
  if (version > models_.size())
    return absl::NotFoundError(fmt::format("model fraud_model has no version {}", version));
  if (absl::Status serves = Serves(version); !serves.ok()) return serves;
  Alias& moved = aliases_[alias];
  if (moved.version == version) return absl::OkStatus();
  if (moved.version != 0) moved.before.push_back(moved.version);
  moved.version = version;
  return absl::OkStatus();
}

absl::Status ExpectedCatalog::RollBack(const std::string& alias, std::optional<uint32_t> expected) {
  if (VersionOf(alias) == 0) {
    return absl::NotFoundError(models_.empty() ? "there is no model" : "no version of model");
  }
  if (expected && *expected != VersionOf(alias)) return absl::AbortedError("somebody was faster");
  Alias& moved = aliases_[alias];
  if (moved.before.empty())
    return absl::FailedPreconditionError("has stood for nothing else before");
  if (absl::Status serves = Serves(moved.before.back()); !serves.ok()) return serves;
  moved.version = moved.before.back();
  moved.before.pop_back();
  return absl::OkStatus();
}

absl::Status ExpectedCatalog::Reset(uint32_t view) {
  auto found = views_.find(view);
  if (found != views_.end() && found->second.retired) views_.erase(found);
  return absl::OkStatus();
}

std::string ExpectedCatalog::Text() const {
  std::vector<std::string> lines(shared_.begin(), shared_.end());
  for (const auto& [version, view] : views_) {
    lines.push_back(ViewLine(version, view.definition.value,
                             view.retired              ? "RETIRED"
                             : view.definition.enabled ? "LIVE"
                                                       : "DISABLED"));
  }
  for (const auto& [version, service] : services_) {
    std::vector<std::string> features;
    for (const Feature& feature : service.features) {
      features.push_back(fmt::format(
          "{} of {}", FeatureName(feature.view, feature.feature, feature.pinned), feature.view));
    }
    lines.push_back(ServiceLine(version, features, service.retired));
  }
  for (size_t i = 0; i < models_.size(); ++i)
    lines.push_back(fmt::format("model fraud_model@{} takes fraud@{}", i + 1, models_[i]));
  for (const auto& [name, alias] : aliases_)
    lines.push_back(AliasLine(name, alias.version, alias.before));
  return Joined(std::move(lines));
}

std::string ExpectedCatalog::TextOf(const CatalogState& state) {
  std::vector<std::string> lines;
  for (const auto& [key, object] : state.objects()) {
    if (object->has_source() || object->has_entity()) {
      lines.push_back(key);
    } else if (object->has_view()) {
      const v1::ViewVersion& view = object->view();
      lines.push_back(ViewLine(view.definition().version(), view.definition().aggregates(0).sql(),
                               v1::ViewVersion::State_Name(view.state())));
    } else if (object->has_service()) {
      std::vector<std::string> features;
      for (const v1::FeatureReference& reference : object->service().definition().features())
        features.push_back(fmt::format("{} of {}", reference.name(), reference.version()));
      lines.push_back(
          ServiceLine(object->service().version(), features, object->service().retired()));
    } else if (object->has_model()) {
      lines.push_back(fmt::format("model {}@{} takes {}@{}", object->model().model(),
                                  object->model().version(), object->model().service(),
                                  object->model().service_version()));
    } else if (object->has_alias()) {
      lines.push_back(
          AliasLine(object->alias().alias(), object->alias().version(),
                    {object->alias().before().begin(), object->alias().before().end()}));
    }
  }
  return Joined(std::move(lines));
}

}  // namespace forebay
