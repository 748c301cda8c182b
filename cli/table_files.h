// The files of Delta tables that events are read from (ListTable of batch_files.h).
#ifndef FOREBAY_CLI_TABLE_FILES_H_
#define FOREBAY_CLI_TABLE_FILES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "connectors/file/batch_files.h"

namespace forebay {

// The data files of the newest version of a table that anybody wrote. UNIMPLEMENTED: it is
// partitioned, or its files are not all of its rows and nothing else.
absl::StatusOr<std::vector<BatchFile>> ListTableFiles(const StoreUri& uri, const S3Settings& s3);

}  // namespace forebay

#endif  // FOREBAY_CLI_TABLE_FILES_H_
