#include "engine/task/task_plan.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "engine/batch/archive_batch.h"
#include "engine/batch/change_batch.h"
#include "engine/batch/event_batch.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

// Whether it is computed of the source's events for the entity.
bool IsOf(const v1::FeatureView& view, const v1::Source& source, const v1::Entity& entity) {
  return !view.disabled() && view.source() == source.name() && view.entity() == entity.name();
}

void AddColumns(const v1::Expression& expression, std::set<std::string>* columns) {
  if (expression.has_column()) columns->insert(expression.column());
  for (const v1::Expression& argument : expression.call().arguments())
    AddColumns(argument, columns);
}

void AddColumns(const v1::FeatureView& view, const v1::Entity& entity,
                std::set<std::string>* columns) {
  if (view.has_where()) AddColumns(view.where(), columns);
  for (const v1::Aggregate& aggregate : view.aggregates()) {
    for (const v1::Expression& argument : aggregate.arguments()) AddColumns(argument, columns);
    if (aggregate.has_filter()) AddColumns(aggregate.filter(), columns);
  }
  for (const v1::Field& key : entity.keys()) columns->insert(key.name());
}

const std::string& NameOf(const std::string& column) { return column; }
const std::string& NameOf(const v1::Field& field) { return field.name(); }

// In any order: the same events meet in a partition.
bool KeyedBy(const v1::Source& source, const v1::Entity& entity) {
  return std::is_permutation(source.key().begin(), source.key().end(), entity.keys().begin(),
                             entity.keys().end(),
                             [](const auto& a, const auto& b) { return NameOf(a) == NameOf(b); });
}

std::vector<int> KeyColumns(const TaskPlan& task, const v1::Entity& entity) {
  std::vector<int> columns;
  for (const v1::Field& key : entity.keys())
    columns.push_back(task.event_schema->GetFieldIndex(key.name()));
  return columns;
}

Steps StepsOf(const v1::FeatureView& view) {
  if (view.history() == v1::FeatureView::OFF && view.updates() == v1::FeatureView::OFF)
    return Steps::kNone;
  return view.emit_every_us() > 0 ? Steps::kEmitted : Steps::kEvery;
}

// The index of what is equal to `thing`, which is appended if nothing is.
template <typename T>
int IndexIn(std::vector<T>* distinct, const T& thing) {
  auto at = std::find(distinct->begin(), distinct->end(), thing);
  if (at == distinct->end()) at = distinct->insert(at, thing);
  return static_cast<int>(at - distinct->begin());
}

// Collects what the views of a task compute of its events.
class ColumnsPlanner {
 public:
  int AddKeys(const std::vector<int>& columns) { return IndexIn(&plan_.keys, columns); }

  // Expressions are equal if they say the same: the parsed forms are compared.
  int AddExpression(const v1::Expression& expression) {
    int index = IndexIn(&texts_, expression.SerializeAsString());
    if (index == static_cast<int>(expressions_.size())) expressions_.push_back(&expression);
    return index;
  }

  int AddInput(const v1::Aggregate& aggregate, bool takes_nulls) {
    ColumnsPlan::Input input{.takes_nulls = takes_nulls};
    if (aggregate.arguments_size() > 0) input.argument = AddExpression(aggregate.arguments(0));
    if (aggregate.has_filter()) input.filter = AddExpression(aggregate.filter());
    return IndexIn(&plan_.inputs, input);
  }

  absl::StatusOr<ColumnsPlan> Finish(const arrow::Schema& schema) {
    ASSIGN_OR_RETURN(plan_.program, Program::Compile(expressions_, schema));
    return std::move(plan_);
  }

 private:
  ColumnsPlan plan_;
  std::vector<std::string> texts_;
  std::vector<const v1::Expression*> expressions_;  // parallel to texts_
};

absl::StatusOr<ViewTaskPlan> PlanView(const v1::Project& project, int index,
                                      const v1::Entity& entity, const TaskPlan& task,
                                      ColumnsPlanner* columns) {
  const v1::FeatureView& view = project.feature_views(index);
  ASSIGN_OR_RETURN(ViewPlan tiles, ViewPlan::Make(view));
  ViewTaskPlan plan{.view = index,
                    .definition = &view,
                    .entity = &entity,
                    .keys = columns->AddKeys(KeyColumns(task, entity)),
                    .tiles = std::move(tiles),
                    .steps = StepsOf(view),
                    .fingerprint = ViewFingerprint(project, view),
                    .change_schema = ChangeSchema(view, entity)};
  if (view.has_where()) plan.where = columns->AddExpression(view.where());
  for (const InputPlan& input : plan.tiles.inputs())
    plan.inputs.push_back(columns->AddInput(view.aggregates(input.aggregate), input.takes_nulls));
  return plan;
}

// The views of one source, by the entity that they are for.
struct ViewOfEntity {
  int index;
  const v1::FeatureView* view;
  const v1::Entity* entity;
};

// Keys are encoded as those of views; a double has no such form.
bool CanEncodeKey(const v1::Source& source) {
  return source.key_size() > 0 &&
         std::all_of(source.key().begin(), source.key().end(), [&](const std::string& column) {
           return FindColumn(source, column)->type() != v1::DOUBLE;
         });
}

// REQUIRES: the task's columns are all of the source.
ArchivePlan PlanArchive(const TaskPlan& task, ColumnsPlanner* columns) {
  ArchivePlan plan{.schema = ArchiveSchema(*task.source)};
  if (!CanEncodeKey(*task.source)) return plan;
  std::vector<int> keys;
  for (const std::string& column : task.source->key())
    keys.push_back(task.event_schema->GetFieldIndex(column));
  plan.keys = columns->AddKeys(keys);
  return plan;
}

absl::Status FillTask(const std::vector<ViewOfEntity>& views,
                      const std::vector<const v1::Entity*>& forwards, const v1::Project& project,
                      TaskPlan* task) {
  std::set<std::string> used;
  for (const ViewOfEntity& view : views) AddColumns(*view.view, *view.entity, &used);
  for (const v1::Entity* entity : forwards) {
    for (const v1::Field& key : entity->keys()) used.insert(key.name());
  }
  const bool archived = task->source->archive() && !task->repartition;
  std::vector<const v1::Field*> fields;
  for (const v1::Field& field : task->source->schema()) {
    if (archived || used.contains(field.name())) fields.push_back(&field);
  }
  task->event_schema = EventSchema(fields);
  for (const v1::Field* field : fields) task->columns.push_back(field->name());
  ColumnsPlanner columns;
  for (const ViewOfEntity& view : views) {
    ASSIGN_OR_RETURN(ViewTaskPlan plan,
                     PlanView(project, view.index, *view.entity, *task, &columns));
    task->views.push_back(std::move(plan));
  }
  if (archived) task->archive = PlanArchive(*task, &columns);
  ASSIGN_OR_RETURN(task->computed, columns.Finish(*task->event_schema));
  for (const v1::Entity* entity : forwards) {
    ForwardPlan& plan = task->forwards.emplace_back(
        ForwardPlan{entity, RepartitionTopic(project.name(), task->source->name(), entity->name()),
                    KeyColumns(*task, *entity)});
    for (const v1::FeatureView& view : project.feature_views()) {
      if (IsOf(view, *task->source, *entity)) plan.views.push_back(&view);
    }
  }
  return absl::OkStatus();
}

}  // namespace

namespace {

absl::StatusOr<std::vector<TaskPlan>> PlanTasksOf(
    const v1::Project& project, const std::function<bool(const v1::Source&)>& takes) {
  std::vector<TaskPlan> tasks;
  for (const v1::Source& source : project.sources()) {
    if (!takes(source)) continue;
    std::vector<ViewOfEntity> direct;
    std::vector<const v1::Entity*> forwards;  // in the order of the entities
    std::vector<std::vector<ViewOfEntity>> forwarded;
    for (const v1::Entity& entity : project.entities()) {
      std::vector<ViewOfEntity> views;
      for (int i = 0; i < project.feature_views_size(); ++i) {
        const v1::FeatureView& view = project.feature_views(i);
        if (IsOf(view, source, entity)) views.push_back({i, &view, &entity});
      }
      if (views.empty()) continue;
      if (KeyedBy(source, entity)) {
        direct.insert(direct.end(), views.begin(), views.end());
      } else {
        forwards.push_back(&entity);
        forwarded.push_back(std::move(views));
      }
    }
    if (direct.empty() && forwards.empty() && !source.archive()) continue;
    std::sort(direct.begin(), direct.end(),
              [](const auto& a, const auto& b) { return a.index < b.index; });
    TaskPlan& task = tasks.emplace_back(TaskPlan{.topic = source.topic(), .source = &source});
    RETURN_IF_ERROR(FillTask(direct, forwards, project, &task));
    for (size_t i = 0; i < forwards.size(); ++i) {
      TaskPlan& by = tasks.emplace_back(
          TaskPlan{.topic = RepartitionTopic(project.name(), source.name(), forwards[i]->name()),
                   .source = &source,
                   .repartition = true});
      RETURN_IF_ERROR(FillTask(forwarded[i], {}, project, &by));
    }
  }
  return tasks;
}

}  // namespace

absl::StatusOr<std::vector<TaskPlan>> PlanTasks(const v1::Project& project) {
  return PlanTasksOf(project, [](const v1::Source& source) { return !source.topic().empty(); });
}

std::string BatchTopicOf(const TaskPlan& plan) {
  return plan.repartition ? BatchTopic(plan.source->name(), plan.views.front().entity->name())
                          : BatchTopic(plan.source->name());
}

TaskPlan PlanOfRows(const v1::Source& source) {
  TaskPlan plan{.topic = source.topic(), .source = &source};
  std::vector<const v1::Field*> fields;
  for (const v1::Field& field : source.schema()) {
    fields.push_back(&field);
    plan.columns.push_back(field.name());
  }
  plan.event_schema = EventSchema(fields);
  return plan;
}

absl::StatusOr<std::vector<TaskPlan>> PlanBatchTasks(const v1::Project& project) {
  ASSIGN_OR_RETURN(std::vector<TaskPlan> tasks, PlanTasksOf(project, [](const v1::Source& source) {
                     return source.has_batch() && !source.batch().feed();
                   }));
  std::erase_if(tasks, [](const TaskPlan& task) { return task.views.empty(); });
  for (TaskPlan& task : tasks) {
    task.topic = BatchTopicOf(task);
    task.repartition = false;
    task.files = true;
    task.forwards.clear();
    task.archive.reset();
  }
  return tasks;
}

void StartFromNow(const std::vector<const v1::FeatureView*>& views, std::vector<TaskPlan>* plans) {
  auto named = [&](const v1::FeatureView* view) {
    return std::find(views.begin(), views.end(), view) != views.end();
  };
  for (TaskPlan& plan : *plans) {
    for (ViewTaskPlan& view : plan.views) view.from_now = named(view.definition);
    for (ForwardPlan& forward : plan.forwards) {
      forward.from_now = std::all_of(forward.views.begin(), forward.views.end(), named);
    }
  }
}

void StartFromOldest(const std::vector<const v1::FeatureView*>& views,
                     std::vector<TaskPlan>* plans) {
  for (TaskPlan& plan : *plans) {
    for (ViewTaskPlan& view : plan.views) {
      view.from_oldest = std::find(views.begin(), views.end(), view.definition) != views.end();
    }
  }
}

}  // namespace forebay
