// The views of a project and their features, by the names that people write: the same in feature
// services, lookups, training sets and on the command line.
//
//   user_spend.spend_10m           a feature of the newest version declared, the highest number
//   user_spend@1.spend_10m         of version 1
//   user_spend.*, user_spend@1.*   all features of it, in declared order
//   user_spend, user_spend@1       the view itself, where a view is asked for
//
// A feature is called as it was asked for, in answers and in training sets: with the version where
// that was written. So both versions of a view can be named in one list.
//
//   ASSIGN_OR_RETURN(std::vector<NamedFeature> all, FeatureNames(project).Find("user_spend@1.*"));
//
// Errors: INVALID_ARGUMENT for text of another form; NOT_FOUND for a view, a version or a feature
// that is not there, with the nearest name and what there is.
#ifndef FOREBAY_SCHEMAS_DEFINITION_FEATURE_NAMES_H_
#define FOREBAY_SCHEMAS_DEFINITION_FEATURE_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"

namespace forebay {

namespace v1 {
class FeatureService;
class FeatureView;
class Project;
}  // namespace v1

struct NamedFeature {
  int view = 0;      // index into Project.feature_views
  int feature = 0;   // index into FeatureView.features
  std::string name;  // as asked for: "user_spend@1.spend_10m"
};

// What a name says, not yet looked for. Points into the text.
struct FeatureReference {
  std::string_view view;
  uint32_t version = 0;            // 0: the newest
  std::string_view view_as_asked;  // "user_spend@1"
  std::string_view feature;        // "*": all; empty: the view itself

  static absl::StatusOr<FeatureReference> Parse(std::string_view text);      // view.feature
  static absl::StatusOr<FeatureReference> ParseView(std::string_view text);  // view
};

// Immutable: thread-safe. Points to the views, which must outlive it and stay where they are.
class FeatureNames {
 public:
  explicit FeatureNames(const v1::Project& project);
  explicit FeatureNames(std::vector<const v1::FeatureView*> views);

  // The features that `text` names; for more than one, it ends in ".*".
  absl::StatusOr<std::vector<NamedFeature>> Find(std::string_view text) const;

  // Those of a service, whose versions were settled when its definition was read.
  // INTERNAL: it has one that the project lacks.
  absl::StatusOr<std::vector<NamedFeature>> Find(const v1::FeatureService& service) const;

  // The index of the view that `text` names.
  absl::StatusOr<int> FindView(std::string_view text) const;

  // The two steps of Find, for who needs to know which of them failed.
  absl::StatusOr<int> FindView(const FeatureReference& reference) const;
  absl::StatusOr<std::vector<NamedFeature>> FindIn(int view,
                                                   const FeatureReference& reference) const;

  // "user_spend", ...: each once, in declared order.
  const std::vector<std::string>& views() const { return names_; }

 private:
  // The index of a feature of a view; -1 for none.
  int IndexOf(int view, std::string_view feature) const;
  std::string NoFeature(int view, std::string_view feature) const;

  std::vector<const v1::FeatureView*> views_;
  std::vector<std::string> names_;
  absl::flat_hash_map<std::string_view, std::vector<int>> versions_;  // by name, ascending
  std::vector<absl::flat_hash_map<std::string_view, int>> features_;  // of each view, by name
};

// The features of a service, of a view (all), or those that FeatureNames::Find takes: what a person
// asks for on a command line. INVALID_ARGUMENT for unknown names, too.
absl::StatusOr<std::vector<NamedFeature>> ResolveAnyName(const v1::Project& project,
                                                         std::string_view name);

// NOT_FOUND for an unknown service.
absl::StatusOr<const v1::FeatureService*> ResolveService(const v1::Project& project,
                                                         std::string_view name);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_DEFINITION_FEATURE_NAMES_H_
