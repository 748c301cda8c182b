#include "cli/erasure_log.h"

#include <spdlog/spdlog.h>

#include "fmt/format.h"
#include "schemas/types/crash_point.h"

namespace forebay {
namespace {

std::string Describe(const AppliedErasure& erasure) {
  std::string what = erasure.views == 0
                         ? "no view had the key"
                         : fmt::format("{} {} the key", erasure.views,
                                       erasure.views == 1 ? "view had" : "views had");
  return erasure.forwarded ? what + "; forwarded" : what;
}

}  // namespace

absl::Status ErasureLog::Commit(absl::Span<const TaskOutput* const> outputs) {
  for (const TaskOutput* output : outputs) {
    if (!output->erasures.empty()) CrashPoint("erasure.published");
    for (const AppliedErasure& erasure : output->erasures) {
      spdlog::info("{}: erased a key of entity {} at offset {} ({})", output->task.ToString(),
                   erasure.entity, erasure.offset.value(), Describe(erasure));
    }
  }
  return absl::OkStatus();
}

}  // namespace forebay
