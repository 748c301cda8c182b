#include "cli/erasure_scope.h"

#include <arrow/type.h>

#include <algorithm>
#include <set>

#include "cli/entity_key.h"
#include "connectors/kafka/erasure_request.h"
#include "engine/batch/archive_batch.h"
#include "engine/state/key.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/snapshot.h"
#include "offline/erasure/erased_key.h"
#include "offline/served/served_table.h"
#include "offline/sink/leftovers.h"
#include "offline/sink/table_flush.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::StatusOr<const v1::Entity*> EntityNamed(const v1::Project& project, const std::string& name) {
  if (const v1::Entity* entity = FindEntity(project, name)) return entity;
  std::vector<std::string> names;
  for (const v1::Entity& entity : project.entities()) names.push_back(entity.name());
  return absl::InvalidArgumentError(fmt::format("there is no entity '{}'{}; there are: {}", name,
                                                DidYouMean(name, names), fmt::join(names, ", ")));
}

// Whether the keys of a view's table are those of the entity, whatever view that was: key columns
// are those that are never null.
bool HasKeysOf(const arrow::Schema& table, const v1::Entity& entity) {
  if (!HasKeyColumns(table, entity)) return false;
  const auto keys = std::count_if(
      table.fields().begin(), table.fields().end(), [](const std::shared_ptr<arrow::Field>& field) {
        return !field->nullable() && !field->name().starts_with('_') && field->name() != "date";
      });
  return keys == entity.keys_size();
}

class ScopeSearch {
 public:
  ScopeSearch(const v1::Project& project, std::shared_ptr<ObjectStore> warehouse,
              ErasureScope* scope)
      : project_(project), warehouse_(std::move(warehouse)), scope_(*scope) {}

  absl::Status Run() {
    RETURN_IF_ERROR(CheckNoFiles());
    ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(project_));
    scope_.source_topics = ErasureTopics(plans, scope_.entity->name());
    for (const TaskPlan& plan : plans) AddPlan(plan);
    RETURN_IF_ERROR(AddForgottenTables());
    return AddServedTables();
  }

 private:
  // Files are others': nothing tells a backfill that a key of theirs is to be forgotten.
  absl::Status CheckNoFiles() const {
    ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanBatchTasks(project_));
    for (const TaskPlan& plan : plans) {
      for (const ViewTaskPlan& view : plan.views) {
        if (view.entity->name() != scope_.entity->name()) continue;
        return absl::UnimplementedError(fmt::format(
            "feature view {} is computed from the files of source {} ({}), which forebay does not "
            "write: take the key out of them, then build its views anew with `forebay reset` and "
            "`forebay backfill`",
            view.definition->name(), plan.source->name(), plan.source->batch().path()));
      }
    }
    return absl::OkStatus();
  }

  void AddPlan(const TaskPlan& plan) {
    for (const ForwardPlan& forward : plan.forwards) {
      if (forward.entity->name() == scope_.entity->name())
        scope_.repartitions.push_back({.topic = forward.topic, .source_topic = plan.topic});
    }
    for (const ViewTaskPlan& view : plan.views) {
      if (view.entity->name() != scope_.entity->name()) continue;
      const v1::FeatureView& definition = *view.definition;
      const ViewId id{definition.name(), definition.version()};
      scope_.views.push_back(
          {.id = id, .topic = plan.topic, .updates = definition.updates() == v1::FeatureView::ON});
      if (definition.history() == v1::FeatureView::ON) AddTable(id, plan.topic);
    }
    if (!plan.archive || !HasKeyColumns(*plan.archive->schema, *scope_.entity)) return;
    AddTable(TableId::OfEvents(plan.source->name()), plan.topic);
    auto& topics = scope_.source_topics;
    if (std::find(topics.begin(), topics.end(), plan.topic) == topics.end())
      topics.push_back(plan.topic);
  }

  void AddTable(const TableId& id, const std::string& topic) {
    known_.insert(id);
    scope_.tables.push_back({.id = id, .topic = topic});
  }

  // Of views and archives that are no longer declared.
  absl::Status AddForgottenTables() {
    ASSIGN_OR_RETURN(std::set<TableId> all, ListTables(warehouse_, project_.name()));
    for (const TableId& id : all) {
      if (known_.contains(id)) continue;
      ASSIGN_OR_RETURN(Snapshot table,
                       LoadSnapshot(*warehouse_, OfflineTablePath(id), std::nullopt));
      const bool holds = IsArchiveSchema(*table.schema)
                             ? HasKeyColumns(*table.schema, *scope_.entity)
                             : !IsDeclared(id) && HasKeysOf(*table.schema, *scope_.entity);
      if (holds) AddTable(id, "");
    }
    return absl::OkStatus();
  }

  absl::Status AddServedTables() {
    ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                     ListServedTables(*warehouse_, project_.name()));
    for (const std::string& path : paths) {
      absl::StatusOr<Snapshot> table = LoadSnapshot(*warehouse_, path, std::nullopt);
      if (absl::IsNotFound(table.status())) continue;  // it is being made
      RETURN_IF_ERROR(table.status());
      if (HasKeyColumns(*table->schema, *scope_.entity)) scope_.served.push_back(path);
    }
    return absl::OkStatus();
  }

  // As a view, of this or another entity. With its history off, its table is from before.
  bool IsDeclared(const TableId& id) const {
    return std::any_of(project_.feature_views().begin(), project_.feature_views().end(),
                       [&](const v1::FeatureView& view) {
                         return view.name() == id.name && view.version() == id.version &&
                                view.entity() != scope_.entity->name();
                       });
  }

  const v1::Project& project_;
  const std::shared_ptr<ObjectStore> warehouse_;
  ErasureScope& scope_;
  std::set<TableId> known_;
};

}  // namespace

absl::StatusOr<ErasureScope> FindErasureScope(const LoadedProject& loaded,
                                              const std::shared_ptr<ObjectStore>& warehouse,
                                              const std::string& entity,
                                              const std::vector<std::string>& words) {
  ErasureScope scope;
  ASSIGN_OR_RETURN(scope.entity, EntityNamed(*loaded.project, entity));
  ASSIGN_OR_RETURN(std::vector<Value> parts, ParseEntityKey(*scope.entity, words));
  scope.key = EncodeKey(*scope.entity, parts);
  scope.key_text = KeyText(*scope.entity, parts);
  RETURN_IF_ERROR(ScopeSearch(*loaded.project, warehouse, &scope).Run());
  return scope;
}

}  // namespace forebay
