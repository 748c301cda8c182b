// The rows of one key in one data file.
#ifndef FOREBAY_OFFLINE_HISTORY_KEY_IN_FILE_H_
#define FOREBAY_OFFLINE_HISTORY_KEY_IN_FILE_H_

#include <arrow/result.h>

#include <cstdint>
#include <memory>

#include "offline/history/key_rows.h"
#include "offline/history/paged_file.h"

namespace forebay {

struct KeyInFile {
  KeyOfRows key;
  int64_t key_hash = 0;                    // its `_key_hash`
  std::shared_ptr<arrow::Schema> columns;  // of the result
};

// All of them, row group by row group, in the order of the file. Columns that the file lacks are
// null. `groups` is raised by the row groups of which a page was read.
// Errors and exceptions as of PagedFile; INVALID for a column that is not of its type.
arrow::Result<arrow::RecordBatchVector> FindKey(const KeyInFile& wanted, PagedFile* file,
                                                int64_t* groups);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_HISTORY_KEY_IN_FILE_H_
