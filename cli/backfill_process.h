// A run of the engine over the files of sources (`batch`): writes states and tables, and ends.
#ifndef FOREBAY_CLI_BACKFILL_PROCESS_H_
#define FOREBAY_CLI_BACKFILL_PROCESS_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/definition/project.h"
#include "schemas/types/strong_int.h"

namespace forebay {

// Some of the partitions of a topic of plans (TaskPlan.topic).
struct BackfillPart {
  int32_t partitions = 0;  // of the topic
  std::set<int> taken;     // of these
  std::string files;       // what they must be: BatchFiles::Identity
};

struct BackfillOptions {
  // "name" or "name@version"; none: of all sources that have files. The other views of their
  // sources and keys come along.
  std::vector<std::string> views;
  double events_per_second = 0;       // at most; 0: as fast as it goes
  std::string doing = "backfilling";  // for the line on a terminal
  // By topic: of a backfill in parts, what this one takes. nullopt: everything.
  std::optional<std::map<std::string, BackfillPart>> part;
  // Rows are read for as long as changes that are effective before this may come of them; nullopt:
  // all.
  std::optional<KnownTime> until_complete;
  bool quiet = false;  // dead letters are counted, and not told one by one
};

// Until all is read: returns what was, in lines for people. nullopt: `stop` became true before;
// what was done until then stands, and another run goes on from there. Once in a process.
absl::StatusOr<std::optional<std::vector<std::string>>> RunBackfill(const LoadedProject& loaded,
                                                                    const BackfillOptions& options,
                                                                    const std::atomic<bool>& stop);

}  // namespace forebay

#endif  // FOREBAY_CLI_BACKFILL_PROCESS_H_
