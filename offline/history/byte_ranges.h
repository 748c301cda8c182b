// Several stretches of a file, read with as few requests as its place calls for.
#ifndef FOREBAY_OFFLINE_HISTORY_BYTE_RANGES_H_
#define FOREBAY_OFFLINE_HISTORY_BYTE_RANGES_H_

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace forebay {

// What a request costs where the file is.
struct ReadCost {
  int64_t gap = 8 << 10;    // bytes that are rather read in vain than left out by one more request
  int64_t tail = 64 << 10;  // bytes at the end of a Parquet file to read at once, for its footer
  int files_at_once = 2;
  bool overlap = false;  // requests to one file, too, are made at once

  static ReadCost OfDisk() { return {}; }
  // A request takes some tens of milliseconds, and hundreds may be under way.
  static ReadCost OfObjectStore() {
    return {.gap = 512 << 10, .tail = 512 << 10, .files_at_once = 16, .overlap = true};
  }
};

// The bytes of ranges[i] as item i. Ranges may be empty, and in any order.
arrow::Result<std::vector<std::shared_ptr<arrow::Buffer>>> ReadByteRanges(
    arrow::io::RandomAccessFile* file, const std::vector<arrow::io::ReadRange>& ranges,
    const ReadCost& cost);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_HISTORY_BYTE_RANGES_H_
