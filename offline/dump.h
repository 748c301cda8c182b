// Change logs, and files of tables, as text, for `forebay dump`.
#ifndef FOREBAY_OFFLINE_DUMP_H_
#define FOREBAY_OFFLINE_DUMP_H_

#include <ostream>
#include <string>

#include "absl/status/status.h"

namespace forebay {

// Lines of JSON: one for the segment, then for each frame one with its positions and clock,
// followed by one per row, with the row's columns:
//   {"segment":"...","number":1,"frames":2,"bytes":5120}
//   {"frame":0,"place":32,"bytes":2544,"first_position":7,"position":9,"clock":"2013-..."}
//   {"view":"user_spend","version":1,"user_id":"u1","spend_10m":12.5, ... ,"_ordinal":0, ...}
// A torn tail is not cut, but told in the first line ("torn"). Reads a log that a worker is writing
// to as far as it is whole. Errors as ReadSegment.
absl::Status DumpSegment(const std::string& path, std::ostream* out);

// All segments of a change log folder, in order.
absl::Status DumpChangeLog(const std::string& folder, std::ostream* out);

// A file by what it is called: NAME.json, a commit of a Delta log, action by action;
// NAME.checkpoint.parquet, likewise; another NAME.parquet, a data file, row by row; NAME.log, a
// segment. Of Parquet, `footer` gives what the file says of itself instead: a line for the file,
// for each row group, and for each column in it. `path`: of a file.
// INVALID_ARGUMENT: another name. DATA_LOSS: it is damaged; what came before that is printed.
absl::Status DumpFile(const std::string& path, bool footer, std::ostream* out);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DUMP_H_
