#include "online/serving/port_error.h"

#include <cerrno>
#include <string>
#include <system_error>

#include "fmt/format.h"

namespace forebay {

absl::Status PortError(std::string_view address, uint16_t port, std::string_view entry,
                       int error_number) {
  std::string reason;
  switch (error_number) {
    case EADDRINUSE:
      reason = fmt::format(
          "the port is taken: stop what listens there, or set {} in forebay.yaml to a free port",
          entry);
      break;
    case EACCES:
      reason = fmt::format("not permitted: set {} in forebay.yaml to a port above 1023", entry);
      break;
    case EADDRNOTAVAIL:
      reason = "the address is none of this machine's: set serving.address in forebay.yaml";
      break;
    default:
      reason = fmt::format("{}: check {} in forebay.yaml",
                           std::generic_category().message(error_number), entry);
  }
  return absl::FailedPreconditionError(
      fmt::format("cannot listen on {} port {}: {}", address, port, reason));
}

}  // namespace forebay
