// What a catalog should be after commands, told by simple rules over plain values: of one view
// `user_spend` in versions, one service `fraud` of its features, one model `fraud_model`.
#ifndef FOREBAY_CATALOG_EXPECTED_CATALOG_FOR_TEST_H_
#define FOREBAY_CATALOG_EXPECTED_CATALOG_FOR_TEST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/catalog_state.h"

namespace forebay {

// What a folder says.
struct ExpectedDefinitions {
  struct View {
    std::string value;  // "sum(amount)"
    bool enabled = true;
    bool operator==(const View&) const = default;
  };
  struct Feature {
    uint32_t version = 0;  // 0: none is written
    std::string name;      // "spend_1h"
  };
  std::map<uint32_t, View> views;  // by version
  std::vector<Feature> service;    // empty: there is none

  // As YAML.
  std::string Text() const;
};

class ExpectedCatalog {
 public:
  // Each either changes it, or leaves it as it is and says why it must not change.
  absl::Status Apply(const ExpectedDefinitions& definitions, bool repin);
  absl::Status Register(uint32_t service_version);  // 0: the newest
  absl::Status Promote(const std::string& alias, uint32_t version,
                       std::optional<uint32_t> expected);
  absl::Status RollBack(const std::string& alias, std::optional<uint32_t> expected);
  absl::Status Reset(uint32_t view);  // of what is retired; nothing else

  // 0: nothing.
  uint32_t VersionOf(const std::string& alias) const;

  // All of it, an object a line; the same of a state.
  std::string Text() const;
  static std::string TextOf(const CatalogState& state);

 private:
  struct View {
    ExpectedDefinitions::View definition;
    bool retired = false;
    bool operator==(const View&) const = default;
  };
  struct Feature {
    uint32_t view = 0;
    std::string feature;
    bool pinned = false;
    bool operator==(const Feature&) const = default;
  };
  struct Service {
    std::vector<Feature> features;
    bool retired = false;
    bool operator==(const Service&) const = default;
  };
  struct Alias {
    uint32_t version = 0;
    std::vector<uint32_t> before;
  };

  absl::Status ApplyView(uint32_t version, const ExpectedDefinitions::View& view);
  void ApplyService(const ExpectedDefinitions& definitions, bool repin,
                    const ExpectedCatalog& before);
  absl::Status Serves(uint32_t model) const;
  bool IsServed(uint32_t view) const;

  std::set<std::string> shared_;  // sources and entities, by key
  std::map<uint32_t, View> views_;
  std::map<uint32_t, Service> services_;
  std::vector<uint32_t> models_;  // the service version of each, from version 1 on
  std::map<std::string, Alias> aliases_;
};

}  // namespace forebay

#endif  // FOREBAY_CATALOG_EXPECTED_CATALOG_FOR_TEST_H_
