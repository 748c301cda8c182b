#include "connectors/kafka/connection_fault.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

namespace forebay {
namespace {

constexpr absl::Duration kRefusalPatience = absl::Seconds(2);

// What TLS has for a broker that does not trust this client; librdkafka takes it for a connection
// that was lost.
bool IsAlert(std::string_view reason) {
  return reason.find("SSL alert number") != std::string_view::npos;
}

bool IsRefusal(int code, std::string_view reason) {
  return code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
         code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED || IsAlert(reason);
}

}  // namespace

void ConnectionFault::Note(int code, std::string_view reason, absl::Time now) {
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;    // comes after what it is about
  last_reason_ = reason.substr(0, reason.rfind(" (after "));  // " (after 3ms in state CONNECT)"
  if (!refused_ && IsRefusal(code, reason)) refused_ = Refused{code, last_reason_, now};
}

std::string ConnectionFault::Reason() const {
  return last_reason_.empty() ? "" : fmt::format(" ({})", last_reason_);
}

absl::Status ConnectionFault::Refusal(std::string_view bootstrap_servers, absl::Time now) const {
  if (!refused_ || now < refused_->since + kRefusalPatience) return absl::OkStatus();
  if (IsAlert(refused_->reason)) {
    return absl::FailedPreconditionError(fmt::format(
        "broker {} refuses TLS with this client: {}. Under `kafka` in forebay.yaml, set "
        "`ssl.certificate.location` and `ssl.key.location` to a certificate that the broker trusts "
        "and its key, or `security.protocol` to that of a port that asks for none",
        bootstrap_servers, refused_->reason));
  }
  if (refused_->code == RD_KAFKA_RESP_ERR__SSL) {
    return absl::FailedPreconditionError(fmt::format(
        "no TLS connection to broker {}: {}. Under `kafka` in forebay.yaml, see whether "
        "`security.protocol` is that of the broker's port, `ssl.ca.location` names the authority "
        "that signed the broker's certificate, and `bootstrap.servers` has the names that the "
        "certificate has",
        bootstrap_servers, refused_->reason));
  }
  return absl::FailedPreconditionError(fmt::format(
      "broker {} refuses this client: {}. Under `kafka` in forebay.yaml, set `sasl.username`, "
      "`sasl.password` and `sasl.mechanisms` to what the broker knows",
      bootstrap_servers, refused_->reason));
}

}  // namespace forebay
