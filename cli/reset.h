// Removes what views and archives, or the whole project, left: the doing of `forebay reset`.
#ifndef FOREBAY_CLI_RESET_H_
#define FOREBAY_CLI_RESET_H_

#include <set>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/leftovers.h"
#include "online/store/state_folder.h"

namespace forebay {

// How long the broker may know workers that were killed.
absl::Duration SessionTimeout(const KafkaConfig& kafka);

// Removes what these views and archives left, and prints what. Broken off in the middle, the state
// folder keeps workers away until the same is done again, which finishes it: a part is never taken
// for the whole. REQUIRES: no worker of the project runs.
absl::Status ResetTables(const Places& places, const Leftovers& left,
                         const std::set<TableId>& tables, StateFolder* folder);

// The same for all that the project left.
absl::Status ResetProject(const Places& places, const Leftovers& left, StateFolder* folder);

// Removes what a view left of which no worker has tasks: its topic, its table, the positions of
// both and, last, its place in the catalog, upon which workers drop its state. `left`: what
// FindLeftovers said of it. Broken off, it is done again.
absl::Status PurgeView(const Places& places, const ViewId& view, const ViewLeftovers& left);

}  // namespace forebay

#endif  // FOREBAY_CLI_RESET_H_
