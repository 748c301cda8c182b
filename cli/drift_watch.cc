#include "cli/drift_watch.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "catalog/catalog_key.h"
#include "forebay/v1/catalog.pb.h"
#include "offline/delta/delta_table.h"
#include "offline/sink/table_flush.h"
#include "offline/statistics/statistics_table.h"
#include "offline/training_set/baseline.h"
#include "offline/upkeep/pace.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// By name, the training sets of the models that aliases stand for.
std::map<std::string, const v1::TrainingSetVersion*> SetsInUse(const CatalogState& state) {
  std::map<std::string, const v1::TrainingSetVersion*> sets;
  for (const auto& [key, object] : state.objects()) {
    if (!object->has_alias()) continue;
    const v1::CatalogObject* model =
        state.Find(ModelKey(object->alias().model(), object->alias().version()));
    if (model == nullptr || model->model().training_set().empty()) continue;
    const std::string& name = model->model().training_set();
    const v1::CatalogObject* set = state.Find("training_set/" + name);
    if (set != nullptr) sets[name] = &set->training_set();
  }
  return sets;
}

// Of features that a set lacks, and of those whose type is another by now, nothing.
void AddDrifts(const std::string& set, const std::vector<FeatureBaseline>& baselines,
               const std::map<FeatureName, const v1::FeatureAlerts*>& features,
               const StatisticsOfDays& days, std::vector<WatchedDrift>* found) {
  for (const FeatureBaseline& baseline : baselines) {
    const FeatureName name{baseline.view, baseline.feature};
    const auto alerts = features.find(name);
    const auto now = days.features.find(name);
    if (alerts == features.end() || now == days.features.end()) continue;
    if (now->second.statistics.type() != baseline.statistics.type()) continue;
    const Drift drift = MeasureDrift(baseline.statistics, now->second.statistics);
    for (const DriftAlert& alert : CheckAlerts(*alerts->second, drift)) {
      if (alert.measure != "null_rate") found->push_back({name, set, alert});
    }
  }
}

void AddNullRates(const std::map<FeatureName, const v1::FeatureAlerts*>& features,
                  const StatisticsOfDays& days, std::vector<WatchedDrift>* found) {
  for (const auto& [name, range] : days.features) {
    const Drift drift = MeasureDrift(range.statistics, range.statistics);
    for (const DriftAlert& alert : CheckAlerts(*features.at(name), drift)) {
      if (alert.measure == "null_rate") found->push_back({name, "", alert});
    }
  }
}

}  // namespace

DriftWatch::DriftWatch(std::shared_ptr<ObjectStore> warehouse, absl::Duration interval)
    : warehouse_(std::move(warehouse)), interval_(interval) {}

DriftWatch::~DriftWatch() { Stop(); }

void DriftWatch::SetCatalog(CatalogLog::State state) {
  absl::MutexLock lock(&mutex_);
  state_ = std::move(state);
}

void DriftWatch::Start(std::function<std::vector<std::string>()> tables) {
  tables_ = std::move(tables);
  thread_ = std::thread([this] { Run(); });
}

void DriftWatch::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void DriftWatch::Run() {
  RunAtLowPriority();
  while (true) {
    if (absl::Status looked = Look(); !looked.ok()) {
      spdlog::warn("how far features have moved cannot be told, trying again: {}",
                   std::string(looked.message()));
    }
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stop_), interval_)) return;
  }
}

// That have `alerts`, and whose tables are this worker's.
std::vector<const v1::FeatureView*> DriftWatch::WatchedViews(const CatalogState& state) const {
  const std::vector<std::string> tables = tables_();
  std::vector<const v1::FeatureView*> views;
  for (const auto& [key, object] : state.objects()) {
    if (!object->has_view() || object->view().state() != v1::ViewVersion::LIVE) continue;
    const v1::FeatureView& view = object->view().definition();
    const std::string path = OfflineTablePath(ViewId{view.name(), view.version()});
    if (std::ranges::find(tables, path) != tables.end() &&
        std::ranges::any_of(view.features(), &v1::Feature::has_alerts))
      views.push_back(&view);
  }
  return views;
}

absl::Status DriftWatch::Look() {
  CatalogLog::State state;
  {
    absl::MutexLock lock(&mutex_);
    state = state_;
  }
  std::map<FeatureName, const v1::FeatureAlerts*> features;
  std::vector<FeatureName> names;
  std::vector<std::string> looked_at;
  if (state == nullptr) return absl::OkStatus();
  for (const v1::FeatureView* view : WatchedViews(*state)) {
    looked_at.push_back(ViewId{view->name(), view->version()}.ToString());
    for (const v1::Feature& feature : view->features()) {
      if (!feature.has_alerts()) continue;
      names.push_back({{view->name(), view->version()}, feature.name()});
      features[names.back()] = &feature.alerts();
    }
  }
  if (names.empty()) {
    looked_at_.clear();
    return Tell({});
  }
  auto table = DeltaTable::Open(warehouse_, kStatisticsTable);
  if (absl::IsNotFound(table.status())) {
    statistics_version_ = -1;
    return Tell({});
  }
  RETURN_IF_ERROR(table.status());
  const int64_t version = (*table)->snapshot().version;
  const int64_t catalog = state->version();
  if (version == statistics_version_ && catalog == catalog_version_ && looked_at == looked_at_)
    return absl::OkStatus();
  ASSIGN_OR_RETURN(const StatisticsOfDays days, ReadStatistics(warehouse_, names, {}));
  std::vector<WatchedDrift> found;
  AddNullRates(features, days, &found);
  for (const auto& [name, set] : SetsInUse(*state)) {
    auto baselines = ParseBaseline(set->manifest(), name);
    if (baselines.ok()) AddDrifts(name, *baselines, features, days, &found);
  }
  statistics_version_ = version;
  catalog_version_ = catalog;
  looked_at_ = std::move(looked_at);
  return Tell(std::move(found));
}

absl::Status DriftWatch::Tell(std::vector<WatchedDrift> found) {
  absl::MutexLock lock(&mutex_);
  found_ = std::move(found);
  return absl::OkStatus();
}

void DriftWatch::WriteMetrics(MetricsWriter* writer) const {
  absl::MutexLock lock(&mutex_);
  for (const WatchedDrift& one : found_) {
    const std::string version = std::to_string(one.feature.view.version);
    if (one.alert.value) {
      writer->Write(Metric::kFeatureDrift,
                    {one.feature.view.name, version, one.feature.feature, one.alert.measure,
                     one.training_set},
                    *one.alert.value);
    }
    writer->Write(
        Metric::kFeatureAlert,
        {one.feature.view.name, version, one.feature.feature, one.alert.measure, one.training_set},
        one.alert.is_beyond ? 1 : 0);
  }
}

}  // namespace forebay
