#include "cli/range_backfill.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/backfill_process.h"
#include "cli/scratch_project.h"
#include "connectors/object_store/object_store.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/table_range.h"
#include "offline/range/range_table.h"
#include "schemas/definition/feature_names.h"
#include "schemas/definition/lookup.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/strong_int.h"
#include "schemas/types/time.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

ViewId IdOf(const v1::FeatureView& view) { return {view.name(), view.version()}; }

absl::Status CheckHasRange(const v1::Project& project, const v1::FeatureView& view) {
  const std::string id = IdOf(view).ToString();
  const v1::Source& source = *FindSource(project, view.source());
  if (view.history() == v1::FeatureView::OFF) {
    return absl::InvalidArgumentError(fmt::format(
        "feature view {} has `history: off`: there is no offline table to write a range into", id));
  }
  if (source.has_batch() && source.topic().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("feature view {0} has the source {1}, whose events are in topic {2}: that "
                  "version is computed "
                  "as a whole, by a worker. For a range of time alone, give the new version a "
                  "source of its own "
                  "of files alone, with the columns of {1} and a `batch`, but no `topic`: versions "
                  "of a view may "
                  "have different sources",
                  id, source.name(), source.topic()));
}

// Each once.
absl::StatusOr<std::vector<const v1::FeatureView*>> FindViews(
    const v1::Project& project, const std::vector<std::string>& names) {
  if (names.empty()) {
    return absl::InvalidArgumentError(
        "--from and --to are of views: name them, as in `forebay backfill user_spend@2 --from "
        "...`");
  }
  std::set<int> indices;
  for (const std::string& name : names) {
    absl::StatusOr<int> view = FeatureNames(project).FindView(name);
    if (!view.ok()) return absl::InvalidArgumentError(view.status().message());
    indices.insert(*view);
  }
  std::vector<const v1::FeatureView*> views;
  for (int index : indices) {
    views.push_back(&project.feature_views(index));
    RETURN_IF_ERROR(CheckHasRange(project, *views.back()));
  }
  return views;
}

class RangeBackfill {
 public:
  RangeBackfill(const LoadedProject& loaded, const RangeBackfillOptions& options,
                const std::atomic<bool>& stop)
      : loaded_(loaded),
        options_(options),
        stop_(stop),
        warehouse_(OpenObjectStore(loaded.config.warehouse, loaded.config.s3)) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    RETURN_IF_ERROR(LookForTables());
    if (views_.empty()) return std::move(said_);
    std::set<ViewId> ids;
    for (const v1::FeatureView* view : views_) ids.insert(IdOf(*view));
    ASSIGN_OR_RETURN(auto scratch,
                     ScratchProject::Make(loaded_, ids, "a backfill of a range", "forebay-range"));
    ASSIGN_OR_RETURN(std::optional<std::vector<std::string>> read,
                     RunBackfill(scratch->project(),
                                 {.events_per_second = options_.events_per_second,
                                  .until_complete = KnownTime(options_.range.to),
                                  .quiet = true},
                                 stop_));
    if (!read) return Stopped();
    said_.insert(said_.end(), read->begin(), read->end());
    for (const v1::FeatureView* view : views_) RETURN_IF_ERROR(Write(*view, *scratch));
    return std::move(said_);
  }

 private:
  static absl::Status Stopped() {
    return absl::CancelledError("stopped; the same command does what is not done yet");
  }

  // Those that lack theirs.
  absl::Status LookForTables() {
    const v1::Project& project = *loaded_.project;
    ASSIGN_OR_RETURN(std::vector<const v1::FeatureView*> asked, FindViews(project, options_.views));
    for (const v1::FeatureView* view : asked) {
      ASSIGN_OR_RETURN(
          const bool there,
          HasRangeTable(*warehouse_, IdOf(*view), ViewFingerprint(project, *view), options_.range));
      if (!there) {
        views_.push_back(view);
        continue;
      }
      said_.push_back(fmt::format("{}: its table has {} already: nothing to do",
                                  IdOf(*view).ToString(), DescribeRange(options_.range)));
    }
    return absl::OkStatus();
  }

  absl::Status Write(const v1::FeatureView& view, const ScratchProject& scratch) {
    const v1::Project& project = *loaded_.project;
    ASSIGN_OR_RETURN(
        const RangeTable table,
        WriteRangeTable({.whole = scratch.warehouse(),
                         .warehouse = warehouse_,
                         .view = &view,
                         .entity = FindEntity(project, view.entity()),
                         .fingerprint = ViewFingerprint(project, view),
                         .range = options_.range,
                         .encoding = loaded_.config.parquet_encoding,
                         .now_us = [] { return absl::ToUnixMicros(absl::Now()); },
                         .go_on = [this] { return stop_.load() ? Stopped() : absl::OkStatus(); }}));
    std::string line = fmt::format("{}: {} of {}, and {} from before that hold when it begins",
                                   IdOf(view).ToString(), Counted(table.rows, "row", "rows"),
                                   DescribeRange(options_.range), table.held);
    if (table.complete_before && *table.complete_before < options_.range.to) {
      line += fmt::format("; complete before {}, as the files go no further",
                          FormatTime(*table.complete_before));
    }
    said_.push_back(std::move(line));
    return absl::OkStatus();
  }

  const LoadedProject& loaded_;
  const RangeBackfillOptions& options_;
  const std::atomic<bool>& stop_;
  const std::shared_ptr<ObjectStore> warehouse_;
  std::vector<const v1::FeatureView*> views_;  // to be computed
  std::vector<std::string> said_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> RunRangeBackfill(const LoadedProject& loaded,
                                                          const RangeBackfillOptions& options,
                                                          const std::atomic<bool>& stop) {
  return RangeBackfill(loaded, options, stop).Run();
}

}  // namespace forebay
