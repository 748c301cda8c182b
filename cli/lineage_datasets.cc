#include "cli/lineage_datasets.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "offline/sink/table_flush.h"
#include "schemas/types/data_type.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

LineageRun RunOf(const LoadedProject& loaded, const std::string& job,
                 const std::string& description) {
  const ProjectConfig& config = loaded.config;
  LineageRun run;
  run.job = {config.openlineage_namespace.empty() ? config.project : config.openlineage_namespace,
             fmt::format("{}.{}", config.project, job)};
  run.description = description;
  return run;
}

std::string TypeText(v1::DataType type) {
  return std::string(DataTypeName(static_cast<DataType>(type)));
}

template <typename Fields>
void AddColumns(const Fields& fields, LineageDataset* dataset) {
  for (const v1::Field& field : fields)
    dataset->columns.push_back({.name = field.name(), .type = TypeText(field.type())});
}

void FindColumns(const v1::Expression& expression, std::set<std::string>* columns) {
  if (expression.has_column()) columns->insert(expression.column());
  for (const v1::Expression& argument : expression.call().arguments())
    FindColumns(argument, columns);
}

// Of the columns of `from` that an aggregate takes.
std::vector<LineageOrigin> OriginsOf(const v1::Aggregate& aggregate, const LineageName& from) {
  std::set<std::string> taken, filtered;
  for (const v1::Expression& argument : aggregate.arguments()) FindColumns(argument, &taken);
  FindColumns(aggregate.filter(), &filtered);
  std::vector<LineageOrigin> origins;
  for (const std::string& column : taken)
    origins.push_back({from, column, LineageOrigin::How::kAggregation});
  for (const std::string& column : filtered)
    origins.push_back({from, column, LineageOrigin::How::kFilter});
  return origins;
}

const v1::Entity* EntityOf(const v1::Project& project, const v1::FeatureView& view) {
  auto found = std::ranges::find_if(
      project.entities(), [&](const v1::Entity& one) { return one.name() == view.entity(); });
  return found == project.entities().end() ? nullptr : &*found;
}

const v1::Source* SourceOf(const v1::Project& project, const v1::FeatureView& view) {
  auto found = std::ranges::find_if(
      project.sources(), [&](const v1::Source& one) { return one.name() == view.source(); });
  return found == project.sources().end() ? nullptr : &*found;
}

// Keys and features, wherever they are; `from`: what they are computed from.
LineageDataset Described(const v1::Project& project, const v1::FeatureView& view,
                         const LineageName& from) {
  LineageDataset dataset{.description = view.about().description()};
  if (const v1::Entity* entity = EntityOf(project, view); entity != nullptr) {
    AddColumns(entity->keys(), &dataset);
    for (const v1::Field& key : entity->keys()) {
      dataset.origins[key.name()] = {{from, key.name(), LineageOrigin::How::kIdentity}};
      dataset.shaped_by.push_back({from, key.name(), LineageOrigin::How::kGroup});
    }
  }
  for (const v1::Feature& feature : view.features()) {
    dataset.columns.push_back({feature.name(), TypeText(feature.type()), feature.description()});
    std::vector<LineageOrigin> origins =
        OriginsOf(view.aggregates(static_cast<int>(feature.aggregate())), from);
    if (!origins.empty()) dataset.origins[feature.name()] = std::move(origins);
  }
  std::set<std::string> filtered;
  FindColumns(view.where(), &filtered);
  for (const std::string& column : filtered)
    dataset.shaped_by.push_back({from, column, LineageOrigin::How::kFilter});
  return dataset;
}

LineageDataset BareTable(const ProjectConfig& config, const TableId& table) {
  return {.id = NameOfTable(config, table), .type = "TABLE", .storage = "delta"};
}

LineageDataset TableOfView(const LoadedProject& loaded, const v1::FeatureView& view,
                           const LineageName& from) {
  LineageDataset dataset = Described(*loaded.project, view, from);
  const ViewId id{view.name(), view.version()};
  dataset.id = NameOfTable(loaded.config, id);
  dataset.type = "TABLE";
  dataset.storage = "delta";
  return dataset;
}

LineageDataset TopicOf(const ProjectConfig& config, const v1::Source& source) {
  LineageDataset dataset{.id = NameOfTopic(config, source.topic()),
                         .type = "TOPIC",
                         .description = source.about().description()};
  AddColumns(source.schema(), &dataset);
  return dataset;
}

LineageDataset FilesOf(const v1::Source& source) {
  LineageDataset dataset{.id = NameOfPath(source.batch().path()),
                         .type = "FILE",
                         .description = source.about().description()};
  AddColumns(source.schema(), &dataset);
  return dataset;
}

void AddOnce(LineageDataset dataset, std::vector<LineageDataset>* datasets) {
  for (const LineageDataset& one : *datasets) {
    if (one.id == dataset.id) return;
  }
  datasets->push_back(std::move(dataset));
}

bool IsNamed(const v1::FeatureView& view, const std::vector<std::string>& names) {
  const std::string id = ViewId{view.name(), view.version()}.ToString();
  return names.empty() || std::ranges::count(names, view.name()) > 0 ||
         std::ranges::count(names, id) > 0;
}

}  // namespace

LineageName NameOfPath(const std::string& path_or_uri) {
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(path_or_uri);
  if (!uri.ok()) return {"file", path_or_uri};
  if (!uri->is_file()) return {"s3://" + uri->bucket, uri->path};
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(uri->path, error);
  return {"file", (error ? std::filesystem::path(uri->path) : path.lexically_normal()).string()};
}

LineageName NameOfTable(const ProjectConfig& config, const TableId& table) {
  const std::string path = OfflineTablePath(table);
  if (config.warehouse.is_file()) return NameOfPath(config.warehouse.path + "/" + path);
  const std::string& before = config.warehouse.path;
  return {"s3://" + config.warehouse.bucket, before.empty() ? path : before + "/" + path};
}

LineageName NameOfTopic(const ProjectConfig& config, const std::string& topic) {
  if (!config.openlineage_kafka_namespace.empty())
    return {config.openlineage_kafka_namespace, topic};
  auto brokers = config.kafka.find("bootstrap.servers");
  const std::string first = brokers == config.kafka.end()
                                ? "embedded"
                                : brokers->second.substr(0, brokers->second.find(','));
  return {"kafka://" + first, topic};
}

LineageRun WorkerRun(const LoadedProject& loaded) {
  const ProjectConfig& config = loaded.config;
  LineageRun run = RunOf(loaded, "worker", "Computes features from topics, and serves them");
  run.streaming = true;
  run.every_us = config.openlineage_every_us;
  for (const v1::FeatureView& view : loaded.project->feature_views()) {
    const v1::Source* source = SourceOf(*loaded.project, view);
    if (source == nullptr || source->topic().empty() || view.disabled()) continue;
    AddOnce(TopicOf(config, *source), &run.inputs);
    const LineageName topic = NameOfTopic(config, source->topic());
    if (view.history() == v1::FeatureView::ON)
      run.outputs.push_back(TableOfView(loaded, view, topic));
    if (view.updates() == v1::FeatureView::ON) {
      LineageDataset updates = Described(*loaded.project, view, topic);
      updates.id = NameOfTopic(config, UpdateTopic(config.project, view.name(), view.version()));
      updates.type = "TOPIC";
      run.outputs.push_back(std::move(updates));
    }
    if (source->archive())
      AddOnce(BareTable(config, TableId::OfEvents(source->name())), &run.outputs);
  }
  return run;
}

LineageRun BackfillRun(const LoadedProject& loaded, const std::vector<std::string>& views) {
  LineageRun run = RunOf(loaded, "backfill", "Computes features from files");
  for (const v1::FeatureView& view : loaded.project->feature_views()) {
    const v1::Source* source = SourceOf(*loaded.project, view);
    if (source == nullptr || !source->has_batch() || !IsNamed(view, views)) continue;
    AddOnce(FilesOf(*source), &run.inputs);
    if (view.history() == v1::FeatureView::ON)
      run.outputs.push_back(TableOfView(loaded, view, NameOfPath(source->batch().path())));
  }
  return run;
}

LineageRun CompactionRun(const LoadedProject& loaded, const std::vector<TableId>& tables) {
  LineageRun run = RunOf(loaded, "compact", "Merges small files of offline tables");
  for (const TableId& table : tables) {
    run.inputs.push_back(BareTable(loaded.config, table));
    run.outputs.push_back(BareTable(loaded.config, table));
  }
  return run;
}

LineageRun TrainingSetRunOf(const LoadedProject& loaded, const TrainingSetRequest& request,
                            const TrainingSetSummary* summary) {
  const std::string name = std::filesystem::path(request.output.path).stem().string();
  LineageRun run =
      RunOf(loaded, "training_set." + name, "Joins labels with features as of their times");
  LineageDataset set{.id = NameOfPath(request.output.path), .type = "FILE"};
  if (summary != nullptr) {
    for (const InputFile& input : summary->inputs) {
      AddOnce({.id = NameOfPath(input.path), .type = "FILE", .version = input.version},
              &run.inputs);
    }
    for (const TrainingSetSummary::View& view : summary->views) {
      LineageDataset table = BareTable(loaded.config, ViewId{view.name, view.version});
      if (view.table_version >= 0) table.version = view.table_version;
      run.inputs.push_back(std::move(table));
    }
    for (const TrainingSetSummary::Feature& feature : summary->features) {
      set.columns.push_back({.name = feature.name, .type = feature.type});
      const size_t dot = feature.name.rfind('.');
      set.origins[feature.name] = {{NameOfTable(loaded.config, feature.view),
                                    feature.name.substr(dot == std::string::npos ? 0 : dot + 1),
                                    LineageOrigin::How::kIdentity}};
    }
    set.rows = summary->labels;
  }
  run.outputs.push_back(std::move(set));
  return run;
}

}  // namespace forebay
