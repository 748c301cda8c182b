// Why a port could not be had, said once for all doors.
#ifndef FOREBAY_ONLINE_SERVING_PORT_ERROR_H_
#define FOREBAY_ONLINE_SERVING_PORT_ERROR_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace forebay {

// FAILED_PRECONDITION that names the port, the reason and what to change. `entry`: of forebay.yaml,
// such as "serving.http_port". `error_number`: the errno of bind() or listen().
absl::Status PortError(std::string_view address, uint16_t port, std::string_view entry,
                       int error_number);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_SERVING_PORT_ERROR_H_
