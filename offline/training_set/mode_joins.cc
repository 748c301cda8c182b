#include "offline/training_set/mode_joins.h"

#include <arrow/api.h>

#include <algorithm>

#include "forebay/v1/definition.pb.h"
#include "offline/training_set/label_warnings.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// The request whose tables are those that its views were recomputed into.
absl::StatusOr<TrainingSetRequest> Recompute(const TrainingSetRequest& request,
                                             const std::vector<AskedView>& views,
                                             const Labels& labels,
                                             std::vector<std::string>* warnings) {
  std::vector<ViewId> ids;
  for (const AskedView& view : views) ids.push_back({view.view->name(), view.view->version()});
  const auto latest = std::ranges::max_element(labels.times);
  ASSIGN_OR_RETURN(
      RecomputedViews recomputed,
      request.recompute(ids, latest == labels.times.end() ? KnownTime::Min() : *latest));
  TrainingSetRequest event = request;
  event.warehouse = std::move(recomputed.warehouse);
  event.states = recomputed.states;
  event.events = std::move(recomputed.events);
  event.versions.clear();
  event.bounds.clear();
  for (std::string& warning : recomputed.warnings) AddSentence(std::move(warning), warnings);
  return event;
}

// From when on the values that were read do not tell what lookups answered.
KnownTime ServedBefore(const TrainingSetRequest& request, const TrainingSetSummary::View& view) {
  if (request.states != nullptr) return KnownTime::Max();
  if (view.table_version < 0) return KnownTime::Min();
  return view.complete_before ? KnownTime(*view.complete_before) : KnownTime::Max();
}

}  // namespace

ModeJoins::ModeJoins(const TrainingSetRequest& request, const Labels& labels)
    : asked_(request), labels_(labels) {
  if (request.leakage) asked_.memory_bytes /= 2;
}

absl::StatusOr<std::unique_ptr<ModeJoins>> ModeJoins::Make(
    const v1::Project& project, const TrainingSetRequest& request,
    const std::vector<NamedFeature>& features, const std::vector<AskedView>& views,
    const Labels& labels, JoinThreads& threads, std::vector<std::string>* warnings) {
  std::unique_ptr<ModeJoins> joins(new ModeJoins(request, labels));
  if (joins->IsEvent() || request.leakage) {
    ASSIGN_OR_RETURN(joins->recomputed_, Recompute(joins->asked_, views, labels, warnings));
    ASSIGN_OR_RETURN(joins->event_, ViewJoins::Make(project, joins->recomputed_, views, labels,
                                                    threads, warnings));
  }
  if (ReadsTables(request)) {
    ASSIGN_OR_RETURN(joins->served_,
                     ViewJoins::Make(project, joins->asked_, views, labels, threads, warnings));
  }
  if (request.leakage) joins->Compare(features, views);
  return joins;
}

void ModeJoins::Compare(const std::vector<NamedFeature>& features,
                        const std::vector<AskedView>& views) {
  std::vector<FeatureLeakage> compared;
  for (const NamedFeature& feature : features) compared.push_back({.name = feature.name});
  const std::vector<TrainingSetSummary::View> served = served_->Summaries();
  for (size_t view = 0; view < views.size(); ++view) {
    for (int output : views[view].outputs)
      compared[output].before = ServedBefore(asked_, served[view]);
  }
  leakage_.emplace(std::move(compared));
}

absl::StatusOr<arrow::ArrayVector> ModeJoins::Values(int64_t first, int64_t labels) {
  ASSIGN_OR_RETURN(arrow::ArrayVector values, OfSet().Values(first, labels));
  if (!leakage_) return values;
  ASSIGN_OR_RETURN(arrow::ArrayVector others,
                   (IsEvent() ? *served_ : *event_).Values(first, labels));
  RETURN_IF_ERROR(leakage_->Add(absl::MakeConstSpan(labels_.times).subspan(first, labels),
                                IsEvent() ? others : values, IsEvent() ? values : others));
  return values;
}

std::vector<FeatureLeakage> ModeJoins::leakage() const {
  return leakage_ ? leakage_->features() : std::vector<FeatureLeakage>();
}

}  // namespace forebay
