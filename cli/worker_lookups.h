// Lookups of many keys at the worker of the project over HTTP, as a SyncCheckRequest asks them.
#ifndef FOREBAY_CLI_WORKER_LOOKUPS_H_
#define FOREBAY_CLI_WORKER_LOOKUPS_H_

#include <string>

#include "cli/sync_check.h"

namespace forebay {

// `project` outlives it. `url`: "http://127.0.0.1:8080". Its errors: UNAVAILABLE, also of keys that
// another worker has; FAILED_PRECONDITION: the worker refuses the question.
LookUpKeys LookupsAt(const v1::Project& project, std::string url);

}  // namespace forebay

#endif  // FOREBAY_CLI_WORKER_LOOKUPS_H_
