#include "cli/compaction_options.h"

#include "absl/time/clock.h"

namespace forebay {

CompactionOptions CompactionOptionsOf(const ProjectConfig& config) {
  return {.limits = {.loose_files = 2, .memory_bytes = config.compaction_memory_bytes},
          .target_bytes = config.table_file_bytes,
          .encoding = config.parquet_encoding,
          .now_us = [] { return absl::ToUnixMicros(absl::Now()); }};
}

}  // namespace forebay
