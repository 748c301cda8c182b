// The most frequent values, in bounded memory: Misra-Gries counters, merged as Agarwal and others
// do
// ("Mergeable Summaries", PODS 2012).
//
// A count is at most error() below the true one, and error() at most n / (kMost + 1) of n values;
// values that are not here are no more frequent than that. Where there were no more than kMost
// values, all counts are exact.
#ifndef FOREBAY_OFFLINE_STATISTICS_TOP_VALUES_H_
#define FOREBAY_OFFLINE_STATISTICS_TOP_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace forebay {

namespace v1 {
class TopValues;
}

class TopValues {
 public:
  static constexpr size_t kMost = 64;

  struct Entry {
    std::string value;
    int64_t count = 0;
  };

  void Add(std::string_view value);
  void Merge(const TopValues& other);

  // At most kMost; the most frequent first, equally frequent ones by their bytes.
  std::vector<Entry> Entries() const;
  int64_t error() const;
  bool empty() const { return counts_.empty(); }

  void Write(v1::TopValues* to) const;
  // False: this is no summary.
  bool Read(const v1::TopValues& from);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view value) const { return std::hash<std::string_view>()(value); }
  };

  void Cut();

  // Up to twice kMost values, so that a cut, which leaves kMost, is seldom.
  absl::flat_hash_map<std::string, int64_t, Hash, std::equal_to<>> counts_;
  int64_t error_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_STATISTICS_TOP_VALUES_H_
