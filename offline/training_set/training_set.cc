#include "offline/training_set/training_set.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include <algorithm>
#include <map>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "connectors/object_store/object_store.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/data_file.h"
#include "offline/delta/table_column.h"
#include "offline/delta/table_version.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/exact_rows.h"
#include "offline/training_set/feature_list.h"
#include "offline/training_set/label_keys.h"
#include "offline/training_set/label_warnings.h"
#include "offline/training_set/labels.h"
#include "offline/training_set/output_file.h"
#include "offline/training_set/point_in_time_join.h"
#include "offline/upkeep/lease.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/counted.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

// The features asked for of one view.
struct AskedView {
  int index = 0;  // into Project.feature_views
  const v1::FeatureView* view = nullptr;
  const v1::Entity* entity = nullptr;
  std::vector<int> features;
  std::vector<int> outputs;  // likewise: which of the resolved features it is
};

// The join of one view.
struct ViewRequest {
  ViewId view;
  TableVersion version;
  const Labels* labels;
  const ExactRequest* exact;  // null: the table alone
  std::vector<std::string>* warnings;
};

absl::StatusOr<std::vector<AskedView>> AskedViews(const v1::Project& project,
                                                  const std::vector<NamedFeature>& features) {
  std::map<int, AskedView> plans;
  for (size_t i = 0; i < features.size(); ++i) {
    AskedView& plan = plans[features[i].view];
    plan.index = features[i].view;
    plan.view = &project.feature_views(features[i].view);
    if (plan.view->history() == v1::FeatureView::OFF) {
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

// Feeds the needed columns of one data file to the join.
arrow::Status ReadFile(std::shared_ptr<arrow::io::RandomAccessFile> file,
                       const arrow::Schema& table, PointInTimeJoin* join, int64_t* rows_read,
                       absl::Status* join_status) {
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenParquet(std::move(file)));
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
  std::vector<int> columns;
  for (const std::string& name : join->NeededColumns()) {
    int index = schema->GetFieldIndex(name);
    if (index >= 0) columns.push_back(index);
  }
  std::vector<int> row_groups(reader->num_row_groups());
  for (size_t i = 0; i < row_groups.size(); ++i) row_groups[i] = i;
  ARROW_ASSIGN_OR_RAISE(auto batches, reader->GetRecordBatchReader(row_groups, columns));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> rows;
    ARROW_RETURN_NOT_OK(batches->ReadNext(&rows));
    if (rows == nullptr) return arrow::Status::OK();
    *rows_read += rows->num_rows();
    ARROW_ASSIGN_OR_RAISE(rows, AsTableColumns(rows, table));
    *join_status = join->Add(std::move(rows));
    if (!join_status->ok()) return arrow::Status::OK();
  }
}

absl::Status ReadDataFile(const ObjectStore& store, const std::string& table,
                          const Snapshot& snapshot, const std::string& path, PointInTimeJoin* join,
                          int64_t* rows_read) {
  absl::Status status;
  std::string what;
  try {
    auto file = OpenDataFile(store, table, path);
    if (file.ok()) {
      arrow::Status read = ReadFile(*file, *snapshot.schema, join, rows_read, &status);
      if (read.ok() && status.ok()) return status;
      what = read.ok() ? std::string(status.message()) : read.message();
    } else if (absl::IsNotFound(file.status())) {
      return ExplainMissingFile(store, table, snapshot, path);
    } else {
      return file.status();
    }
  } catch (const std::exception& e) {
    what = e.what();
  }
  if (auto file = OpenDataFile(store, table, path); file.ok()) {
    std::string page = FindDamagedPage(*std::move(file));
    if (!page.empty()) what = fmt::format("{}: {}", page, what);
  }
  return UnusableDataFile(store, table, path, what);
}

void Say(std::string warning, std::vector<std::string>* warnings) {
  if (!warning.empty()) warnings->push_back(std::move(warning));
}

// The files of a table as of `snapshot`, as far as labels need them.
absl::Status ReadTable(const ObjectStore& store, const std::string& path, const Snapshot& snapshot,
                       const ViewRequest& request, Lease* lease, PointInTimeJoin* join,
                       TrainingSetSummary::View* summary) {
  const Labels& labels = *request.labels;
  KnownTime latest = labels.times.empty()
                         ? KnownTime::Min()
                         : *std::max_element(labels.times.begin(), labels.times.end());
  int64_t first = INT64_MAX;  // of the rows, as far as labels can be before it
  for (const auto& [file_path, file] : snapshot.files) {
    if (std::optional<int64_t> start = StartOfDate(file); start && *start > latest.value()) {
      first = std::min(first, *start);
      ++summary->files_skipped;
      continue;
    }
    if (lease != nullptr) lease->Renew(absl::ToUnixMicros(absl::Now())).IgnoreError();
    RETURN_IF_ERROR(ReadDataFile(store, path, snapshot, file_path, join, &summary->rows_read));
    ++summary->files_read;
  }
  first = std::min(first, join->first_effective_time());
  if (first != INT64_MAX)
    Say(WarnOfLabelsBefore(first, request.view.ToString(), labels), request.warnings);
  return absl::OkStatus();
}

absl::StatusOr<TrainingSetSummary::View> JoinView(const std::shared_ptr<ObjectStore>& store,
                                                  const ViewRequest& request,
                                                  PointInTimeJoin* join) {
  TrainingSetSummary::View summary{.name = request.view.name, .version = request.view.version};
  const std::string name = request.view.ToString();
  std::string path = OfflineTablePath(request.view);
  absl::StatusOr<Snapshot> table = LoadSnapshotAt(*store, path, request.version);
  Snapshot snapshot;
  if (table.ok()) {
    snapshot = *std::move(table);
    // Who may not write there reads without a lease.
    absl::StatusOr<Lease> lease =
        Lease::Take(store, path, snapshot.timestamp_ms, absl::ToUnixMicros(absl::Now()));
    CrashPoint("training_set.leased");
    if (request.version.IsNewest())
      RETURN_IF_ERROR(RefreshSnapshot(*store, path, std::nullopt, &snapshot));
    RETURN_IF_ERROR(
        ReadTable(*store, path, snapshot, request, lease.ok() ? &*lease : nullptr, join, &summary));
  } else if (!absl::IsNotFound(table.status()) || !request.version.IsNewest()) {
    return table.status();
  } else if (request.exact == nullptr) {
    request.warnings->push_back(
        fmt::format("there is no offline table of {} in {} yet: its features have "
                    "their defaults",
                    name, store->Describe(path)));
    return summary;
  }
  summary.table_version = snapshot.version;
  if (request.exact == nullptr) {
    Say(WarnOfIncompleteTable(snapshot, name, *request.labels), request.warnings);
  } else {
    ASSIGN_OR_RETURN(summary.from_state, AddExactRows(*request.exact, snapshot, *request.labels,
                                                      join, request.warnings));
  }
  RETURN_IF_ERROR(join->Finish());
  summary.matched = join->matched();
  return summary;
}

TableVersion VersionOf(const TrainingSetRequest& request, const ViewId& view) {
  auto version = request.versions.find(view);
  return version == request.versions.end() ? TableVersion() : version->second;
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

}  // namespace

absl::StatusOr<TrainingSetSummary> BuildTrainingSet(const v1::Project& project,
                                                    const TrainingSetRequest& request) {
  absl::Time start = absl::Now();
  TrainingSetSummary summary;
  ASSIGN_OR_RETURN(std::vector<NamedFeature> features, ResolveFeatures(project, request.features));
  ASSIGN_OR_RETURN(std::vector<AskedView> plans, AskedViews(project, features));
  ASSIGN_OR_RETURN(std::vector<const v1::Field*> key_fields, NeededKeys(plans));
  ASSIGN_OR_RETURN(Labels labels,
                   ReadLabels(request.labels, request.time_column, request.time_unit, key_fields));
  RETURN_IF_ERROR(CheckOutputNames(*labels.table, features));
  summary.labels = labels.times.size();
  Say(labels.note, &summary.notes);
  Say(WarnOfLabelsAfter(KnownTime(absl::ToUnixMicros(start)), labels), &summary.warnings);

  std::map<std::string, LabelKeys> keys_of_entity;
  std::vector<std::shared_ptr<arrow::Array>> outputs(features.size());
  for (const AskedView& plan : plans) {
    auto it = keys_of_entity.find(plan.entity->name());
    if (it == keys_of_entity.end()) {
      it = keys_of_entity.emplace(plan.entity->name(), LabelKeys(labels, *plan.entity)).first;
      if (it->second.null_keys() > 0) {
        summary.warnings.push_back(fmt::format(
            "{} a null in the key of entity {}: their features have their defaults",
            Counted(it->second.null_keys(), "label has", "labels have"), plan.entity->name()));
      }
    }
    PointInTimeJoin join(labels, it->second, *plan.view, *plan.entity, plan.features);
    ViewId id{plan.view->name(), plan.view->version()};
    ExactRequest exact{project.name(), id, plan.index, plan.entity, request.states};
    ASSIGN_OR_RETURN(TrainingSetSummary::View view,
                     JoinView(request.warehouse,
                              {.view = id,
                               .version = VersionOf(request, id),
                               .labels = &labels,
                               .exact = request.states == nullptr ? nullptr : &exact,
                               .warnings = &summary.warnings},
                              &join));
    summary.views.push_back(std::move(view));
    for (size_t c = 0; c < plan.outputs.size(); ++c) {
      ASSIGN_OR_RETURN(outputs[plan.outputs[c]], join.columns()[c].Finish());
    }
  }

  std::shared_ptr<arrow::Table> table = labels.table;
  for (size_t i = 0; i < features.size(); ++i) {
    auto added =
        table->AddColumn(table->num_columns(), arrow::field(features[i].name, outputs[i]->type()),
                         std::make_shared<arrow::ChunkedArray>(outputs[i]));
    if (!added.ok()) return absl::InternalError(added.status().ToString());
    table = *added;
  }
  RETURN_IF_ERROR(WriteOutputFile(std::move(table), request.parquet_encoding, request.output,
                                  &summary.warnings));
  summary.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  return summary;
}

}  // namespace forebay
