#include "catalog/shadow.h"

#include <fmt/format.h>

#include <set>

#include "catalog/catalog_key.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// The alias, with what it stands for.
absl::StatusOr<const v1::ModelAlias*> RequireAlias(const CatalogState& now,
                                                   const ModelReference& alias) {
  if (alias.alias.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is a version: name an alias that stands for it, as in {}@challenger; "
                    "`forebay model promote` makes one",
                    alias.ToString(), alias.model));
  }
  RETURN_IF_ERROR(FindModel(now, alias).status());
  return FindAlias(now, alias);
}

// Columns that a request for the model has.
absl::StatusOr<std::set<std::string>> KeysOf(const CatalogState& now,
                                             const v1::ModelVersion& model) {
  ASSIGN_OR_RETURN(const v1::ServiceVersion* service, ServiceOf(now, model));
  std::set<std::string> keys;
  for (const v1::FeatureReference& reference : service->definition().features()) {
    const v1::CatalogObject* view = now.Find(ViewKey({reference.view(), reference.version()}));
    if (view == nullptr) continue;
    const v1::CatalogObject* entity = now.Find(EntityKey(view->view().definition().entity()));
    if (entity == nullptr) continue;
    for (const v1::Field& key : entity->entity().keys()) keys.insert(key.name());
  }
  return keys;
}

absl::Status CheckKeys(const CatalogState& now, const ModelReference& alias,
                       const ModelReference& of) {
  ASSIGN_OR_RETURN(const v1::ModelVersion* shadow, FindModel(now, alias));
  ASSIGN_OR_RETURN(const v1::ModelVersion* answered, FindModel(now, of));
  ASSIGN_OR_RETURN(const std::set<std::string> needed, KeysOf(now, *shadow));
  ASSIGN_OR_RETURN(const std::set<std::string> there, KeysOf(now, *answered));
  for (const std::string& key : needed) {
    if (there.contains(key)) continue;
    return absl::FailedPreconditionError(
        fmt::format("{} needs the key {}, which requests for {} do not have", alias.ToString(), key,
                    of.ToString()));
  }
  return absl::OkStatus();
}

CatalogLog::Changes ChangeTo(const v1::ModelAlias& alias) {
  v1::CatalogChange change;
  *change.mutable_object()->mutable_alias() = alias;
  change.set_key(KeyOf(change.object()));
  return {std::move(change)};
}

}  // namespace

absl::StatusOr<CatalogLog::Changes> ShadowModel(const CatalogState& now,
                                                const ModelReference& alias, const std::string& of,
                                                double sample) {
  if (!(sample > 0 && sample <= 1)) {
    return absl::InvalidArgumentError(
        fmt::format("the share of requests must be above 0 and at most 1, and not {}", sample));
  }
  const ModelReference answered{.model = alias.model, .alias = of};
  if (alias.alias == of) {
    return absl::InvalidArgumentError(
        fmt::format("{} cannot be its own shadow: name another alias", alias.ToString()));
  }
  ASSIGN_OR_RETURN(const v1::ModelAlias* known, RequireAlias(now, alias));
  RETURN_IF_ERROR(RequireAlias(now, answered).status());
  ASSIGN_OR_RETURN(const v1::ModelVersion* model, FindModel(now, alias));
  RETURN_IF_ERROR(CheckLive(now, *model));
  RETURN_IF_ERROR(CheckKeys(now, alias, answered));
  v1::ModelAlias changed = *known;
  changed.mutable_shadow()->set_of(of);
  changed.mutable_shadow()->set_sample(sample);
  if (changed.SerializeAsString() == known->SerializeAsString()) return CatalogLog::Changes();
  return ChangeTo(changed);
}

absl::StatusOr<CatalogLog::Changes> EndShadow(const CatalogState& now,
                                              const ModelReference& alias) {
  ASSIGN_OR_RETURN(const v1::ModelAlias* known, RequireAlias(now, alias));
  if (!known->has_shadow()) {
    return absl::FailedPreconditionError(
        fmt::format("{} is no shadow of another alias", alias.ToString()));
  }
  v1::ModelAlias changed = *known;
  changed.clear_shadow();
  return ChangeTo(changed);
}

}  // namespace forebay
