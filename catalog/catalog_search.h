// Looks for words in names, descriptions, owners, tags and columns of a catalog.
#ifndef FOREBAY_CATALOG_CATALOG_SEARCH_H_
#define FOREBAY_CATALOG_CATALOG_SEARCH_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog_state.h"

namespace forebay {

struct SearchHit {
  std::string key;    // of the object; of a feature its view's
  std::string place;  // "name", "feature spend_1h", "tag", "owner", "description", "column amount"
  std::string text;   // what was found there
};

// The texts of a state, prepared for many searches. Immutable; needs the state no more.
class CatalogSearch {
 public:
  explicit CatalogSearch(const CatalogState& state);
  ~CatalogSearch();

  // Of all words of `query` (separated by spaces, case aside) in one object; the best first: names
  // before other texts, whole words before beginnings, these before parts, and words with typing
  // errors last (as NearestName counts them). Retired objects last of their likes.
  std::vector<SearchHit> Find(std::string_view query, size_t most = 50) const;

 private:
  struct Text;  // each once, however many objects have it
  struct Place;
  struct Object;
  class Matches;

  std::vector<Text> texts_;
  std::vector<std::string> words_;  // of all texts, each once
  std::vector<Object> objects_;     // by key
};

}  // namespace forebay

#endif  // FOREBAY_CATALOG_CATALOG_SEARCH_H_
