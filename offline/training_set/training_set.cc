#include "offline/training_set/training_set.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/batch/arrow_type.h"
#include "forebay/v1/definition.pb.h"
#include "offline/training_set/baseline.h"
#include "offline/training_set/feature_list.h"
#include "offline/training_set/join_threads.h"
#include "offline/training_set/label_warnings.h"
#include "offline/training_set/labels.h"
#include "offline/training_set/live_keys.h"
#include "offline/training_set/mode_joins.h"
#include "offline/training_set/output_format.h"
#include "offline/training_set/repeat_check.h"
#include "offline/training_set/view_joins.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

absl::StatusOr<std::vector<AskedView>> AskedViews(const v1::Project& project,
                                                  const std::vector<NamedFeature>& features,
                                                  bool reads_tables) {
  std::map<int, AskedView> plans;
  for (size_t i = 0; i < features.size(); ++i) {
    AskedView& plan = plans[features[i].view];
    plan.index = features[i].view;
    plan.view = &project.feature_views(features[i].view);
    if (reads_tables && plan.view->history() == v1::FeatureView::OFF) {
      return absl::InvalidArgumentError(fmt::format(
          "feature view '{}' has `history: off`: there is no offline table to join {} from; leave "
          "its features out, or turn its history on",
          plan.view->name(), features[i].name));
    }
    plan.entity = FindEntity(project, plan.view->entity());
    if (plan.entity == nullptr) {
      return absl::InternalError(fmt::format("view {} is of entity '{}', which the project lacks",
                                             plan.view->name(), plan.view->entity()));
    }
    plan.features.push_back(features[i].feature);
    plan.outputs.push_back(i);
  }
  std::vector<AskedView> list;
  for (auto& [view, plan] : plans) list.push_back(std::move(plan));
  return list;
}

absl::StatusOr<std::vector<const v1::Field*>> NeededKeys(const std::vector<AskedView>& plans) {
  std::map<std::string, const v1::Field*> keys;
  for (const AskedView& plan : plans) {
    for (const v1::Field& key : plan.entity->keys()) {
      const v1::Field* other = keys.try_emplace(key.name(), &key).first->second;
      if (other->type() != key.type()) {
        return absl::InvalidArgumentError(fmt::format(
            "the entities of these features have keys of one name '{}' and of different types; "
            "make one training set for each",
            key.name()));
      }
    }
  }
  std::vector<const v1::Field*> list;
  for (const auto& [name, key] : keys) list.push_back(key);
  return list;
}

// Each key that the views' tables have, at each time asked for. The versions that were read are
// those that are joined, too.
absl::StatusOr<Labels> AllKeys(const std::vector<AskedView>& plans, TrainingSetRequest* request) {
  LiveKeysRequest keys{.warehouse = request->warehouse,
                       .entity = plans[0].entity,
                       .times = request->key_times,
                       .time_column = request->time_column};
  std::vector<TableVersion> versions;
  for (const AskedView& plan : plans) {
    if (plan.entity->name() != plans[0].entity->name()) {
      return absl::InvalidArgumentError(fmt::format(
          "--keys all: these features are of the entities {} and {}, whose keys are not "
          "the same: ask for those of one, or name a file that pairs their keys",
          plans[0].entity->name(), plan.entity->name()));
    }
    keys.views.push_back({plan.view->name(), plan.view->version()});
    versions.push_back(request->VersionOf(keys.views.back()));
  }
  keys.versions = &versions;
  keys.bounds = &request->bounds;
  ASSIGN_OR_RETURN(Labels labels, ReadLiveKeys(keys));
  for (size_t i = 0; i < versions.size(); ++i) request->versions[keys.views[i]] = versions[i];
  return labels;
}

std::string DescribeCounts(const HorizonLabel& label, const HorizonLabelCounts& counts) {
  std::string text =
      fmt::format("label '{}': {} true, {} false", label.name, counts.yes, counts.no);
  if (counts.unknown == 0) return text;
  return text +
         fmt::format(
             "; {} null: within {} after {} the time up to which {} is known, {}, has passed",
             Counted(counts.unknown, "label is", "labels are"), FormatDuration(label.within_us),
             counts.unknown == 1 ? "it" : "them", label.source.path, FormatTime(counts.until_us));
}

absl::Status TakePart(const LabelsPart& part, Labels* labels) {
  if (std::ssize(labels->times) != part.of_labels) {
    return absl::FailedPreconditionError(
        fmt::format("the labels are {} rows, and were {} when they were divided",
                    labels->times.size(), part.of_labels));
  }
  labels->table = labels->table->Slice(part.from, part.to - part.from);
  labels->times = {labels->times.begin() + part.from, labels->times.begin() + part.to};
  return absl::OkStatus();
}

absl::StatusOr<Labels> TakeLabels(const std::vector<AskedView>& plans,
                                  const std::vector<const v1::Field*>& keys,
                                  TrainingSetRequest* request, std::vector<std::string>* notes) {
  absl::StatusOr<Labels> labels =
      request->key_times.empty()
          ? ReadLabels(request->labels, request->time_column, request->time_unit, keys)
      : request->all_keys
          ? AllKeys(plans, request)
          : ReadKeys(request->labels, request->time_column, request->key_times, keys);
  RETURN_IF_ERROR(labels.status());
  if (request->part) RETURN_IF_ERROR(TakePart(*request->part, &*labels));
  AddSentence(labels->note, notes);
  for (const HorizonLabel& label : request->horizon_labels) {
    ASSIGN_OR_RETURN(HorizonLabelCounts counts,
                     AddHorizonLabel(label, keys, request->time_unit, &*labels));
    notes->push_back(DescribeCounts(label, counts));
  }
  return labels;
}

absl::Status CheckOutputNames(const arrow::Table& labels,
                              const std::vector<NamedFeature>& features) {
  for (const NamedFeature& feature : features) {
    if (labels.schema()->GetAllFieldIndices(feature.name).empty()) continue;
    return absl::InvalidArgumentError(fmt::format(
        "the labels already have a column '{}'; rename it, or do not ask for that feature",
        feature.name));
  }
  return absl::OkStatus();
}

std::vector<DataType> FeatureTypes(const v1::Project& project,
                                   const std::vector<NamedFeature>& features) {
  std::vector<DataType> types;
  for (const NamedFeature& named : features) {
    const v1::Feature& feature = project.feature_views(named.view).features(named.feature);
    types.push_back(static_cast<DataType>(feature.type()));
  }
  return types;
}

std::vector<TrainingSetSummary::Feature> Features(const v1::Project& project,
                                                  const std::vector<NamedFeature>& features) {
  std::vector<TrainingSetSummary::Feature> list;
  for (const NamedFeature& named : features) {
    const v1::FeatureView& view = project.feature_views(named.view);
    const auto type = static_cast<DataType>(view.features(named.feature).type());
    list.push_back({.name = named.name,
                    .view = {view.name(), view.version()},
                    .type = std::string(DataTypeName(type))});
  }
  return list;
}

// What was read again is what the table had then, wherever its rows were found.
void ReadAsThen(const TrainingSetSummary& made, TrainingSetSummary::View* now) {
  for (const TrainingSetSummary::View& then : made.views) {
    if (then.name != now->name || then.version != now->version) continue;
    now->table_id = then.table_id;
    now->table_version = then.table_version;
    now->positions = then.positions;
    now->complete_before = then.complete_before;
  }
}

void CountPastComplete(const Labels& labels, TrainingSetSummary::View* view) {
  if (!view->complete_before) return;
  view->labels_past_complete = std::ranges::count_if(
      labels.times, [&](KnownTime time) { return time.value() >= *view->complete_before; });
}

// The columns of the labels, then the features.
std::shared_ptr<arrow::Schema> OutputSchema(const v1::Project& project,
                                            const std::vector<NamedFeature>& features,
                                            const arrow::Table& labels) {
  arrow::FieldVector fields = labels.schema()->fields();
  for (const NamedFeature& named : features) {
    const v1::Feature& feature = project.feature_views(named.view).features(named.feature);
    fields.push_back(arrow::field(named.name, ArrowType(static_cast<DataType>(feature.type()))));
  }
  return arrow::schema(std::move(fields));
}

absl::StatusOr<std::shared_ptr<arrow::Table>> WithFeatures(
    std::shared_ptr<arrow::Table> rows, const std::vector<NamedFeature>& features,
    const arrow::ArrayVector& values) {
  for (size_t i = 0; i < features.size(); ++i) {
    auto added =
        rows->AddColumn(rows->num_columns(), arrow::field(features[i].name, values[i]->type()),
                        std::make_shared<arrow::ChunkedArray>(values[i]));
    if (!added.ok()) return absl::InternalError(added.status().ToString());
    rows = *added;
  }
  return rows;
}

absl::StatusOr<std::unique_ptr<TrainingSetWriter>> OpenOutput(
    const v1::Project& project, const TrainingSetRequest& request,
    const std::vector<NamedFeature>& features, const Labels& labels) {
  OutputOptions output = request.output;
  std::vector<uint8_t> splits;
  if (!request.split.parts.empty()) {
    SplitRule rule = request.split;
    output.split_names = rule.Names();
    if (!rule.by_time && rule.columns.empty()) {
      const v1::FeatureView& view = project.feature_views(features[0].view);
      for (const v1::Field& key : FindEntity(project, view.entity())->keys())
        rule.columns.push_back(key.name());
    }
    ASSIGN_OR_RETURN(splits, SplitLabels(rule, labels));
  }
  return TrainingSetWriter::Create(
      std::move(output), OutputSchema(project, features, *labels.table), std::move(splits));
}

}  // namespace

absl::StatusOr<TrainingSetSummary> BuildTrainingSet(const v1::Project& project,
                                                    const TrainingSetRequest& asked) {
  absl::Time start = absl::Now();
  TrainingSetRequest request = asked;
  TrainingSetSummary summary;
  RETURN_IF_ERROR(CheckOutput(request.output));
  ASSIGN_OR_RETURN(std::vector<NamedFeature> features, ResolveFeatures(project, request.features));
  ASSIGN_OR_RETURN(std::vector<AskedView> plans,
                   AskedViews(project, features, ReadsTables(request)));
  ASSIGN_OR_RETURN(std::vector<const v1::Field*> key_fields, NeededKeys(plans));
  ASSIGN_OR_RETURN(Labels labels, TakeLabels(plans, key_fields, &request, &summary.notes));
  RETURN_IF_ERROR(CheckOutputNames(*labels.table, features));
  summary.inputs = labels.files;
  summary.features = Features(project, features);
  if (request.again != nullptr) {
    RETURN_IF_ERROR(CheckSameFeatures(request.again->features, summary.features));
    RETURN_IF_ERROR(CheckSameInputs(request.again->inputs, summary.inputs));
  }
  ASSIGN_OR_RETURN(labels.table,
                   AsOutputColumns(labels.table, request.output.format,
                                   request.output.layout.encoding, &summary.warnings));
  summary.labels = labels.times.size();
  AddSentence(WarnOfLabelsAfter(KnownTime(absl::ToUnixMicros(start)), labels), &summary.warnings);

  JoinThreads threads(std::max<size_t>(std::thread::hardware_concurrency(), request.files_at_once));
  request.output.executor = threads.executor();
  ASSIGN_OR_RETURN(std::unique_ptr<TrainingSetWriter> writer,
                   OpenOutput(project, request, features, labels));
  ASSIGN_OR_RETURN(
      std::unique_ptr<ModeJoins> joins,
      ModeJoins::Make(project, request, features, plans, labels, threads, &summary.warnings));
  if (request.mode == TrainingSetMode::kEvent) summary.events = joins->events();
  if (request.again != nullptr)
    RETURN_IF_ERROR(CheckSameEvents(request.again->events, summary.events));
  Baseline baseline(summary.labels, FeatureTypes(project, features));
  const int64_t at_once = joins->labels_at_once();
  for (int64_t first = 0; first == 0 || first < summary.labels; first += at_once) {
    std::shared_ptr<arrow::Table> rows = labels.table->Slice(first, at_once);
    ASSIGN_OR_RETURN(arrow::ArrayVector values, joins->Values(first, rows->num_rows()));
    baseline.Add(first, values, labels.times);
    ASSIGN_OR_RETURN(rows, WithFeatures(std::move(rows), features, values));
    RETURN_IF_ERROR(writer->Write(rows));
    if (request.progress) request.progress("writing", first + rows->num_rows(), summary.labels);
  }
  summary.leakage = joins->leakage();
  summary.views = joins->Summaries();
  for (TrainingSetSummary::View& view : summary.views) {
    if (request.again != nullptr) ReadAsThen(*request.again, &view);
    CountPastComplete(labels, &view);
  }
  for (size_t i = 0; i < features.size(); ++i) {
    summary.features[i].nulls = writer->null_counts()[labels.table->num_columns() + i];
    summary.features[i].statistics = baseline.statistics()[i];
  }
  ASSIGN_OR_RETURN(summary.files, writer->Finish([&](const std::vector<OutputFile>& files) {
    return request.again == nullptr ? absl::OkStatus()
                                    : CheckSameOutputs(request.again->files, files);
  }));
  summary.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  return summary;
}

absl::StatusOr<int64_t> CountLabels(const v1::Project& project, TrainingSetRequest request) {
  ASSIGN_OR_RETURN(std::vector<NamedFeature> features, ResolveFeatures(project, request.features));
  ASSIGN_OR_RETURN(std::vector<AskedView> plans,
                   AskedViews(project, features, ReadsTables(request)));
  ASSIGN_OR_RETURN(std::vector<const v1::Field*> key_fields, NeededKeys(plans));
  request.horizon_labels.clear();
  std::vector<std::string> notes;
  ASSIGN_OR_RETURN(Labels labels, TakeLabels(plans, key_fields, &request, &notes));
  return labels.times.size();
}

}  // namespace forebay
