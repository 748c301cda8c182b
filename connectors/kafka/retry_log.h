// Says that something is being retried, but not every time: at once, then every five seconds.
//
//   RetryLog log;
//   while (!Try()) log.Say("broker {} not reachable, retrying", address);
//   log.Done("broker {} answers", address);
//
// Not thread-safe.
#ifndef FOREBAY_CONNECTORS_KAFKA_RETRY_LOG_H_
#define FOREBAY_CONNECTORS_KAFKA_RETRY_LOG_H_

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace forebay {

class RetryLog {
 public:
  template <typename... Args>
  void Say(fmt::format_string<Args...> format, Args&&... args) {
    absl::Time now = absl::Now();
    if (now - last_ < absl::Seconds(5)) return;
    last_ = now;
    said_ = true;
    spdlog::warn(format, std::forward<Args>(args)...);
  }

  // As Say, but not before five seconds of trying.
  template <typename... Args>
  void SayLater(fmt::format_string<Args...> format, Args&&... args) {
    if (last_ == absl::InfinitePast()) last_ = absl::Now();
    Say(format, std::forward<Args>(args)...);
  }

  // Says so only if something was said before, and starts anew.
  template <typename... Args>
  void Done(fmt::format_string<Args...> format, Args&&... args) {
    if (said_) spdlog::info(format, std::forward<Args>(args)...);
    said_ = false;
    last_ = absl::InfinitePast();
  }

 private:
  absl::Time last_ = absl::InfinitePast();
  bool said_ = false;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_RETRY_LOG_H_
