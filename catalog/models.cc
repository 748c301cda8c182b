#include "catalog/models.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "catalog/catalog_key.h"
#include "catalog/dependents.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// 0: it is none, as it would be written.
uint32_t NumberOf(std::string_view text) {
  if (text.starts_with('0')) return 0;
  uint32_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

uint32_t NewestModel(const CatalogState& state, std::string_view model) {
  uint32_t newest = 0;
  for (const auto& [key, object] : state.objects()) {
    if (object->has_model() && object->model().model() == model)
      newest = std::max(newest, object->model().version());
  }
  return newest;
}

// Of objects of one kind, their names, each once.
template <typename NameOf>
std::vector<std::string> NamesOf(const CatalogState& state, NameOf name_of) {
  std::set<std::string> names;
  for (const auto& [key, object] : state.objects()) {
    if (std::string name = name_of(*object); !name.empty()) names.insert(std::move(name));
  }
  return {names.begin(), names.end()};
}

absl::Status NoModel(const CatalogState& state, const ModelReference& reference) {
  const uint32_t newest = NewestModel(state, reference.model);
  if (newest == 0) {
    const auto names = NamesOf(state, [](const v1::CatalogObject& object) {
      return object.has_model() ? object.model().model() : std::string();
    });
    return absl::NotFoundError(fmt::format("there is no model '{}'{}", reference.model,
                                           DidYouMean(reference.model, names)));
  }
  if (reference.version > 0) {
    return absl::NotFoundError(fmt::format("model {} has no version {}: its newest is {}",
                                           reference.model, reference.version, newest));
  }
  const auto names = NamesOf(state, [&](const v1::CatalogObject& object) {
    return object.has_alias() && object.alias().model() == reference.model ? object.alias().alias()
                                                                           : std::string();
  });
  return absl::NotFoundError(fmt::format("no version of model {} is called '{}'{}", reference.model,
                                         reference.alias, DidYouMean(reference.alias, names)));
}

v1::CatalogChange ChangeOf(v1::CatalogObject object) {
  v1::CatalogChange change;
  change.set_key(KeyOf(object));
  *change.mutable_object() = std::move(object);
  return change;
}

bool HasLiveVersion(const CatalogState& now, const std::string& view) {
  return std::ranges::any_of(now.objects(), [&](const auto& entry) {
    const v1::CatalogObject& object = *entry.second;
    return object.has_view() && object.view().definition().name() == view &&
           object.view().state() == v1::ViewVersion::LIVE;
  });
}

std::string StandsFor(const ModelReference& alias, uint32_t version) {
  return version == 0 ? fmt::format("{} stands for nothing", alias.ToString())
                      : fmt::format("{} stands for version {}", alias.ToString(), version);
}

absl::Status CheckExpected(const ModelReference& alias, uint32_t current,
                           std::optional<uint32_t> expected) {
  if (!expected || *expected == current) return absl::OkStatus();
  return absl::AbortedError(
      fmt::format("somebody was faster: {} by now, and not for {}: look at it, and repeat",
                  StandsFor(alias, current), *expected));
}

absl::Status CheckAlias(const ModelReference& alias) {
  if (!alias.alias.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("'{}' is a version: name what is to stand for it, as in {}@champion",
                  alias.ToString(), alias.model));
}

template <typename Map, typename Text>
void DiffMaps(std::string_view what, const Map& before, const Map& after, Text text,
              std::vector<ModelDifference>* found) {
  std::set<std::string> names;
  for (const auto& [name, value] : before) names.insert(name);
  for (const auto& [name, value] : after) names.insert(name);
  for (const std::string& name : names) {
    auto was = before.find(name), is = after.find(name);
    ModelDifference one{.what = fmt::format("{} {}", what, name),
                        .before = was == before.end() ? "" : text(was->second),
                        .after = is == after.end() ? "" : text(is->second)};
    if (one.before != one.after || (was == before.end()) != (is == after.end()))
      found->push_back(std::move(one));
  }
}

std::map<std::string, std::string> FeaturesOf(const CatalogState& state,
                                              const v1::ModelVersion& model) {
  std::map<std::string, std::string> features;
  absl::StatusOr<const v1::ServiceVersion*> service = ServiceOf(state, model);
  if (!service.ok()) return features;
  for (const v1::FeatureReference& reference : (*service)->definition().features()) {
    features[reference.name()] = fmt::format(
        "{}.{}", ViewId{reference.view(), reference.version()}.ToString(), reference.feature());
  }
  return features;
}

}  // namespace

absl::StatusOr<ModelReference> ModelReference::Parse(std::string_view text) {
  const size_t at = text.find('@');
  if (at != std::string_view::npos && IsCatalogName(text.substr(0, at))) {
    ModelReference reference{.model = std::string(text.substr(0, at))};
    const std::string_view rest = text.substr(at + 1);
    reference.version = NumberOf(rest);
    if (reference.version > 0) return reference;
    reference.alias = rest;
    if (IsCatalogName(rest)) return reference;
  }
  return absl::InvalidArgumentError(fmt::format(
      "'{}' names no model: write a name and a version or alias, as in fraud@7 or fraud@champion; "
      "names are lower-case letters, digits, _ - and ., from a letter",
      text.substr(0, 2 * kLongestCatalogName)));
}

std::string ModelReference::ToString() const {
  return version > 0 ? fmt::format("{}@{}", model, version) : fmt::format("{}@{}", model, alias);
}

const v1::ModelAlias* FindAlias(const CatalogState& state, const ModelReference& reference) {
  const v1::CatalogObject* object = state.Find(AliasKey(reference.model, reference.alias));
  return object == nullptr ? nullptr : &object->alias();
}

absl::StatusOr<const v1::ModelVersion*> FindModel(const CatalogState& state,
                                                  const ModelReference& reference) {
  uint32_t version = reference.version;
  if (version == 0) {
    const v1::ModelAlias* alias = FindAlias(state, reference);
    if (alias == nullptr) return NoModel(state, reference);
    version = alias->version();
  }
  const v1::CatalogObject* object = state.Find(ModelKey(reference.model, version));
  if (object == nullptr) return NoModel(state, reference);
  return &object->model();
}

absl::StatusOr<const v1::ServiceVersion*> ServiceOf(const CatalogState& state,
                                                    const v1::ModelVersion& model) {
  const v1::CatalogObject* object =
      state.Find(ServiceKey(model.service(), model.service_version()));
  if (object != nullptr) return &object->service();
  return absl::InternalError(fmt::format("model {}@{} takes service {}@{}, which the catalog lacks",
                                         model.model(), model.version(), model.service(),
                                         model.service_version()));
}

absl::Status CheckLive(const CatalogState& now, const v1::ModelVersion& model) {
  ASSIGN_OR_RETURN(const v1::ServiceVersion* service, ServiceOf(now, model));
  for (const v1::FeatureReference& reference : service->definition().features()) {
    const ViewId id{reference.view(), reference.version()};
    const v1::CatalogObject* view = now.Find(ViewKey(id));
    if (view != nullptr && view->view().state() == v1::ViewVersion::LIVE) continue;
    const bool building = view != nullptr && view->view().state() == v1::ViewVersion::BUILDING;
    if (building && !HasLiveVersion(now, id.name)) continue;  // no worker has run it yet
    if (building) {
      return absl::FailedPreconditionError(
          fmt::format("model {}@{} takes {}, which is being brought up: promote it when that is "
                      "live, which `forebay catalog status` says",
                      model.model(), model.version(), id.ToString()));
    }
    return absl::FailedPreconditionError(fmt::format(
        "model {}@{} takes {}, which is {}: it could not be served", model.model(), model.version(),
        id.ToString(),
        view == nullptr
            ? "not in the catalog"
            : absl::AsciiStrToLower(v1::ViewVersion::State_Name(view->view().state()))));
  }
  return absl::OkStatus();
}

absl::StatusOr<const v1::ServiceVersion*> FindService(const CatalogState& state,
                                                      std::string_view text) {
  const size_t at = text.find('@');
  const std::string_view name = text.substr(0, at);
  const uint32_t version = at == std::string_view::npos ? 0 : NumberOf(text.substr(at + 1));
  if (version > 0) {
    if (const v1::CatalogObject* object = state.Find(ServiceKey(name, version)))
      return &object->service();
  }
  const v1::ServiceVersion* newest = nullptr;
  for (const auto& [key, object] : state.objects()) {
    if (!object->has_service() || object->service().definition().name() != name) continue;
    if (newest == nullptr || newest->version() < object->service().version())
      newest = &object->service();
  }
  if (newest == nullptr) {
    const auto names = NamesOf(state, [](const v1::CatalogObject& object) {
      return object.has_service() ? object.service().definition().name() : std::string();
    });
    return absl::NotFoundError(fmt::format(
        "the catalog has no feature service '{}'{}: `forebay apply` puts services there", name,
        DidYouMean(std::string(name), names)));
  }
  if (at == std::string_view::npos && !newest->retired()) return newest;
  if (at == std::string_view::npos) {
    return absl::NotFoundError(
        fmt::format("feature service '{}' was removed; name a version of it, as in {}@{}", name,
                    name, newest->version()));
  }
  return absl::NotFoundError(fmt::format("feature service '{}' has no version {}: its newest is {}",
                                         name, text.substr(at + 1), newest->version()));
}

absl::StatusOr<CatalogLog::Changes> RegisterModel(const CatalogState& now, v1::ModelVersion model) {
  if (!IsCatalogName(model.model())) {
    return absl::InvalidArgumentError(fmt::format(
        "'{}' cannot be the name of a model: names are lower-case letters, digits, _ - and ., from "
        "a letter, at most {}",
        model.model(), kLongestCatalogName));
  }
  const std::string service = model.service_version() == 0
                                  ? model.service()
                                  : fmt::format("{}@{}", model.service(), model.service_version());
  ASSIGN_OR_RETURN(const v1::ServiceVersion* found, FindService(now, service));
  model.set_service(found->definition().name());
  model.set_service_version(found->version());
  if (!model.training_set().empty() &&
      now.Find("training_set/" + model.training_set()) == nullptr) {
    return absl::NotFoundError(fmt::format(
        "the catalog has no training set '{}': name one with its version, as `forebay training-set "
        "--register` printed it",
        model.training_set()));
  }
  model.set_version(NewestModel(now, model.model()) + 1);
  v1::CatalogObject object;
  *object.mutable_model() = std::move(model);
  return CatalogLog::Changes{ChangeOf(std::move(object))};
}

absl::StatusOr<CatalogLog::Changes> PromoteModel(const CatalogState& now,
                                                 const ModelReference& alias, uint32_t version,
                                                 std::optional<uint32_t> expected) {
  RETURN_IF_ERROR(CheckAlias(alias));
  const v1::ModelAlias* known = FindAlias(now, alias);
  const uint32_t current = known == nullptr ? 0 : known->version();
  RETURN_IF_ERROR(CheckExpected(alias, current, expected));
  ASSIGN_OR_RETURN(const v1::ModelVersion* model,
                   FindModel(now, {.model = alias.model, .version = version}));
  RETURN_IF_ERROR(CheckLive(now, *model));
  if (current == version) return CatalogLog::Changes();
  v1::CatalogObject object;
  if (known != nullptr) *object.mutable_alias() = *known;
  object.mutable_alias()->set_model(alias.model);
  object.mutable_alias()->set_alias(alias.alias);
  object.mutable_alias()->set_version(version);
  if (current != 0) object.mutable_alias()->add_before(current);
  return CatalogLog::Changes{ChangeOf(std::move(object))};
}

absl::StatusOr<CatalogLog::Changes> RollBackModel(const CatalogState& now,
                                                  const ModelReference& alias,
                                                  std::optional<uint32_t> expected) {
  RETURN_IF_ERROR(CheckAlias(alias));
  const v1::ModelAlias* known = FindAlias(now, alias);
  if (known == nullptr) return NoModel(now, alias);
  RETURN_IF_ERROR(CheckExpected(alias, known->version(), expected));
  if (known->before().empty()) {
    return absl::FailedPreconditionError(fmt::format("{}, and has stood for nothing else before",
                                                     StandsFor(alias, known->version())));
  }
  v1::CatalogObject object;
  *object.mutable_alias() = *known;
  object.mutable_alias()->set_version(*known->before().rbegin());
  object.mutable_alias()->mutable_before()->RemoveLast();
  ASSIGN_OR_RETURN(const v1::ModelVersion* model,
                   FindModel(now, {.model = alias.model, .version = object.alias().version()}));
  RETURN_IF_ERROR(CheckLive(now, *model));
  return CatalogLog::Changes{ChangeOf(std::move(object))};
}

std::string ModelDifference::ToString() const {
  auto shown = [](const std::string& text) { return text.empty() ? "nothing" : text; };
  return fmt::format("{}: {} -> {}", what, shown(before), shown(after));
}

std::vector<ModelDifference> DiffModels(const CatalogState& state, const v1::ModelVersion& before,
                                        const v1::ModelVersion& after) {
  std::vector<ModelDifference> found;
  auto differ = [&](std::string_view what, std::string was, std::string is) {
    if (was != is)
      found.push_back(
          {.what = std::string(what), .before = std::move(was), .after = std::move(is)});
  };
  auto same = [](const std::string& text) { return text; };
  differ("artifact", before.artifact().uri(), after.artifact().uri());
  differ("service", fmt::format("{}@{}", before.service(), before.service_version()),
         fmt::format("{}@{}", after.service(), after.service_version()));
  DiffMaps("feature", FeaturesOf(state, before), FeaturesOf(state, after), same, &found);
  auto checkpoint = [](const v1::ModelVersion& model) {
    return model.run().empty() ? "" : fmt::format("{}@{}", model.run(), model.step());
  };
  differ("checkpoint", checkpoint(before), checkpoint(after));
  differ("training set", before.training_set(), after.training_set());
  DiffMaps(
      "metric", before.metrics(), after.metrics(),
      [](double value) { return fmt::format("{}", value); }, &found);
  DiffMaps("param", before.params(), after.params(), same, &found);
  differ("description", before.description(), after.description());
  return found;
}

}  // namespace forebay
