#include "catalog/lineage.h"

#include <fmt/format.h>

#include <utility>

#include "absl/strings/str_replace.h"
#include "catalog/catalog_key.h"
#include "catalog/dependents.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/nearest_name.h"

namespace forebay {
namespace {

// "user_spend" of "view/user_spend@1", and "user_spend@1".
std::string_view NameWithVersion(std::string_view key) { return key.substr(key.find('/') + 1); }
std::string_view NameAlone(std::string_view key) {
  const std::string_view name = NameWithVersion(key);
  return name.substr(0, name.find('@'));
}

void AppendTree(const std::map<std::string, std::set<std::string>, std::less<>>& edges,
                std::string_view key, size_t depth, std::set<std::string, std::less<>>* seen,
                std::vector<std::string>* lines) {
  auto next = edges.find(key);
  if (next == edges.end()) return;
  for (const std::string& one : next->second) {
    const bool first = seen->insert(one).second;
    lines->push_back(fmt::format("{:{}}{}{}", "", 2 * depth, one, first ? "" : " (as above)"));
    if (first) AppendTree(edges, one, depth + 1, seen, lines);
  }
}

}  // namespace

Lineage::Lineage(const CatalogState& state) {
  for (const auto& [key, object] : state.objects()) {
    if (object->has_view()) {
      Add(SourceKey(object->view().definition().source()), key);
      Add(EntityKey(object->view().definition().entity()), key);
    } else if (object->has_service()) {
      for (const v1::FeatureReference& reference : object->service().definition().features())
        Add(ViewKey({reference.view(), reference.version()}), key);
    } else if (object->has_model()) {
      const v1::ModelVersion& model = object->model();
      Add(ServiceKey(model.service(), model.service_version()), key);
      if (!model.training_set().empty()) Add("training_set/" + model.training_set(), key);
    } else if (object->has_alias()) {
      Add(ModelKey(object->alias().model(), object->alias().version()), key);
    } else if (object->has_training_set()) {
      for (const ViewId& view : ViewsOfTrainingSet(object->training_set())) Add(ViewKey(view), key);
    }
  }
}

void Lineage::Add(const std::string& above, const std::string& below) {
  above_[below].insert(above);
  below_[above].insert(below);
}

std::vector<std::string> Lineage::Next(const Edges& edges, std::string_view key) {
  auto found = edges.find(key);
  if (found == edges.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<std::string> Lineage::Tree(const Edges& edges, std::string_view key) {
  std::vector<std::string> lines;
  std::set<std::string, std::less<>> seen{std::string(key)};
  AppendTree(edges, key, 0, &seen, &lines);
  return lines;
}

std::vector<std::string> Lineage::Above(std::string_view key) const { return Next(above_, key); }
std::vector<std::string> Lineage::Below(std::string_view key) const { return Next(below_, key); }
std::vector<std::string> Lineage::TreeAbove(std::string_view key) const {
  return Tree(above_, key);
}
std::vector<std::string> Lineage::TreeBelow(std::string_view key) const {
  return Tree(below_, key);
}

std::set<std::string> Lineage::Reach(const Edges& edges, std::string_view key) {
  std::set<std::string> reached{std::string(key)};
  std::vector<std::string> open{std::string(key)};
  while (!open.empty()) {
    const std::string from = std::move(open.back());
    open.pop_back();
    for (std::string& next : Next(edges, from)) {
      if (reached.insert(next).second) open.push_back(std::move(next));
    }
  }
  return reached;
}

std::vector<LineageStep> Lineage::StepsAbove(std::string_view key) const {
  std::set<LineageStep> steps;
  for (const std::string& below : Reach(above_, key)) {
    for (std::string& above : Above(below)) steps.insert({std::move(above), below});
  }
  return {steps.begin(), steps.end()};
}

std::vector<LineageStep> Lineage::StepsBelow(std::string_view key) const {
  std::set<LineageStep> steps;
  for (const std::string& above : Reach(below_, key)) {
    for (std::string& below : Below(above)) steps.insert({above, std::move(below)});
  }
  return {steps.begin(), steps.end()};
}

absl::StatusOr<std::vector<std::string>> KeysNamed(const CatalogState& state, std::string_view name,
                                                   std::string_view kind) {
  auto is_of_kind = [&](std::string_view key) {
    return kind.empty() || key.substr(0, key.find('/')) == kind;
  };
  if (is_of_kind(name) && state.Find(name) != nullptr)
    return std::vector<std::string>{std::string(name)};
  std::vector<std::string> keys;
  std::set<std::string> names;
  for (const auto& [key, object] : state.objects()) {
    if (!is_of_kind(key)) continue;
    if (NameWithVersion(key) == name || NameAlone(key) == name) keys.push_back(key);
    names.emplace(NameAlone(key));
  }
  if (!keys.empty()) return keys;
  return absl::NotFoundError(fmt::format(
      "the catalog has {} called '{}'{}",
      kind.empty() ? "nothing"
                   : fmt::format("no {}", absl::StrReplaceAll(std::string(kind), {{"_", " "}})),
      name, DidYouMean(name, std::vector<std::string>(names.begin(), names.end()))));
}

}  // namespace forebay
