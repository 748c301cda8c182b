// Some views of a project, to be computed from files into a temporary folder (in TMPDIR), which is
// gone when this is: the project's own state and tables are left alone.
//
//   ASSIGN_OR_RETURN(auto scratch, ScratchProject::Make(loaded, views, "--mode event",
//                                                       "forebay-event"));
//   ... RunBackfill(scratch->project(), {}, stop) ...
//   ... scratch->warehouse() ...
#ifndef FOREBAY_CLI_SCRATCH_PROJECT_H_
#define FOREBAY_CLI_SCRATCH_PROJECT_H_

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "schemas/definition/project.h"
#include "schemas/types/view_id.h"

namespace forebay {

class ScratchProject {
 public:
  // `needed_by`: for the message, where the folder cannot be made: FAILED_PRECONDITION. `name`:
  // what the folder's begins with.
  static absl::StatusOr<std::unique_ptr<ScratchProject>> Make(const LoadedProject& of,
                                                              const std::set<ViewId>& views,
                                                              std::string_view needed_by,
                                                              const std::string& name);
  ~ScratchProject();
  ScratchProject(const ScratchProject&) = delete;
  ScratchProject& operator=(const ScratchProject&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

  // The other views are there, without a source, and sources that none of `views` has are without a
  // batch. May be changed before it is run.
  LoadedProject& project() { return project_; }
  const LoadedProject& project() const { return project_; }

  std::shared_ptr<ObjectStore> warehouse() const;

 private:
  explicit ScratchProject(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path folder_;
  LoadedProject project_;
};

}  // namespace forebay

#endif  // FOREBAY_CLI_SCRATCH_PROJECT_H_
