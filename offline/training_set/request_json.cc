#include "offline/training_set/request_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "forebay/v1/definition.pb.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/label_times.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

bool IsUri(const std::string& path) { return path.find("://") != std::string::npos; }

std::string_view NameOf(v1::TimeEncoding unit) {
  for (const TimeUnit& one : kTimeUnits) {
    if (one.encoding == unit) return one.name;
  }
  return "";
}

std::string_view NameOf(OutputCompression compression) {
  return std::ranges::find(kOutputCompressions, compression, &NamedOutputCompression::compression)
      ->name;
}

v1::TimeEncoding UnitNamed(std::string_view name) {
  for (const TimeUnit& one : kTimeUnits) {
    if (one.name == name) return one.encoding;
  }
  return v1::TIME_ENCODING_UNSPECIFIED;
}

OrderedJson SourceJson(const LabelsSource& source) {
  return {{"path", AbsolutePath(source.path)}, {"version", MaybeJson(source.version)}};
}

LabelsSource SourceOf(const OrderedJson& json) {
  return {.path = json.at("path").get<std::string>(),
          .version = MaybeOf<int64_t>(json.at("version"))};
}

OrderedJson PartJson(const std::optional<LabelsPart>& part) {
  if (!part) return {};
  return {{"number", part->number},
          {"of", part->of},
          {"from", part->from},
          {"to", part->to},
          {"of_labels", part->of_labels}};
}

std::optional<LabelsPart> PartOf(const OrderedJson& json) {
  if (json.is_null()) return std::nullopt;
  return LabelsPart{.number = json.at("number").get<int>(),
                    .of = json.at("of").get<int>(),
                    .from = json.at("from").get<int64_t>(),
                    .to = json.at("to").get<int64_t>(),
                    .of_labels = json.at("of_labels").get<int64_t>()};
}

OrderedJson SplitJson(const SplitRule& split) {
  OrderedJson parts = OrderedJson::array();
  for (const SplitRule::Part& part : split.parts) {
    parts.push_back({{"name", part.name}, {"share", part.share}, {"from_us", part.from_us}});
  }
  return {{"parts", parts},
          {"by_time", split.by_time},
          {"seed", split.seed},
          {"columns", split.columns}};
}

SplitRule SplitOf(const OrderedJson& json) {
  SplitRule split{.by_time = json.at("by_time").get<bool>(),
                  .seed = json.at("seed").get<int64_t>(),
                  .columns = json.at("columns").get<std::vector<std::string>>()};
  for (const OrderedJson& part : json.at("parts")) {
    split.parts.push_back({.name = part.at("name").get<std::string>(),
                           .share = part.at("share").get<double>(),
                           .from_us = part.at("from_us").get<int64_t>()});
  }
  return split;
}

// Whether every file of that version is still there.
absl::StatusOr<bool> IsWhole(const ObjectStore& store, const std::string& table, int64_t version) {
  absl::StatusOr<VersionRange> versions = ListVersions(store, table);
  RETURN_IF_ERROR(versions.status());
  if (version < versions->oldest || version > versions->newest) return false;
  ASSIGN_OR_RETURN(int64_t oldest, OldestWholeVersion(store, table));
  return oldest <= version;
}

}  // namespace

std::string AbsolutePath(const std::string& path) {
  if (path.empty() || path == "-" || IsUri(path)) return path;
  return fs::absolute(path).lexically_normal().string();
}

OrderedJson RequestJson(const TrainingSetRequest& request) {
  OrderedJson horizons = OrderedJson::array();
  for (const HorizonLabel& label : request.horizon_labels) {
    horizons.push_back({{"name", label.name},
                        {"source", SourceJson(label.source)},
                        {"time_column", label.time_column},
                        {"within_us", label.within_us},
                        {"until_us", MaybeJson(label.until_us)}});
  }
  return {{"labels", SourceJson(request.labels)},
          {"time_column", request.time_column},
          {"time_unit", NameOf(request.time_unit)},
          {"all_keys", request.all_keys},
          {"key_times_us", request.key_times},
          {"horizon_labels", horizons},
          {"features", request.features},
          {"part", PartJson(request.part)},
          {"split", SplitJson(request.split)},
          {"output",
           {{"path", AbsolutePath(request.output.path)},
            {"format", OutputFormatName(request.output.format)},
            {"partition_by", request.output.partition_by},
            {"compact_encoding", request.output.layout.encoding == ParquetEncoding::kCompact},
            {"compression", NameOf(request.output.layout.compression)}}}};
}

TrainingSetRequest RequestOf(const OrderedJson& json) {
  TrainingSetRequest request{
      .labels = SourceOf(json.at("labels")),
      .time_column = json.at("time_column").get<std::string>(),
      .time_unit = UnitNamed(json.at("time_unit").get<std::string>()),
      .key_times = json.at("key_times_us").get<std::vector<int64_t>>(),
      .all_keys = json.at("all_keys").get<bool>(),
      .features = json.at("features").get<std::vector<std::string>>(),
      .split = SplitOf(json.at("split")),
      .part = PartOf(json.value("part", OrderedJson())),
  };
  for (const OrderedJson& label : json.at("horizon_labels")) {
    request.horizon_labels.push_back({.name = label.at("name").get<std::string>(),
                                      .source = SourceOf(label.at("source")),
                                      .time_column = label.at("time_column").get<std::string>(),
                                      .within_us = label.at("within_us").get<int64_t>(),
                                      .until_us = MaybeOf<int64_t>(label.at("until_us"))});
  }
  const OrderedJson& output = json.at("output");
  request.output.path = output.at("path").get<std::string>();
  const std::string format = output.at("format").get<std::string>();
  for (const NamedOutputFormat& one : kOutputFormats) {
    if (one.name == format) request.output.format = one.format;
  }
  request.output.partition_by = output.at("partition_by").get<std::string>();
  request.output.layout.encoding = output.at("compact_encoding").get<bool>()
                                       ? ParquetEncoding::kCompact
                                       : ParquetEncoding::kCompatible;
  const std::string compression = output.value("compression", "zstd");  // of older manifests
  for (const NamedOutputCompression& one : kOutputCompressions) {
    if (one.name == compression) request.output.layout.compression = one.compression;
  }
  return request;
}

const v1::FeatureView* FindViewVersion(const v1::Project& project, const std::string& name,
                                       uint32_t version) {
  auto found = std::ranges::find_if(project.feature_views(), [&](const v1::FeatureView& view) {
    return view.name() == name && view.version() == version;
  });
  return found == project.feature_views().end() ? nullptr : &*found;
}

OrderedJson TablesJson(const v1::Project& project, const TrainingSetSummary& summary) {
  OrderedJson tables = OrderedJson::array();
  for (const TrainingSetSummary::View& view : summary.views) {
    tables.push_back({{"view", view.name},
                      {"version", view.version},
                      {"definition", ViewFingerprint(project, *FindViewVersion(project, view.name,
                                                                               view.version))},
                      {"table_id", view.table_id},
                      {"table_version", view.table_version},
                      {"positions", view.positions},
                      {"complete_before_us", MaybeJson(view.complete_before)},
                      {"labels_matched", view.matched},
                      {"labels_past_complete", view.labels_past_complete}});
  }
  return tables;
}

std::vector<TrainingSetSummary::View> TablesOf(const OrderedJson& json) {
  std::vector<TrainingSetSummary::View> views;
  for (const OrderedJson& table : json) {
    views.push_back({.name = table.at("view").get<std::string>(),
                     .version = table.at("version").get<uint32_t>(),
                     .table_version = table.at("table_version").get<int64_t>(),
                     .table_id = table.at("table_id").get<std::string>(),
                     .positions = table.at("positions").get<TablePositions>(),
                     .complete_before = MaybeOf<int64_t>(table.at("complete_before_us")),
                     .fingerprint = table.at("definition").get<std::string>()});
  }
  return views;
}

absl::Status CheckDefinition(const v1::Project& project, const TrainingSetSummary::View& view) {
  const ViewId id{view.name, view.version};
  const v1::FeatureView* definition = FindViewVersion(project, view.name, view.version);
  if (definition == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("the project has no view {}, which the set was made with", id.ToString()));
  }
  const std::string now = ViewFingerprint(project, *definition);
  if (now == view.fingerprint) return absl::OkStatus();
  return ChangedUnderVersion(id, view.fingerprint, now, "the training set");
}

absl::Status PinTable(const v1::Project& project, const TrainingSetSummary::View& view,
                      TrainingSetRequest* request) {
  RETURN_IF_ERROR(CheckDefinition(project, view));
  const ViewId id{view.name, view.version};
  const std::string path = OfflineTablePath(id);
  const ObjectStore& store = *request->warehouse;
  if (view.table_version < 0) {
    absl::Status there = LoadSnapshot(store, path, std::nullopt).status();
    if (absl::IsNotFound(there)) return absl::OkStatus();
    RETURN_IF_ERROR(there);
    request->bounds[id] = {};  // it had no rows yet
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(Snapshot newest, LoadSnapshot(store, path, std::nullopt));
  if (newest.metadata.id != view.table_id) {
    return absl::FailedPreconditionError(
        fmt::format("the table of {} in {} is another one than the set was made from: it was made "
                    "anew since",
                    id.ToString(), store.Describe(path)));
  }
  ASSIGN_OR_RETURN(bool whole, IsWhole(store, path, view.table_version));
  if (whole) {
    request->versions[id] = {.number = view.table_version};
    return absl::OkStatus();
  }
  request->versions[id] = {.number = newest.version};
  ASSIGN_OR_RETURN(request->bounds[id], BoundsOf(id, view.positions));
  return absl::OkStatus();
}

}  // namespace forebay
