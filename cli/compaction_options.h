// How tables are compacted by commands: whatever the worker leaves.
#ifndef FOREBAY_CLI_COMPACTION_OPTIONS_H_
#define FOREBAY_CLI_COMPACTION_OPTIONS_H_

#include "offline/compaction/compaction.h"
#include "schemas/definition/config.h"

namespace forebay {

CompactionOptions CompactionOptionsOf(const ProjectConfig& config);

}  // namespace forebay

#endif  // FOREBAY_CLI_COMPACTION_OPTIONS_H_
