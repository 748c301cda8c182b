#include "catalog/catalog_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "catalog/catalog_key.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/nearest_name.h"

namespace forebay {
namespace {

struct SearchedText {
  std::string place;
  std::string text;
  int rank;  // of the place: 0 is best
};

constexpr int kName = 0, kFeature = 1, kTag = 2, kColumn = 3, kOwner = 4, kDescription = 5;

class TextsOfObject {
 public:
  explicit TextsOfObject(const v1::CatalogObject& object) {
    const std::string key = KeyOf(object);
    Add("name", key.substr(key.find('/') + 1), kName);
    if (object.has_source()) {
      AddAbout(object.source().about());
      Add("topic", object.source().topic(), kColumn);
      for (const v1::Field& field : object.source().schema())
        Add("column " + field.name(), field.name(), kColumn);
    } else if (object.has_entity()) {
      AddAbout(object.entity().about());
      for (const v1::Field& field : object.entity().keys())
        Add("column " + field.name(), field.name(), kColumn);
    } else if (object.has_view()) {
      AddView(object.view());
    } else if (object.has_service()) {
      AddAbout(object.service().definition().about());
      retired_ = object.service().retired();
    } else if (object.has_model()) {
      Add("description", object.model().description(), kDescription);
    }
  }

  const std::vector<SearchedText>& texts() const { return texts_; }
  bool retired() const { return retired_; }

 private:
  void Add(std::string place, std::string text, int rank) {
    if (!text.empty()) texts_.push_back({std::move(place), std::move(text), rank});
  }

  void AddAbout(const v1::About& about) {
    Add("description", about.description(), kDescription);
    Add("owner", about.owner(), kOwner);
    for (const std::string& tag : about.tags()) Add("tag", tag, kTag);
  }

  void AddView(const v1::ViewVersion& view) {
    AddAbout(view.definition().about());
    retired_ = view.state() == v1::ViewVersion::RETIRED;
    for (const v1::Feature& feature : view.definition().features()) {
      Add("feature " + feature.name(), feature.name(), kFeature);
      Add("feature " + feature.name(), feature.description(), kDescription);
    }
  }

  std::vector<SearchedText> texts_;
  bool retired_ = false;
};

// How well a lower-case word is in a text: 0 is a whole word of it; nullopt: not at all.
std::optional<int> Match(std::string_view word, const std::string& text) {
  const std::string lower = absl::AsciiStrToLower(text);
  auto is_word = [](char c) { return absl::ascii_isalnum(c); };
  std::optional<int> best;
  for (size_t at = lower.find(word); at != std::string::npos; at = lower.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !is_word(lower[at - 1]);
    const bool ends = end == lower.size() || !is_word(lower[end]);
    const int found = begins && ends ? 0 : begins ? 1 : 2;
    best = std::min(best.value_or(found), found);
  }
  if (best) return best;
  std::vector<std::string> words =
      absl::StrSplit(lower, absl::ByAnyChar(" _.,;:@-/()"), absl::SkipEmpty());
  words.push_back(lower);
  if (NearestName(word, words).empty()) return std::nullopt;
  return 3;
}

}  // namespace

std::vector<SearchHit> SearchCatalog(const CatalogState& state, std::string_view query,
                                     size_t most) {
  std::vector<std::string> words =
      absl::StrSplit(absl::AsciiStrToLower(std::string(query)), ' ', absl::SkipEmpty());
  using Score = std::tuple<int, int, bool, std::string>;  // match, place, retired, key
  std::vector<std::pair<Score, SearchHit>> hits;
  for (const auto& [key, object] : state.objects()) {
    const TextsOfObject texts(*object);
    Score worst{-1, -1, texts.retired(), key};
    SearchHit hit{.key = key};
    bool all = !words.empty();
    for (const std::string& word : words) {
      std::optional<std::pair<int, int>> best;
      for (const SearchedText& text : texts.texts()) {
        const std::optional<int> match = Match(word, text.text);
        if (!match || (best && std::pair(*match, text.rank) >= *best)) continue;
        best = std::pair(*match, text.rank);
        if (*best >= std::pair(std::get<0>(worst), std::get<1>(worst))) {
          hit.place = text.place;
          hit.text = text.text;
        }
      }
      all = all && best.has_value();
      if (!all) break;
      if (*best > std::pair(std::get<0>(worst), std::get<1>(worst))) {
        std::get<0>(worst) = best->first;
        std::get<1>(worst) = best->second;
      }
    }
    if (all) hits.emplace_back(std::move(worst), std::move(hit));
  }
  std::ranges::sort(hits, {}, [](const auto& hit) -> const Score& { return hit.first; });
  if (hits.size() > most) hits.resize(most);
  std::vector<SearchHit> found;
  for (auto& [score, hit] : hits) found.push_back(std::move(hit));
  return found;
}

}  // namespace forebay
