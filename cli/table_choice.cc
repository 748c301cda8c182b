#include "cli/table_choice.h"

#include <optional>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/feature_names.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"

namespace forebay {

namespace {

absl::StatusOr<TableId> ArchiveOf(const v1::Project& project, const std::string& source) {
  std::vector<std::string> archived;
  for (const v1::Source& of : project.sources()) {
    if (!of.archive()) continue;
    if (of.name() == source) return TableId::OfEvents(source);
    archived.push_back(of.name());
  }
  return absl::InvalidArgumentError(
      fmt::format("there is no archive 'events/{}'{}: no source of that name has `archive: on`",
                  source, DidYouMean(source, archived)));
}

absl::StatusOr<TableId> TableOf(const v1::Project& project, const std::string& name) {
  if (std::optional<std::string> source = ParseArchiveName(name))
    return ArchiveOf(project, *source);
  ASSIGN_OR_RETURN(int index, FeatureNames(project).FindView(name));
  const v1::FeatureView& view = project.feature_views(index);
  if (view.history() == v1::FeatureView::ON) return TableId(view.name(), view.version());
  return absl::InvalidArgumentError(fmt::format(
      "feature view '{}' has `history: off`: there is no offline table of it", view.name()));
}

}  // namespace

absl::StatusOr<std::vector<TableId>> ChooseTables(const v1::Project& project,
                                                  const std::vector<std::string>& names) {
  std::vector<TableId> chosen;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(TableId table, TableOf(project, name));
    chosen.push_back(std::move(table));
  }
  if (!names.empty()) return chosen;
  for (const v1::FeatureView& view : project.feature_views()) {
    if (view.history() == v1::FeatureView::ON) chosen.emplace_back(view.name(), view.version());
  }
  for (const v1::Source& source : project.sources()) {
    if (source.archive()) chosen.push_back(TableId::OfEvents(source.name()));
  }
  return chosen;
}

}  // namespace forebay
