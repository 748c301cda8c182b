// What comes from what: sources and entities -> views -> services -> models -> their aliases, and
// views -> training sets -> models.
#ifndef FOREBAY_CATALOG_LINEAGE_H_
#define FOREBAY_CATALOG_LINEAGE_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/catalog_state.h"

namespace forebay {

// Of two objects, `below` is made of `above`.
struct LineageStep {
  std::string above;
  std::string below;

  auto operator<=>(const LineageStep&) const = default;
};

// Objects by their keys (catalog_key.h). Immutable; needs the state no more.
class Lineage {
 public:
  explicit Lineage(const CatalogState& state);

  // What an object is made of, and what is made of it, right next to it; sorted.
  std::vector<std::string> Above(std::string_view key) const;
  std::vector<std::string> Below(std::string_view key) const;

  // All from which `key` comes, at whatever distance, and all that come from it: each step once, in
  // the order of their keys.
  std::vector<LineageStep> StepsAbove(std::string_view key) const;
  std::vector<LineageStep> StepsBelow(std::string_view key) const;

  // Those near `key` in a tree, one a line, indented by how far they are; each once.
  std::vector<std::string> TreeAbove(std::string_view key) const;
  std::vector<std::string> TreeBelow(std::string_view key) const;

 private:
  using Edges = std::map<std::string, std::set<std::string>, std::less<>>;

  void Add(const std::string& above, const std::string& below);
  static std::vector<std::string> Next(const Edges& edges, std::string_view key);
  // Every object that one comes to from `key`, along `edges`.
  static std::set<std::string> Reach(const Edges& edges, std::string_view key);
  static std::vector<std::string> Tree(const Edges& edges, std::string_view key);

  Edges above_;
  Edges below_;
};

// The keys that a name stands for: a key itself ("view/user_spend@1"), or a name with or without a
// version: "user_spend" is all its versions, "fraud" a service and a model of that name. `kind`:
// "view", and only these; empty: all. NOT_FOUND, with the nearest name.
absl::StatusOr<std::vector<std::string>> KeysNamed(const CatalogState& state, std::string_view name,
                                                   std::string_view kind = "");

}  // namespace forebay

#endif  // FOREBAY_CATALOG_LINEAGE_H_
