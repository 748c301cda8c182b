// The folder in a worker's state folder in which lanes (lane.h) keep their states.
#ifndef FOREBAY_CLI_LANE_FOLDER_H_
#define FOREBAY_CLI_LANE_FOLDER_H_

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/types/view_id.h"

namespace forebay {

// Where lanes of a worker keep their states; one at a time has it.
class LaneFolder {
 public:
  static absl::StatusOr<std::unique_ptr<LaneFolder>> Open(const std::filesystem::path& state,
                                                          const std::string& project,
                                                          const StoreLimits& limits);
  StateFolder& folder() { return folder_; }
  StoreFactory& stores() { return stores_; }

 private:
  LaneFolder(StateFolder folder, const StoreLimits& limits)
      : folder_(std::move(folder)), stores_(folder_.path(), limits) {}

  StateFolder folder_;
  StoreFactory stores_;
};

std::filesystem::path LanePath(const std::filesystem::path& state);
// The views that have state in a lane: what a worker was bringing up when it ended.
absl::StatusOr<std::set<ViewId>> ViewsInLane(const std::filesystem::path& state);
// Nothing of it is needed any more: it is there as a whole, or not at all. REQUIRES: nobody has it
// open.
void RemoveLane(const std::filesystem::path& state);

}  // namespace forebay

#endif  // FOREBAY_CLI_LANE_FOLDER_H_
