#include "catalog/project_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_split.h"
#include "catalog/catalog_key.h"
#include "catalog/dependents.h"
#include "catalog/service_pins.h"
#include "schemas/definition/lookup.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/counted.h"
#include "schemas/types/table_id.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

using google::protobuf::util::MessageDifferencer;

ViewId IdOf(const v1::FeatureView& view) { return {view.name(), view.version()}; }

// "owner: "ann" -> "bob"", one a field.
std::vector<std::string> Differences(const google::protobuf::Message& before,
                                     const google::protobuf::Message& now) {
  constexpr size_t kMost = 5, kLongest = 160;
  std::string report;
  MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&report);
  differencer.Compare(before, now);
  std::vector<std::string> lines = absl::StrSplit(report, '\n', absl::SkipEmpty());
  const size_t found = lines.size();
  if (found > kMost) lines.resize(kMost);
  for (std::string& line : lines) {
    if (line.starts_with("modified: ")) line.erase(0, std::string_view("modified: ").size());
    if (line.starts_with("about.")) line.erase(0, std::string_view("about.").size());
    if (line.size() > kLongest) line = line.substr(0, kLongest) + " ...";
  }
  if (found > kMost) lines.push_back(fmt::format("and {} more", found - kMost));
  return lines;
}

std::string TextOf(const v1::FeatureView& view, const v1::Feature& feature) {
  return view.aggregates(static_cast<int>(feature.aggregate())).sql();
}

// What a feature of the view is now, of those that became others.
std::vector<std::string> ChangedFeatures(const v1::FeatureView& before,
                                         const v1::FeatureView& now) {
  std::vector<std::string> changed;
  for (const v1::Feature& feature : now.features()) {
    const v1::Feature* was = FindFeature(before, feature.name());
    if (was == nullptr) {
      changed.push_back(fmt::format("{} is new", feature.name()));
    } else if (TextOf(before, *was) != TextOf(now, feature)) {
      changed.push_back(fmt::format("{} was {} and is {}", feature.name(), TextOf(before, *was),
                                    TextOf(now, feature)));
    }
  }
  for (const v1::Feature& feature : before.features()) {
    if (FindFeature(now, feature.name()) == nullptr)
      changed.push_back(fmt::format("{} is gone", feature.name()));
  }
  return changed;
}

class Planning {
 public:
  Planning(const v1::Project& project, const CatalogState& now, const PlanOptions& options)
      : project_(project), now_(now), options_(options), dependents_(now) {}

  ProjectPlan Run() && {
    for (const v1::Source& source : project_.sources()) {
      PlanShared(SourceKey(source.name()), source, &v1::CatalogObject::source,
                 &v1::CatalogObject::mutable_source);
    }
    for (const v1::Entity& entity : project_.entities()) {
      PlanShared(EntityKey(entity.name()), entity, &v1::CatalogObject::entity,
                 &v1::CatalogObject::mutable_entity);
    }
    for (const v1::FeatureView& view : project_.feature_views()) PlanView(view);
    for (const v1::FeatureService& service : project_.feature_services()) PlanService(service);
    PlanRemovals();
    return std::move(plan_);
  }

 private:
  PlannedChange& Add(ChangeKind kind, const std::string& key) {
    PlannedChange& change = plan_.changes.emplace_back();
    change.kind = kind;
    change.key = key;
    change.alters_answers = kind == ChangeKind::kRemoved;
    change.change.set_key(key);
    kept_.insert(key);
    return change;
  }

  // Sources and entities, which have no versions: views have the fingerprints of what they take.
  template <typename Definition>
  void PlanShared(const std::string& key, const Definition& definition,
                  const Definition& (v1::CatalogObject::*get)() const,
                  Definition* (v1::CatalogObject::*set)()) {
    kept_.insert(key);
    const v1::CatalogObject* known = now_.Find(key);
    if (known != nullptr && MessageDifferencer::Equals((known->*get)(), definition)) return;
    PlannedChange& change = Add(known == nullptr ? ChangeKind::kAdded : ChangeKind::kChanged, key);
    if (known != nullptr) change.details = Differences((known->*get)(), definition);
    *(change.change.mutable_object()->*set)() = definition;
  }

  void PlanView(const v1::FeatureView& view) {
    const std::string key = ViewKey(IdOf(view));
    kept_.insert(key);
    v1::ViewVersion planned;
    *planned.mutable_definition() = view;
    planned.set_state(view.disabled() ? v1::ViewVersion::DISABLED : StateOfNew(view));
    planned.set_fingerprint(ViewFingerprint(project_, view));
    const v1::CatalogObject* object = now_.Find(key);
    if (object == nullptr) return AddView(key, std::move(planned));
    const v1::ViewVersion& known = object->view();
    if (!view.disabled() && IsComputed(known)) {
      planned.set_state(known.state());
      *planned.mutable_built() = known.built();
    }
    if (known.fingerprint() != planned.fingerprint()) return Refuse(known, planned);
    if (MessageDifferencer::Equals(known, planned)) return;
    const bool back = known.state() == v1::ViewVersion::RETIRED;
    if (view.disabled()) RefuseWhileServed(IdOf(view), "is disabled", &plan_.refusals);
    PlannedChange& change = Add(back ? ChangeKind::kAdded : ChangeKind::kChanged, key);
    change.alters_answers = !back && known.definition().disabled() != view.disabled();
    if (back) {
      change.details.push_back("was retired, and goes on with what it left");
    } else {
      change.details = Differences(known.definition(), planned.definition());
    }
    *change.change.mutable_object()->mutable_view() = std::move(planned);
  }

  // What is in files alone no task brings up.
  v1::ViewVersion::State StateOfNew(const v1::FeatureView& view) const {
    return FindSource(project_, view.source())->topic().empty() ? v1::ViewVersion::LIVE
                                                                : v1::ViewVersion::BUILDING;
  }

  static bool IsComputed(const v1::ViewVersion& view) {
    return view.state() == v1::ViewVersion::LIVE || view.state() == v1::ViewVersion::BUILDING;
  }

  void AddView(const std::string& key, v1::ViewVersion planned) {
    const v1::FeatureView& view = planned.definition();
    const v1::Source& source = *FindSource(project_, view.source());
    PlannedChange& change = Add(ChangeKind::kAdded, key);
    change.details.push_back(fmt::format(
        "{} of {}, computed from {}", Counted(view.features_size(), "feature", "features"),
        view.entity(),
        source.topic().empty() ? fmt::format("the files {}", source.batch().path())
                               : fmt::format("the oldest record of topic {} on", source.topic())));
    if (view.updates() == v1::FeatureView::ON && !source.topic().empty()) {
      change.details.push_back(
          fmt::format("topic {}", UpdateTopic(project_.name(), view.name(), view.version())));
    }
    if (view.history() == v1::FeatureView::ON)
      change.details.push_back(fmt::format("table {}", TableId(IdOf(view)).ToString()));
    *change.change.mutable_object()->mutable_view() = std::move(planned);
  }

  void Refuse(const v1::ViewVersion& known, const v1::ViewVersion& planned) {
    const v1::FeatureView& view = planned.definition();
    std::vector<std::string> parts = ChangedParts(known.fingerprint(), planned.fingerprint());
    std::vector<std::string> features = ChangedFeatures(known.definition(), view);
    const uint32_t next = NextVersion(view.name());
    plan_.refusals.push_back(fmt::format(
        "view {} version {} was changed ({}){}{}. Versions are immutable: restore the definition, "
        "raise its version to {} (`version: {}`), or remove what it left with `forebay reset {}`",
        view.name(), view.version(), fmt::join(parts, ", "), features.empty() ? "" : ": ",
        fmt::join(features, ", "), next, next, IdOf(view).ToString()));
  }

  // The least that neither the catalog nor the folder has.
  uint32_t NextVersion(const std::string& view) const {
    uint32_t newest = 0;
    for (const v1::FeatureView& other : project_.feature_views()) {
      if (other.name() == view) newest = std::max(newest, other.version());
    }
    for (const auto& [key, object] : now_.objects()) {
      if (object->has_view() && object->view().definition().name() == view)
        newest = std::max(newest, object->view().definition().version());
    }
    return newest + 1;
  }

  const v1::FeatureView* FindPlanned(const ViewId& id) const {
    for (const v1::FeatureView& view : project_.feature_views()) {
      if (IdOf(view) == id) return &view;
    }
    return nullptr;
  }

  void PlanService(const v1::FeatureService& wanted) {
    const v1::ServiceVersion* known = dependents_.NewestService(wanted.name());
    v1::ServiceVersion planned;
    planned.set_version(known == nullptr ? 1 : known->version());
    *planned.mutable_definition() = wanted;
    if (known != nullptr) {
      kept_.insert(ServiceKey(wanted.name(), known->version()));
    }
    if (!options_.repin) {
      Pin(WithLive(known == nullptr ? v1::FeatureService() : known->definition(), wanted),
          &planned);
    }
    if (known != nullptr) {
      if (!AnswerTheSame(known->definition(), planned.definition()))
        planned.set_version(known->version() + 1);
    }
    if (known != nullptr && MessageDifferencer::Equals(*known, planned)) return;
    const bool same = known != nullptr && known->version() == planned.version();
    const std::string key = ServiceKey(wanted.name(), planned.version());
    PlannedChange& change = Add(known == nullptr ? ChangeKind::kAdded : ChangeKind::kChanged, key);
    change.alters_answers = known != nullptr && !same;
    if (known != nullptr && known->retired()) {
      change.kind = ChangeKind::kAdded;
      change.details.push_back("was removed, and comes back");
    } else if (known == nullptr) {
      change.details.push_back(Counted(wanted.features_size(), "feature", "features"));
    } else if (same) {
      change.details = Differences(known->definition(), planned.definition());
    } else {
      change.details = MovedFeatures(known->definition(), planned.definition());
    }
    *change.change.mutable_object()->mutable_service() = std::move(planned);
  }

  // With the newest live version of views that are new in the service, where the newest of all is
  // not live yet.
  v1::FeatureService WithLive(v1::FeatureService applied, const v1::FeatureService& wanted) const {
    std::set<std::string> known;
    for (const v1::FeatureReference& reference : applied.features()) known.insert(reference.view());
    for (const v1::FeatureReference& reference : wanted.features()) {
      if (reference.pinned() || !known.insert(reference.view()).second) continue;
      uint32_t live = 0;
      for (const v1::FeatureView& view : project_.feature_views()) {
        const v1::CatalogObject* object = now_.Find(ViewKey(IdOf(view)));
        if (view.name() == reference.view() && object != nullptr &&
            object->view().state() == v1::ViewVersion::LIVE)
          live = std::max(live, view.version());
      }
      if (live == 0) continue;
      v1::FeatureReference& added = *applied.add_features();
      added.set_view(reference.view());
      added.set_version(live);
    }
    return applied;
  }

  void Pin(const v1::FeatureService& applied, v1::ServiceVersion* planned) {
    PinnedService pinned = PinService(planned->definition(), applied,
                                      [&](const ViewId& id) { return FindPlanned(id); });
    for (const std::string& stays : pinned.stays) {
      plan_.notes.push_back(
          fmt::format("service {}: {}: --repin moves it", planned->definition().name(), stays));
    }
    for (const std::string& lacking : pinned.lacking) {
      plan_.refusals.push_back(
          fmt::format("service {}: {}, and it stays at that version: write the version into the "
                      "service, or move it with --repin",
                      planned->definition().name(), lacking));
    }
    *planned->mutable_definition() = std::move(pinned.definition);
  }

  static std::vector<std::string> MovedFeatures(const v1::FeatureService& before,
                                                const v1::FeatureService& now) {
    std::map<std::string, std::string> was, is;
    for (const v1::FeatureReference& reference : before.features())
      was[reference.name()] = ViewId{reference.view(), reference.version()}.ToString();
    for (const v1::FeatureReference& reference : now.features())
      is[reference.name()] = ViewId{reference.view(), reference.version()}.ToString();
    std::vector<std::string> moved;
    for (const auto& [name, view] : is) {
      auto found = was.find(name);
      if (found == was.end()) {
        moved.push_back(fmt::format("{} is new", name));
      } else if (found->second != view) {
        moved.push_back(fmt::format("{} moves from {} to {}", name, found->second, view));
      }
    }
    for (const auto& [name, view] : was) {
      if (!is.contains(name)) moved.push_back(fmt::format("{} goes", name));
    }
    if (moved.empty()) moved.emplace_back("its features are in another order");
    return moved;
  }

  void PlanRemovals() {
    std::set<std::string> needed;  // by what views left
    for (const auto& [key, object] : now_.objects()) {
      if (!object->has_view()) continue;
      needed.insert(SourceKey(object->view().definition().source()));
      needed.insert(EntityKey(object->view().definition().entity()));
      if (!kept_.contains(key)) RetireView(key, object->view());
    }
    for (const auto& [key, object] : now_.objects()) {
      if (kept_.contains(key) || needed.contains(key)) continue;
      if (object->has_source() || object->has_entity()) Add(ChangeKind::kRemoved, key);
    }
    std::set<std::string> services;
    for (const v1::FeatureService& service : project_.feature_services())
      services.insert(service.name());
    for (const auto& [key, object] : now_.objects()) {
      if (!object->has_service() || object->service().retired()) continue;
      if (services.contains(object->service().definition().name())) continue;
      PlannedChange& change = Add(ChangeKind::kRemoved, key);
      *change.change.mutable_object() = *object;
      change.change.mutable_object()->mutable_service()->set_retired(true);
      for (const std::string& model : dependents_.ModelsOf(key))
        change.details.push_back(fmt::format("model {} takes it, and goes on", model));
    }
  }

  void RefuseWhileServed(const ViewId& id, std::string_view what,
                         std::vector<std::string>* refusals) const {
    for (const std::string& alias : dependents_.AliasesOf(id)) {
      refusals->push_back(fmt::format(
          "view {} {}, and model {} takes it: keep the view, or promote another version "
          "of the model first",
          id.ToString(), what, alias));
    }
  }

  void RetireView(const std::string& key, const v1::ViewVersion& view) {
    if (view.state() == v1::ViewVersion::RETIRED) return;
    const ViewId id = IdOf(view.definition());
    RefuseWhileServed(id, "is in no definition any more", &plan_.held);
    PlannedChange& change = Add(ChangeKind::kRemoved, key);
    change.details.push_back(fmt::format(
        "is retired: what it left stays until `forebay catalog purge {}`", id.ToString()));
    for (const std::string& set : dependents_.TrainingSetsOf(id))
      change.details.push_back(fmt::format("training set {} was made of it", set));
    v1::ViewVersion retired = view;
    retired.set_state(v1::ViewVersion::RETIRED);
    *change.change.mutable_object()->mutable_view() = std::move(retired);
  }

  const v1::Project& project_;
  const CatalogState& now_;
  const PlanOptions options_;
  const Dependents dependents_;
  ProjectPlan plan_;
  std::set<std::string> kept_;
};

}  // namespace

std::vector<v1::CatalogChange> ProjectPlan::ToCommit() const {
  std::vector<v1::CatalogChange> commit;
  for (const PlannedChange& change : changes) commit.push_back(change.change);
  return commit;
}

ProjectPlan PlanProject(const v1::Project& project, const CatalogState& now,
                        const PlanOptions& options) {
  return Planning(project, now, options).Run();
}

}  // namespace forebay
