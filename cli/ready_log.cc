#include "cli/ready_log.h"

#include <spdlog/spdlog.h>

#include <string>

namespace forebay {
namespace {

constexpr absl::Duration kFirstAfter = absl::Seconds(1);
constexpr absl::Duration kInterval = absl::Seconds(5);

}  // namespace

void ReadyLog::Look(const absl::Status& ready, size_t partitions, absl::Time now) {
  bool changed = ready_ != ready.ok();
  ready_ = ready.ok();
  if (ready.ok()) {
    if (changed) {
      spdlog::info(
          "ready: the {} partitions on this worker are read up to where they ended when "
          "it got them",
          partitions);
    }
    return;
  }
  if (changed) next_ = now + kFirstAfter;
  if (now < next_) return;
  next_ = now + kInterval;
  spdlog::info("not ready: {}", std::string(ready.message()));
}

}  // namespace forebay
