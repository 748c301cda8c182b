#include "cli/table_choice.h"

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/feature_names.h"
#include "schemas/types/status_macros.h"

namespace forebay {

absl::StatusOr<std::vector<ViewId>> ChooseTables(const v1::Project& project,
                                                 const std::vector<std::string>& views) {
  std::vector<ViewId> chosen;
  for (const std::string& name : views) {
    ASSIGN_OR_RETURN(int index, FeatureNames(project).FindView(name));
    const v1::FeatureView& view = project.feature_views(index);
    if (view.history() == v1::FeatureView::OFF) {
      return absl::InvalidArgumentError(fmt::format(
          "feature view '{}' has `history: off`: there is no offline table of it", view.name()));
    }
    chosen.push_back({view.name(), view.version()});
  }
  if (!views.empty()) return chosen;
  for (const v1::FeatureView& view : project.feature_views()) {
    if (view.history() == v1::FeatureView::ON) chosen.push_back({view.name(), view.version()});
  }
  return chosen;
}

}  // namespace forebay
