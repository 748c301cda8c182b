// Asks again while no broker answers, until `stop`. `Ask` returns a Status or a StatusOr.
#ifndef FOREBAY_CLI_ASK_PATIENTLY_H_
#define FOREBAY_CLI_ASK_PATIENTLY_H_

#include <atomic>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "connectors/kafka/retry_log.h"

namespace forebay {

template <typename Ask>
auto AskPatiently(const std::atomic<bool>& stop, const Ask& ask) -> decltype(ask()) {
  RetryLog log;
  while (true) {
    auto answer = ask();
    absl::Status status;
    if constexpr (std::is_same_v<decltype(answer), absl::Status>) {
      status = answer;
    } else {
      status = answer.status();
    }
    if (!absl::IsUnavailable(status) || stop.load()) return answer;
    log.Say("{}, retrying", std::string(status.message()));
  }
}

}  // namespace forebay

#endif  // FOREBAY_CLI_ASK_PATIENTLY_H_
