// Named places at which tests kill the process.
//
//   CrashPoint("compaction.merged");
//
// Does nothing, but with FOREBAY_CRASH_AT=compaction.merged in the environment it kills the process
// as `kill -9` does; with `compaction.merged:3` when it comes there the third time.
#ifndef FOREBAY_SCHEMAS_TYPES_CRASH_POINT_H_
#define FOREBAY_SCHEMAS_TYPES_CRASH_POINT_H_

#include <string_view>

namespace forebay {

void CrashPoint(std::string_view name);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_CRASH_POINT_H_
