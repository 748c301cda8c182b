#include "online/http/catalog_pages.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/base/call_once.h"
#include "catalog/catalog_key.h"
#include "catalog/catalog_search.h"
#include "catalog/lineage.h"
#include "catalog/models.h"
#include "fmt/format.h"
#include "forebay/v1/catalog.pb.h"
#include "online/http/catalog_json.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no others.
Json FiniteOrNull(double number) { return std::isfinite(number) ? Json(number) : Json(); }

Json NumbersJson(const FeatureSummary::Numbers& numbers) {
  Json quantiles = Json::array();
  for (const auto& [at, value] : numbers.quantiles)
    quantiles.push_back({{"at", at}, {"value", FiniteOrNull(value)}});
  Json edges = Json::array();
  for (double edge : numbers.histogram_edges) edges.push_back(FiniteOrNull(edge));
  return {{"min", FiniteOrNull(numbers.min)},
          {"max", FiniteOrNull(numbers.max)},
          {"mean", FiniteOrNull(numbers.mean)},
          {"stddev", FiniteOrNull(numbers.deviation)},
          {"quantiles", std::move(quantiles)},
          {"histogram", {{"edges", std::move(edges)}, {"counts", numbers.histogram_counts}}}};
}

Json FeatureSummaryJson(const FeatureSummary& feature) {
  Json top = Json::array();
  for (const auto& [value, count] : feature.top)
    top.push_back({{"value", value}, {"count", count}});
  Json ages;
  if (feature.ages) ages = {{"mean", feature.ages->mean}, {"max", feature.ages->max}};
  return {{"name", feature.feature},
          {"days", feature.days},
          {"count", feature.count},
          {"nulls", feature.nulls},
          {"nans", feature.nans},
          {"null_rate", FiniteOrNull(feature.null_rate)},
          {"distinct", feature.distinct ? Json(*feature.distinct) : Json()},
          {"numbers", feature.numbers ? NumbersJson(*feature.numbers) : Json()},
          {"top", std::move(top)},
          {"age_seconds", std::move(ages)}};
}

bool HasTag(const v1::CatalogObject& object, std::string_view tag) {
  return std::ranges::count(AboutOf(object).tags(), tag) > 0;
}

bool Passes(const v1::CatalogObject& object, const PageQuery& query) {
  auto passes = [&](std::string_view filter, std::string_view has) {
    const std::string_view wanted = query.Text(filter);
    return wanted.empty() || wanted == has;
  };
  return passes("owner", AboutOf(object).owner()) && passes("state", StateOf(object)) &&
         (query.Text("tag").empty() || HasTag(object, query.Text("tag")));
}

// Of the keys that begin with `prefix` those of one page.
Json ListJson(const CatalogState& state, std::string_view prefix, const PageQuery& query) {
  const std::string_view after = query.Text("page_token");
  auto next = state.objects().lower_bound(prefix);
  if (after > prefix) next = state.objects().upper_bound(after);
  const auto limit = static_cast<size_t>(query.Number("limit"));
  Json objects = Json::array(), token;
  std::string_view last;
  for (; next != state.objects().end() && next->first.starts_with(prefix); ++next) {
    if (!Passes(*next->second, query)) continue;
    if (objects.size() == limit) {
      token = last;
      break;
    }
    objects.push_back(SummaryJson(*next->second));
    last = next->first;
  }
  return {{"catalog_version", state.version()},
          {"objects", std::move(objects)},
          {"next_page_token", std::move(token)}};
}

// All versions of what is called `name`, by number.
absl::StatusOr<Json> ObjectsJson(const CatalogState& state, std::string_view kind,
                                 std::string_view name) {
  ASSIGN_OR_RETURN(const std::vector<std::string> keys, KeysNamed(state, name, kind));
  std::vector<const v1::CatalogObject*> objects;
  for (const std::string& key : keys) objects.push_back(state.Find(key));
  std::ranges::stable_sort(objects, {}, [](const auto* object) { return VersionOf(*object); });
  Json list = Json::array();
  for (const v1::CatalogObject* object : objects) list.push_back(ObjectJson(*object));
  return Json{{"catalog_version", state.version()}, {"objects", std::move(list)}};
}

int64_t NumberOfToken(const PageQuery& query) {
  int64_t number = 0;
  for (char digit : query.Text("page_token")) number = number * 10 + (digit - '0');
  return number;
}

Json LaneJson(const LaneState& lane) {
  return {{"views", lane.views},
          {"reads_files", lane.reads_files},
          {"records_read", lane.records_read},
          {"records", lane.records},
          {"records_per_second", lane.records_per_second},
          {"error", lane.error.empty() ? Json() : Json(lane.error)}};
}

}  // namespace

struct CatalogPages::Index {
  explicit Index(State of) : state(std::move(of)), lineage(*state) {
    for (const auto& [key, object] : state->objects()) {
      if (object->has_model()) versions[object->model().model()].push_back(object.get());
      if (object->has_alias()) aliases[object->alias().model()].push_back(&object->alias());
    }
    for (auto& [model, of_model] : versions)
      std::ranges::sort(of_model, {}, [](const auto* one) { return one->model().version(); });
  }

  // Made when it is first asked for.
  const CatalogSearch& Search() const {
    absl::call_once(search_once, [this] { search.emplace(*state); });
    return *search;
  }

  Json AliasesOf(const std::string& model) const {
    Json list = Json::array();
    auto found = aliases.find(model);
    if (found == aliases.end()) return list;
    for (const v1::ModelAlias* alias : found->second) {
      Json before = Json::array();
      for (uint32_t version : alias->before()) before.push_back(version);
      list.push_back({{"alias", alias->alias()},
                      {"version", alias->version()},
                      {"before", std::move(before)}});
    }
    return list;
  }

  absl::Status CheckModel(const std::string& model) const {
    if (versions.contains(model)) return absl::OkStatus();
    std::vector<std::string> names;
    for (const auto& [name, of_model] : versions) names.push_back(name);
    return absl::NotFoundError(
        fmt::format("there is no model '{}'{}", model, DidYouMean(model, names)));
  }

  State state;
  Lineage lineage;
  std::map<std::string, std::vector<const v1::CatalogObject*>> versions;  // of models, by number
  std::map<std::string, std::vector<const v1::ModelAlias*>> aliases;      // by model
  mutable absl::once_flag search_once;
  mutable std::optional<CatalogSearch> search;
};

CatalogPages::CatalogPages(std::function<State()> now, std::function<absl::Status()> ready,
                           CatalogSources sources)
    : now_(std::move(now)), ready_(std::move(ready)), sources_(std::move(sources)) {}

CatalogPages::~CatalogPages() = default;

std::shared_ptr<const CatalogPages::Index> CatalogPages::Now() const {
  State now = now_();
  if (now == nullptr) now = std::make_shared<const CatalogState>();
  absl::MutexLock lock(&mutex_);
  if (index_ == nullptr || index_->state->version() != now->version())
    index_ = std::make_shared<const Index>(std::move(now));
  return index_;
}

CatalogPages::Answer CatalogPages::Status(const PageQuery& query) const {
  const auto index = Now();
  const CatalogState& state = *index->state;
  std::map<std::string, int64_t> counts;
  for (const auto& [key, object] : state.objects()) ++counts[std::string(KindInKey(key))];
  Json tasks = Json::array();
  for (const TaskState& task :
       sources_.tasks != nullptr ? sources_.tasks() : std::vector<TaskState>()) {
    tasks.push_back({{"topic", task.topic},
                     {"partition", task.partition},
                     {"position", task.position < 0 ? Json() : Json(task.position)},
                     {"caught_up", task.caught_up},
                     {"records_to_catch_up", task.records_to_catch_up}});
  }
  const absl::Status ready = ready_ == nullptr ? absl::OkStatus() : ready_();
  std::optional<LaneState> lane;
  if (sources_.lane != nullptr) lane = sources_.lane();
  return Json{{"catalog_version", state.version()},
              {"commit", state.version() == 0 ? Json() : CommitJson(state.commit())},
              {"objects", counts},
              {"ready", ready.ok()},
              {"not_ready_because", ready.ok() ? Json() : Json(std::string(ready.message()))},
              {"tasks", std::move(tasks)},
              {"lane", lane ? LaneJson(*lane) : Json()}};
}

CatalogPages::Answer CatalogPages::List(const PageQuery& query) const {
  const std::string_view kind = query.Text("kind");
  return ListJson(*Now()->state, kind.empty() ? "" : fmt::format("{}/", kind), query);
}

CatalogPages::Answer CatalogPages::Objects(const PageQuery& query) const {
  return ObjectsJson(*Now()->state, query.Text("kind"), query.Text("name"));
}

CatalogPages::Answer CatalogPages::Search(const PageQuery& query) const {
  const auto index = Now();
  const auto limit = static_cast<size_t>(query.Number("limit"));
  const auto from = static_cast<size_t>(NumberOfToken(query));
  const size_t all = index->state->objects().size();  // at most one hit of each
  const std::vector<SearchHit> hits =
      index->Search().Find(query.Text("q"), std::min(from, all) + limit + 1);
  Json list = Json::array();
  for (size_t i = from; i < hits.size() && list.size() < limit; ++i) {
    list.push_back({{"object", SummaryJson(*index->state->Find(hits[i].key))},
                    {"place", hits[i].place},
                    {"text", hits[i].text}});
  }
  const bool more = hits.size() > from + list.size() && !list.empty();
  return Json{{"catalog_version", index->state->version()},
              {"hits", std::move(list)},
              {"next_page_token", more ? Json(fmt::format("{}", from + limit)) : Json()}};
}

CatalogPages::Answer CatalogPages::ShowLineage(const PageQuery& query) const {
  const auto index = Now();
  ASSIGN_OR_RETURN(const std::vector<std::string> keys,
                   KeysNamed(*index->state, query.Text("name")));
  const std::string_view direction = query.Text("direction");
  std::set<LineageStep> steps;
  std::set<std::string> all(keys.begin(), keys.end());
  for (const std::string& key : keys) {
    if (direction != "down") {
      for (LineageStep& step : index->lineage.StepsAbove(key)) steps.insert(std::move(step));
    }
    if (direction != "up") {
      for (LineageStep& step : index->lineage.StepsBelow(key)) steps.insert(std::move(step));
    }
  }
  Json edges = Json::array();
  for (const LineageStep& step : steps) {
    all.insert({step.above, step.below});
    edges.push_back({{"above", step.above}, {"below", step.below}});
  }
  Json objects = Json::array();
  for (const std::string& key : all) {
    const v1::CatalogObject* object = index->state->Find(key);
    if (object != nullptr) objects.push_back(SummaryJson(*object));
  }
  return Json{{"catalog_version", index->state->version()},
              {"keys", keys},
              {"objects", std::move(objects)},
              {"edges", std::move(edges)}};
}

CatalogPages::Answer CatalogPages::Commits(const PageQuery& query) const {
  const State state = Now()->state;
  int64_t version = state->version();
  if (!query.Text("page_token").empty()) version = std::min(version, NumberOfToken(query));
  const int64_t last = std::max<int64_t>(0, version - query.Number("limit"));
  Json commits = Json::array();
  for (; version > last && sources_.log != nullptr; --version) {
    ASSIGN_OR_RETURN(const v1::CatalogCommit commit, sources_.log->ReadCommit(version));
    Json changes = Json::array();
    for (const v1::CatalogChange& change : commit.changes())
      changes.push_back({{"key", change.key()}, {"removed", !change.has_object()}});
    commits.push_back(CommitJson(commit));
    commits.back()["changes"] = std::move(changes);
  }
  return Json{{"catalog_version", state->version()},
              {"commits", std::move(commits)},
              {"next_page_token", last > 0 ? Json(fmt::format("{}", last)) : Json()}};
}

CatalogPages::Answer CatalogPages::Statistics(const PageQuery& query) const {
  const State state = Now()->state;
  ASSIGN_OR_RETURN(const std::vector<std::string> keys,
                   KeysNamed(*state, query.Text("view"), "view"));
  const v1::CatalogObject* newest = nullptr;
  for (const std::string& key : keys) {
    const v1::CatalogObject* object = state->Find(key);
    if (newest == nullptr || VersionOf(*object) > VersionOf(*newest)) newest = object;
  }
  const v1::FeatureView& view = newest->view().definition();
  const std::string feature(query.Text("feature"));
  std::vector<std::string> names;
  for (const v1::Feature& one : view.features()) names.push_back(one.name());
  const ViewId id{view.name(), view.version()};
  if (!feature.empty() && std::ranges::count(names, feature) == 0) {
    return absl::NotFoundError(fmt::format("view {} has no feature '{}'{}", id.ToString(), feature,
                                           DidYouMean(feature, names)));
  }
  StatisticsQuestion question{
      .view = &view, .feature = feature, .from = query.Date("from"), .to = query.Date("to")};
  if (question.from && question.to && *question.from > *question.to)
    return absl::InvalidArgumentError("from is after to");
  if (sources_.statistics == nullptr)
    return absl::NotFoundError("this worker reads no table of statistics");
  ASSIGN_OR_RETURN(const StatisticsAnswer answer, sources_.statistics(question));
  Json features = Json::array();
  for (const FeatureSummary& one : answer.features) features.push_back(FeatureSummaryJson(one));
  return Json{{"catalog_version", state->version()},
              {"view", id.ToString()},
              {"from", answer.days ? Json(FormatDate(answer.days->first)) : Json()},
              {"to", answer.days ? Json(FormatDate(answer.days->second)) : Json()},
              {"features", std::move(features)}};
}

CatalogPages::Answer CatalogPages::Models(const PageQuery& query) const {
  const auto index = Now();
  const auto limit = static_cast<size_t>(query.Number("limit"));
  Json models = Json::array(), token;
  for (auto next = index->versions.upper_bound(std::string(query.Text("page_token")));
       next != index->versions.end(); ++next) {
    if (models.size() == limit) {
      token = models.back()["name"];
      break;
    }
    models.push_back({{"name", next->first},
                      {"newest_version", next->second.back()->model().version()},
                      {"aliases", index->AliasesOf(next->first)}});
  }
  return Json{{"catalog_version", index->state->version()},
              {"models", std::move(models)},
              {"next_page_token", std::move(token)}};
}

CatalogPages::Answer CatalogPages::Model(const PageQuery& query) const {
  const auto index = Now();
  const std::string name(query.Text("model"));
  RETURN_IF_ERROR(index->CheckModel(name));
  Json versions = Json::array();
  for (const v1::CatalogObject* version : index->versions.at(name))
    versions.push_back(ObjectJson(*version));
  return Json{{"catalog_version", index->state->version()},
              {"name", name},
              {"aliases", index->AliasesOf(name)},
              {"versions", std::move(versions)}};
}

CatalogPages::Answer CatalogPages::ModelDiff(const PageQuery& query) const {
  const auto index = Now();
  const std::string name(query.Text("model"));
  RETURN_IF_ERROR(index->CheckModel(name));
  auto find = [&](std::string_view which) -> absl::StatusOr<const v1::ModelVersion*> {
    ASSIGN_OR_RETURN(const ModelReference reference,
                     ModelReference::Parse(fmt::format("{}@{}", name, query.Text(which))));
    return FindModel(*index->state, reference);
  };
  ASSIGN_OR_RETURN(const v1::ModelVersion* before, find("before"));
  ASSIGN_OR_RETURN(const v1::ModelVersion* after, find("after"));
  Json differences = Json::array();
  for (const ModelDifference& one : DiffModels(*index->state, *before, *after))
    differences.push_back({{"what", one.what}, {"before", one.before}, {"after", one.after}});
  return Json{{"catalog_version", index->state->version()},
              {"model", name},
              {"before", before->version()},
              {"after", after->version()},
              {"differences", std::move(differences)}};
}

CatalogPages::Answer CatalogPages::TrainingSets(const PageQuery& query) const {
  return ListJson(*Now()->state, "training_set/", query);
}

CatalogPages::Answer CatalogPages::TrainingSet(const PageQuery& query) const {
  return ObjectsJson(*Now()->state, "training_set", query.Text("name"));
}

}  // namespace forebay
