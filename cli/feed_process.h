// Sends the rows of files that a topic does not have yet into it (BatchSource.feed).
#ifndef FOREBAY_CLI_FEED_PROCESS_H_
#define FOREBAY_CLI_FEED_PROCESS_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "schemas/definition/project.h"

namespace forebay {

// `sources`: by name; none: all that are fed. Until all is sent, or `stop` is true: each row is in
// its topic once, however often this is run or killed.
absl::Status RunFeed(const LoadedProject& loaded, const std::vector<std::string>& sources,
                     const std::atomic<bool>& stop);

}  // namespace forebay

#endif  // FOREBAY_CLI_FEED_PROCESS_H_
