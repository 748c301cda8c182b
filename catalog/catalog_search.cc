#include "catalog/catalog_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <unordered_map>
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

// How well a lower-case word stands in a lower-case text: 0 is a whole word of it; nullopt: it does
// not stand there.
std::optional<int> StandsIn(std::string_view word, std::string_view text) {
  auto is_word = [](char c) { return absl::ascii_isalnum(c); };
  std::optional<int> best;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !is_word(text[at - 1]);
    const bool ends = end == text.size() || !is_word(text[end]);
    const int found = begins && ends ? 0 : begins ? 1 : 2;
    best = std::min(best.value_or(found), found);
  }
  return best;
}

constexpr int kMisspelt = 3;

// What is there once has one number.
class Numbers {
 public:
  size_t Of(const std::string& text, bool* is_new) {
    const auto [found, inserted] = numbers_.try_emplace(text, numbers_.size());
    *is_new = inserted;
    return found->second;
  }

 private:
  std::unordered_map<std::string, size_t> numbers_;
};

}  // namespace

struct CatalogSearch::Text {
  std::string text;
  std::string lower;
  std::vector<size_t> words;  // the whole text, too
};

struct CatalogSearch::Place {
  std::string name;
  size_t text;
  int rank;
};

struct CatalogSearch::Object {
  std::string key;
  bool retired;
  std::vector<Place> places;
};

CatalogSearch::CatalogSearch(const CatalogState& state) {
  Numbers texts, words;
  bool is_new = false;
  auto number_of_word = [&](const std::string& word) {
    const size_t number = words.Of(word, &is_new);
    if (is_new) words_.push_back(word);
    return number;
  };
  for (const auto& [key, object] : state.objects()) {
    const TextsOfObject of_object(*object);
    Object& added = objects_.emplace_back(Object{.key = key, .retired = of_object.retired()});
    for (const SearchedText& one : of_object.texts()) {
      const size_t number = texts.Of(one.text, &is_new);
      added.places.push_back({.name = one.place, .text = number, .rank = one.rank});
      if (!is_new) continue;
      Text text{.text = one.text, .lower = absl::AsciiStrToLower(one.text)};
      const std::vector<std::string> parts =
          absl::StrSplit(text.lower, absl::ByAnyChar(" _.,;:@-/()"), absl::SkipEmpty());
      for (const std::string& part : parts) text.words.push_back(number_of_word(part));
      text.words.push_back(number_of_word(text.lower));
      texts_.push_back(std::move(text));
    }
  }
}

CatalogSearch::~CatalogSearch() = default;

// How well one word is in each text, found out when it is asked.
class CatalogSearch::Matches {
 public:
  Matches(const CatalogSearch* search, std::string word)
      : search_(*search),
        word_(std::move(word)),
        of_text_(search_.texts_.size(), kUnknown),
        near_(search_.words_.size(), kUnknown) {}

  // nullopt: not at all.
  std::optional<int> In(size_t text) {
    int8_t& known = of_text_[text];
    if (known == kUnknown) known = static_cast<int8_t>(Find(search_.texts_[text]).value_or(kNot));
    return known == kNot ? std::nullopt : std::optional<int>(known);
  }

 private:
  static constexpr int8_t kUnknown = -1, kNot = 100;

  std::optional<int> Find(const Text& text) {
    if (const auto found = StandsIn(word_, text.lower)) return found;
    const bool near = std::ranges::any_of(text.words, [&](size_t word) { return IsNear(word); });
    return near ? std::optional(kMisspelt) : std::nullopt;
  }

  bool IsNear(size_t word) {
    int8_t& known = near_[word];
    if (known == kUnknown) known = NearestName(word_, {search_.words_[word]}).empty() ? 0 : 1;
    return known == 1;
  }

  const CatalogSearch& search_;
  const std::string word_;
  std::vector<int8_t> of_text_;
  std::vector<int8_t> near_;
};

std::vector<SearchHit> CatalogSearch::Find(std::string_view query, size_t most) const {
  const std::vector<std::string> words =
      absl::StrSplit(absl::AsciiStrToLower(std::string(query)), ' ', absl::SkipEmpty());
  if (words.empty()) return {};
  std::vector<Matches> matches;
  for (const std::string& word : words) matches.emplace_back(this, word);
  using Score = std::tuple<int, int, bool, size_t>;  // match, place, retired, object
  std::vector<std::pair<Score, const Place*>> hits;
  for (size_t i = 0; i < objects_.size(); ++i) {
    const Object& object = objects_[i];
    std::pair<int, int> worst{-1, -1};  // of the words
    const Place* shown = nullptr;
    bool all = true;
    for (Matches& of_word : matches) {
      std::optional<std::pair<int, int>> best;
      const Place* where = nullptr;
      for (const Place& place : object.places) {
        const std::optional<int> match = of_word.In(place.text);
        if (!match || (best && std::pair(*match, place.rank) >= *best)) continue;
        best = std::pair(*match, place.rank);
        where = &place;
      }
      all = best.has_value();
      if (!all) break;
      if (*best >= worst) {
        worst = *best;
        shown = where;
      }
    }
    if (all) hits.push_back({{worst.first, worst.second, object.retired, i}, shown});
  }
  std::ranges::sort(hits, {}, [](const auto& hit) -> const Score& { return hit.first; });
  if (hits.size() > most) hits.resize(most);
  std::vector<SearchHit> found;
  for (const auto& [score, place] : hits) {
    found.push_back({.key = objects_[std::get<3>(score)].key,
                     .place = place->name,
                     .text = texts_[place->text].text});
  }
  return found;
}

}  // namespace forebay
