#include "cli/leftovers.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "cli/kafka_config.h"
#include "cli/project_catalog.h"
#include "connectors/kafka/consumer_group.h"
#include "connectors/kafka/published_positions.h"
#include "connectors/kafka/topics.h"
#include "engine/task/stored_views.h"
#include "engine/task/task_plan.h"
#include "fmt/format.h"
#include "forebay/v1/catalog.pb.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "offline/sink/leftovers.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

constexpr absl::Duration kBrokerPatience = absl::Seconds(10);

class Search {
 public:
  Search(const Places& places, const std::set<TableId>& asked) : places_(places) {
    for (const v1::FeatureView& view : places.project.feature_views())
      found_.views[{view.name(), view.version()}];
    for (const v1::Source& source : places.project.sources()) {
      if (source.archive()) found_.archives[source.name()];
    }
    Note(asked);
  }

  absl::StatusOr<Leftovers> Run() {
    RETURN_IF_ERROR(ReadPlans());
    RETURN_IF_ERROR(SearchState());
    if (places_.admin != nullptr) {
      ASSIGN_OR_RETURN(topics_, places_.admin->Topics());
      RETURN_IF_ERROR(SearchPositions());
      ASSIGN_OR_RETURN(auto members, FindGroupMembers(*places_.admin, places_.config.group));
      found_.group = members.has_value();
    }
    ASSIGN_OR_RETURN(std::set<TableId> tables,
                     ListTables(places_.warehouse, places_.project.name()));
    Note(tables);
    RETURN_IF_ERROR(SearchCatalog());
    RETURN_IF_ERROR(SearchByName());
    return std::move(found_);
  }

 private:
  void Note(const std::set<TableId>& tables) {
    for (const TableId& table : tables) {
      if (table.is_archive()) {
        found_.archives[table.name];
      } else {
        found_.views[{table.name, table.version}];
      }
    }
  }

  absl::Status ReadPlans() {
    ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(places_.project));
    for (const TaskPlan& plan : plans) {
      for (const ViewTaskPlan& view : plan.views)
        topic_of_[{view.definition->name(), view.definition->version()}] = plan.topic;
    }
    for (const Repartition& repartition : Repartitions(plans)) fed_.insert(repartition.topic);
    fed_.insert(DeadLetterTopic(places_.project.name()));
    return absl::OkStatus();
  }

  absl::Status SearchState() {
    absl::StatusOr<StateIdentity> identity = ReadStateIdentity(places_.config.state);
    if (absl::IsNotFound(identity.status())) return absl::OkStatus();
    RETURN_IF_ERROR(identity.status());
    if (identity->project != places_.project.name()) return absl::OkStatus();
    ASSIGN_OR_RETURN(ViewFingerprints ran, ReadViews(places_.config.state));
    for (const auto& [view, fingerprint] : ran) found_.views[view].ran = true;
    ASSIGN_OR_RETURN(found_.tasks, ListTasks(places_.config.state));
    for (const TaskId& task : found_.tasks) {
      found_.unreadable.Update(SearchStore(task));
      found_.unreadable.Update(SearchChangeLog(task));
    }
    return absl::OkStatus();
  }

  absl::Status SearchChangeLog(const TaskId& task) {
    ASSIGN_OR_RETURN(std::set<TableId> unflushed,
                     ListUnflushed(places_.config.state.string(), task));
    for (const TableId& table : unflushed) {
      ++(table.is_archive() ? found_.archives[table.name].unflushed
                            : found_.views[{table.name, table.version}].unflushed);
    }
    return absl::OkStatus();
  }

  absl::Status SearchStore(const TaskId& task) {
    absl::StatusOr<std::unique_ptr<StateStore>> store =
        OpenStoreForReading(places_.config.state, task);
    if (absl::IsNotFound(store.status())) return absl::OkStatus();
    RETURN_IF_ERROR(store.status());
    ASSIGN_OR_RETURN(auto keys, CountStoredKeys(**store));
    for (const auto& [view, count] : keys) {
      found_.views[view].keys += count;
      ++found_.views[view].tasks;
    }
    ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(**store));
    if (meta.has_archive()) ++found_.archives[meta.archive().source()].tasks;
    for (const v1::Source& source : places_.project.sources()) {
      if (source.topic() != task.topic) continue;
      for (const v1::StoredForward& forward : meta.forwards())
        fed_.insert(RepartitionTopic(places_.project.name(), source.name(), forward.entity()));
    }
    return absl::OkStatus();
  }

  absl::Status SearchPositions() {
    if (!topics_.contains(PositionsTopic(places_.project.name()))) return absl::OkStatus();
    // Also of transactions that a killed worker left open: nobody needs to wait for their end.
    PublishedPositions positions(places_.project, places_.kafka, nullptr, Isolation::kUncommitted);
    RETURN_IF_ERROR(positions.Refresh());
    for (const auto& [view, keys] : positions.KeysOfViews()) {
      auto topic = topic_of_.find(view);
      for (const std::string& key : keys) {
        // What a view's repartition topic was fed stays, and so does what was said of it.
        if (topic == topic_of_.end() || key.find(" " + topic->second + "/") != std::string::npos)
          found_.views[view].positions.push_back(key);
      }
    }
    return SearchGrown(positions);
  }

  absl::Status SearchGrown(const PublishedPositions& positions) {
    notes_ = positions.topic_notes();
    std::vector<std::string> sources;
    for (const v1::Source& source : places_.project.sources()) {
      if (notes_.contains(source.topic())) sources.push_back(source.topic());
    }
    ASSIGN_OR_RETURN(auto present, places_.admin->Describe(sources));
    for (const auto& [topic, identity] : present) {
      if (HasGrown(notes_.at(topic), identity)) found_.grown[topic] = notes_.at(topic);
    }
    if (found_.grown.empty()) {
      fed_.insert(PositionsTopic(places_.project.name()));
      return absl::OkStatus();
    }
    found_.positions = positions.Keys();
    std::erase_if(found_.positions, [this](const std::string& key) {
      return std::any_of(found_.grown.begin(), found_.grown.end(),
                         [&](const auto& topic) { return key == TopicNoteKey(topic.first); });
    });
    return absl::OkStatus();
  }

  absl::Status SearchCatalog() {
    ASSIGN_OR_RETURN(const CatalogLog::State state, places_.catalog.Load());
    found_.catalog = state->version() > 0;
    for (const auto& [key, object] : state->objects()) {
      if (!object->has_view()) continue;
      const v1::FeatureView& view = object->view().definition();
      found_.views[{view.name(), view.version()}].known = true;
    }
    return absl::OkStatus();
  }

  absl::Status SearchByName() {
    for (auto& [view, left] : found_.views) {
      ASSIGN_OR_RETURN(left.table, HasTable(places_.warehouse, places_.project.name(), view));
      std::string topic = UpdateTopic(places_.project.name(), view.name, view.version);
      left.update_topic = IsOurs(topic);
      if (notes_.contains(topic)) left.positions.push_back(TopicNoteKey(topic));
    }
    for (auto& [source, left] : found_.archives) {
      ASSIGN_OR_RETURN(left.table, HasTable(places_.warehouse, places_.project.name(),
                                            TableId::OfEvents(source)));
    }
    std::copy_if(fed_.begin(), fed_.end(), std::back_inserter(found_.topics),
                 [this](const std::string& topic) { return IsOurs(topic); });
    return absl::OkStatus();
  }

  // Whatever a source's topic is called, it is not ours.
  bool IsOurs(const std::string& topic) const {
    return topics_.contains(topic) &&
           std::none_of(places_.project.sources().begin(), places_.project.sources().end(),
                        [&](const v1::Source& source) { return source.topic() == topic; });
  }

  const Places& places_;
  std::set<std::string> topics_;  // of the cluster
  std::set<std::string> fed_;     // topics of no single view
  std::map<std::string, TopicIdentity> notes_;
  std::map<ViewId, std::string> topic_of_;  // whose tasks compute the view, of those declared
  Leftovers found_;
};

}  // namespace

bool ViewLeftovers::empty() const {
  return !ran && !known && tasks == 0 && unflushed == 0 && !table && !update_topic &&
         positions.empty();
}

bool Leftovers::empty() const {
  return tasks.empty() && topics.empty() && positions.empty() && !group && !catalog &&
         std::all_of(views.begin(), views.end(),
                     [](const auto& view) { return view.second.empty(); }) &&
         std::all_of(archives.begin(), archives.end(),
                     [](const auto& archive) { return archive.second.empty(); });
}

absl::StatusOr<Places> OpenPlaces(const LoadedProject& loaded, bool kafka) {
  Places places{.project = *loaded.project,
                .config = loaded.config,
                .warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3),
                .catalog = OpenCatalog(loaded, "", "reset")};
  ASSIGN_OR_RETURN(places.kafka, MakeKafkaConfig(loaded.config));
  if (!kafka) return places;
  ASSIGN_OR_RETURN(places.admin, KafkaAdmin::Create(places.kafka));
  absl::Status answers = places.admin->WaitForBroker(kBrokerPatience, nullptr);
  if (answers.ok()) return places;
  return absl::Status(answers.code(),
                      fmt::format("{} For a project that was only run with --broker embedded, "
                                  "say so here, too",
                                  std::string(answers.message())));
}

absl::StatusOr<Leftovers> FindLeftovers(const Places& places, const std::set<TableId>& asked) {
  return Search(places, asked).Run();
}

}  // namespace forebay
