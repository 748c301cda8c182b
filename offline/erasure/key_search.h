// Data files that hold rows that are to be erased: of each as little is read as its statistics ask
// for.
//
//   std::vector<FileSearch> found = SearchFiles(place, paths, key);
#ifndef FOREBAY_OFFLINE_ERASURE_KEY_SEARCH_H_
#define FOREBAY_OFFLINE_ERASURE_KEY_SEARCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "connectors/object_store/object_store.h"
#include "offline/erasure/erased_key.h"
#include "offline/history/byte_ranges.h"

namespace forebay {

// Where to search. What it points to outlives it.
struct SearchedTable {
  const ObjectStore* store = nullptr;
  std::string table;   // its folder
  bool hashed = true;  // its `_key_hash` is that of the entity's keys: false for archives
  ReadCost cost;
};

struct FileSearch {
  // NOT_FOUND: there is no such file. DATA_LOSS: it is damaged, or no data file.
  absl::Status status;
  int64_t rows = 0;  // to be erased
};

// Of `files`, as the log calls them, in their order; several at a time.
std::vector<FileSearch> SearchFiles(const SearchedTable& table, absl::Span<const std::string> files,
                                    const ErasedKey& key);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ERASURE_KEY_SEARCH_H_
