// Tells an operator of views that did not have their records when the worker started: how far they
// are being brought up, and what they lack where a topic no longer holds its beginning.
//
//   BringUpLog log;
//   log.Look(worker.Tasks(), absl::Now());   // now and then
#ifndef FOREBAY_CLI_BRING_UP_LOG_H_
#define FOREBAY_CLI_BRING_UP_LOG_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/worker/running_task.h"

namespace forebay {

class BringUpLog {
 public:
  // Says what is new, and every five seconds how far it is.
  void Look(const std::vector<std::shared_ptr<const RunningTask>>& tasks, absl::Time now);

 private:
  struct View {
    bool said_kept = false;
    bool said_done = false;
    bool said_incomplete = false;
  };

  absl::Time next_progress_ = absl::InfinitePast();
  std::map<std::string, View> views_;  // by "name@version"
};

}  // namespace forebay

#endif  // FOREBAY_CLI_BRING_UP_LOG_H_
