// The Parquet file of a training set.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_OUTPUT_FILE_H_
#define FOREBAY_OFFLINE_TRAINING_SET_OUTPUT_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "schemas/types/parquet_encoding.h"

namespace arrow {
class Table;
}

namespace forebay {

// Replaces the file as a whole. In compatible files, label columns of nanoseconds become
// microseconds where that loses nothing; of those that stay, a sentence goes to `warnings`.
absl::Status WriteOutputFile(std::shared_ptr<arrow::Table> table, ParquetEncoding encoding,
                             const std::string& path, std::vector<std::string>* warnings);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_OUTPUT_FILE_H_
