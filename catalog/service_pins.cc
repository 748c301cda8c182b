#include "catalog/service_pins.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "schemas/definition/lookup.h"

namespace forebay {
namespace {

using Find = std::function<const v1::FeatureView*(const ViewId&)>;

// By view, the version that references without one took.
std::map<std::string, uint32_t> UnpinnedVersions(const v1::FeatureService& applied) {
  std::map<std::string, uint32_t> versions;
  for (const v1::FeatureReference& reference : applied.features()) {
    if (!reference.pinned()) versions[reference.view()] = reference.version();
  }
  return versions;
}

class ServicePinning {
 public:
  ServicePinning(const v1::FeatureService& applied, const Find& find)
      : versions_(UnpinnedVersions(applied)), find_(find) {}

  void Add(const v1::FeatureReference& wanted) {
    auto applied = versions_.find(wanted.view());
    if (wanted.pinned() || applied == versions_.end() || applied->second == wanted.version())
      return Take(wanted, wanted.version(), wanted.feature());
    const v1::FeatureView* view = find_({wanted.view(), applied->second});
    if (view == nullptr) return Take(wanted, wanted.version(), wanted.feature());
    if (stays_.insert(wanted.view()).second) {
      result_.stays.push_back(fmt::format("{} stays at version {}; version {} is there",
                                          wanted.view(), applied->second, wanted.version()));
      if (wanted.of_all()) return TakeAll(wanted, *view);
    }
    if (wanted.of_all()) return;
    if (FindFeature(*view, wanted.feature()) == nullptr) {
      result_.lacking.push_back(fmt::format("{} has no feature {}",
                                            ViewId{view->name(), view->version()}.ToString(),
                                            wanted.feature()));
      return;
    }
    Take(wanted, applied->second, wanted.feature());
  }

  PinnedService Result() && { return std::move(result_); }
  v1::FeatureService* definition() { return &result_.definition; }

 private:
  void TakeAll(const v1::FeatureReference& wanted, const v1::FeatureView& view) {
    for (const v1::Feature& feature : view.features()) Take(wanted, view.version(), feature.name());
  }

  void Take(const v1::FeatureReference& wanted, uint32_t version, const std::string& feature) {
    v1::FeatureReference* taken = result_.definition.add_features();
    *taken = wanted;
    taken->set_version(version);
    taken->set_feature(feature);
    // Without a version in it, since there was none in the reference.
    if (!wanted.pinned()) taken->set_name(fmt::format("{}.{}", wanted.view(), feature));
  }

  const std::map<std::string, uint32_t> versions_;
  const Find& find_;
  std::set<std::string> stays_;
  PinnedService result_;
};

}  // namespace

PinnedService PinService(const v1::FeatureService& wanted, const v1::FeatureService& applied,
                         const Find& find) {
  ServicePinning pinning(applied, find);
  *pinning.definition() = wanted;
  pinning.definition()->clear_features();
  for (const v1::FeatureReference& reference : wanted.features()) pinning.Add(reference);
  return std::move(pinning).Result();
}

bool AnswerTheSame(const v1::FeatureService& a, const v1::FeatureService& b) {
  auto meaning = [](const v1::FeatureReference& reference) {
    return std::tie(reference.view(), reference.feature(), reference.name());
  };
  return std::ranges::equal(
      a.features(), b.features(),
      [&](const v1::FeatureReference& one, const v1::FeatureReference& other) {
        return meaning(one) == meaning(other) && one.version() == other.version();
      });
}

}  // namespace forebay
