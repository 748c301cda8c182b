// SIGTERM and SIGINT, for commands that run until they are asked to stop.
#ifndef FOREBAY_CLI_STOP_SIGNAL_H_
#define FOREBAY_CLI_STOP_SIGNAL_H_

#include <atomic>

namespace forebay {

// True from the first signal on, which asks for a clean stop; the second does not wait for it.
const std::atomic<bool>& StopOnSignals();

}  // namespace forebay

#endif  // FOREBAY_CLI_STOP_SIGNAL_H_
