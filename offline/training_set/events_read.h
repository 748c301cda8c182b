// What the events of a source were read from, for a set of mode `event`: enough to read the same
// again.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_EVENTS_READ_H_
#define FOREBAY_OFFLINE_TRAINING_SET_EVENTS_READ_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "offline/training_set/row_bounds.h"

namespace forebay {

struct EventsRead {
  struct File {
    std::string path;
    int64_t bytes = 0;

    bool operator==(const File&) const = default;
  };

  std::string source;
  std::vector<File> files;  // of its batch, by path
  std::string archive_id;   // of the Delta table; "": no archive was read
  int64_t archive_version = -1;
  TablePositions archive_positions;
  // The latest event time, microseconds UTC; nullopt: there are no events.
  std::optional<int64_t> last;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_EVENTS_READ_H_
