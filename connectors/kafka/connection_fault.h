// What keeps a client from its brokers, as its error callback has it, and whether waiting helps.
//
//   fault.Note(code, reason, absl::Now());                        // in the callback
//   RETURN_IF_ERROR(fault.Refusal(bootstrap_servers, absl::Now()));
//   log.Say("not reachable{}, retrying", fault.Reason());         // " (Connection refused)"
//
// Not thread-safe.
#ifndef FOREBAY_CONNECTORS_KAFKA_CONNECTION_FAULT_H_
#define FOREBAY_CONNECTORS_KAFKA_CONNECTION_FAULT_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace forebay {

class ConnectionFault {
 public:
  // `code` is an rd_kafka_resp_err_t; `reason` is librdkafka's text.
  void Note(int code, std::string_view reason, absl::Time now);

  // In brackets, after a space; empty when nothing is known.
  std::string Reason() const;

  // FAILED_PRECONDITION, saying which settings to look at, when some time has passed since a broker
  // refused the client or the client the broker's certificate: other brokers may answer meanwhile.
  // Brokers that are away are waited for: OK.
  absl::Status Refusal(std::string_view bootstrap_servers, absl::Time now) const;

 private:
  struct Refused {
    int code;
    std::string reason;
    absl::Time since;
  };

  std::string last_reason_;
  std::optional<Refused> refused_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_CONNECTION_FAULT_H_
