// A run of the engine over the files of sources (`batch`): writes states and tables, and ends.
#ifndef FOREBAY_CLI_BACKFILL_PROCESS_H_
#define FOREBAY_CLI_BACKFILL_PROCESS_H_

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/definition/project.h"

namespace forebay {

struct BackfillOptions {
  // "name" or "name@version"; none: of all sources that have files. The other views of their
  // sources and keys come along.
  std::vector<std::string> views;
  double events_per_second = 0;       // at most; 0: as fast as it goes
  std::string doing = "backfilling";  // for the line on a terminal
  bool quiet = false;                 // dead letters are counted, and not told one by one
};

// Until all is read: returns what was, in lines for people. nullopt: `stop` became true before;
// what was done until then stands, and another run goes on from there. Once in a process.
absl::StatusOr<std::optional<std::vector<std::string>>> RunBackfill(const LoadedProject& loaded,
                                                                    const BackfillOptions& options,
                                                                    const std::atomic<bool>& stop);

}  // namespace forebay

#endif  // FOREBAY_CLI_BACKFILL_PROCESS_H_
