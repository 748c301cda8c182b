// Early return on an absl::Status that is not OK.
//
//   RETURN_IF_ERROR(log.Sync());
//   ASSIGN_OR_RETURN(Segment segment, log.Rotate());
#ifndef FOREBAY_SCHEMAS_TYPES_STATUS_MACROS_H_
#define FOREBAY_SCHEMAS_TYPES_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define FOREBAY_CONCAT_INNER(a, b) a##b
#define FOREBAY_CONCAT(a, b) FOREBAY_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                                              \
  do {                                                                                           \
    if (absl::Status forebay_status = (expression); !forebay_status.ok()) return forebay_status; \
  } while (false)

#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_INNER(FOREBAY_CONCAT(forebay_result_, __LINE__), target, expression)
#define ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                              \
  if (!result.ok()) return std::move(result).status();     \
  target = *std::move(result)

#endif  // FOREBAY_SCHEMAS_TYPES_STATUS_MACROS_H_
