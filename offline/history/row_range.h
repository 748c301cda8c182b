// Stretches of rows of a row group.
#ifndef FOREBAY_OFFLINE_HISTORY_ROW_RANGE_H_
#define FOREBAY_OFFLINE_HISTORY_ROW_RANGE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

namespace forebay {

// Rows `begin` up to, not including, `end`.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
  bool operator==(const RowRange&) const = default;
};

// In order, neither empty nor touching each other.
using RowRanges = std::vector<RowRange>;

// Adds a range that begins at or after the last one's begin.
inline void AppendRange(RowRange range, RowRanges* ranges) {
  if (range.begin >= range.end) return;
  if (!ranges->empty() && ranges->back().end >= range.begin) {
    ranges->back().end = std::max(ranges->back().end, range.end);
  } else {
    ranges->push_back(range);
  }
}

inline RowRanges Intersect(const RowRanges& a, const RowRanges& b) {
  RowRanges both;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    AppendRange({std::max(a[i].begin, b[j].begin), std::min(a[i].end, b[j].end)}, &both);
    a[i].end < b[j].end ? ++i : ++j;
  }
  return both;
}

inline int64_t CountRows(const RowRanges& ranges) {
  int64_t rows = 0;
  for (const RowRange& range : ranges) rows += range.size();
  return rows;
}

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_HISTORY_ROW_RANGE_H_
