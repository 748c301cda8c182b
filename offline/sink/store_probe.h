// Whether a store takes what forebay commits to it.
#ifndef FOREBAY_OFFLINE_SINK_STORE_PROBE_H_
#define FOREBAY_OFFLINE_SINK_STORE_PROBE_H_

#include <string_view>

#include "absl/status/status.h"
#include "connectors/object_store/object_store.h"

namespace forebay {

// Writes an object, asks for the same only if it is absent, and removes it. `what` the store is,
// for messages. FAILED_PRECONDITION: it is not writable, or does not know conditional writes.
absl::Status ProbeStore(ObjectStore* store, std::string_view what);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SINK_STORE_PROBE_H_
