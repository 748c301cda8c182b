// Delta tables that anybody wrote, as files of a source.
#ifndef FOREBAY_CLI_BATCH_TABLE_H_
#define FOREBAY_CLI_BATCH_TABLE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "connectors/file/batch_files.h"

namespace forebay {

// A ListTable. UNIMPLEMENTED: a table with files outside of its folder. FAILED_PRECONDITION: one
// with what LoadSnapshot does not read, as deletion vectors.
absl::StatusOr<TableFiles> ListTableFiles(const StoreUri& uri, const S3Settings& s3);

}  // namespace forebay

#endif  // FOREBAY_CLI_BATCH_TABLE_H_
