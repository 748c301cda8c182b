// What a training set was made of, beside it as JSON: enough to make the same bytes again.
//
//   WriteManifest(project, request, summary, {.program = "forebay 0.1.0"});  //
//   set.parquet.manifest.json Manifest manifest =
//   ParseManifests(text, "set.parquet.manifest.json").value()[0]; manifest.request.warehouse =
//   store; ASSIGN_OR_RETURN(..., PrepareAgain(project, &manifest)); BuildTrainingSet(project,
//   manifest.request);          // FAILED_PRECONDITION where it differs
#ifndef FOREBAY_OFFLINE_TRAINING_SET_MANIFEST_H_
#define FOREBAY_OFFLINE_TRAINING_SET_MANIFEST_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "offline/training_set/training_set.h"

namespace forebay {

struct MadeBy {
  std::string program;               // "forebay 0.1.0"
  std::vector<std::string> command;  // the words of the command line
};

struct Manifest {
  std::string project;
  MadeBy made_by;
  // Without warehouse and S3 settings; `again` is set.
  TrainingSetRequest request;
  std::shared_ptr<const TrainingSetSummary> made;  // what request.again points to
};

// "<output>.manifest.json".
std::string ManifestPath(const std::string& output);

// Beside the output, in place of one that is there. Returns its path.
absl::StatusOr<std::string> WriteManifest(const v1::Project& project,
                                          const TrainingSetRequest& request,
                                          const TrainingSetSummary& summary, const MadeBy& made_by);

// One, or, of a set that was made by tasks, those of its parts, in their order. `path`: where the
// text is from. INVALID_ARGUMENT: it is no manifest, or one of a later program.
absl::StatusOr<std::vector<Manifest>> ParseManifests(std::string_view text,
                                                     const std::string& path);

// Chooses what is read of each table: the version that was, or, where files of that are gone, the
// newest, but only the rows that were there then. In mode `event` there is nothing to choose: who
// recomputes the views reads the events that `made` names. FAILED_PRECONDITION: the project, a
// definition or a table is another one, or states were read, too. REQUIRES: request.warehouse is
// set.
absl::Status PrepareAgain(const v1::Project& project, Manifest* manifest);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_MANIFEST_H_
