#include "cli/scratch_project.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

// What is computed anew after a crash need not be durable before.
constexpr int64_t kCommitIntervalUs = 10'000'000;

absl::StatusOr<fs::path> MakeTemporaryFolder(std::string_view needed_by, const std::string& name) {
  std::error_code error;
  std::string folder = (fs::temp_directory_path(error) / (name + "-XXXXXX")).string();
  if (error || mkdtemp(folder.data()) == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("{} needs a temporary folder, and {} cannot be made: {}. Let TMPDIR name a "
                    "folder that can be written to",
                    needed_by, folder, error ? error.message() : std::strerror(errno)));
  }
  return folder;
}

// Only `views` are computed.
LoadedProject ScratchOf(const LoadedProject& of, const std::set<ViewId>& views,
                        const fs::path& folder) {
  LoadedProject changed;
  changed.config = of.config;
  changed.config.state = folder / "state";
  changed.config.warehouse = StoreUri::Folder((folder / "warehouse").string());
  changed.config.commit_interval_us = kCommitIntervalUs;
  *changed.project = *of.project;
  std::set<std::string> sources;
  for (v1::FeatureView& view : *changed.project->mutable_feature_views()) {
    if (views.contains({view.name(), view.version()})) {
      sources.insert(view.source());
      view.set_history(v1::FeatureView::ON);
    } else {
      view.clear_source();  // no task computes it, and it keeps its place among the views
    }
  }
  for (v1::Source& source : *changed.project->mutable_sources()) {
    if (!sources.contains(source.name())) source.clear_batch();
  }
  return changed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ScratchProject>> ScratchProject::Make(const LoadedProject& of,
                                                                     const std::set<ViewId>& views,
                                                                     std::string_view needed_by,
                                                                     const std::string& name) {
  ASSIGN_OR_RETURN(fs::path folder, MakeTemporaryFolder(needed_by, name));
  std::unique_ptr<ScratchProject> scratch(new ScratchProject(std::move(folder)));
  scratch->project_ = ScratchOf(of, views, scratch->folder_);
  return scratch;
}

ScratchProject::~ScratchProject() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::shared_ptr<ObjectStore> ScratchProject::warehouse() const {
  return OpenObjectStore(project_.config.warehouse, {});
}

}  // namespace forebay
