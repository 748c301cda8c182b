#include "offline/training_set/manifest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "forebay/v1/definition.pb.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/label_times.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/store_uri.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr int kFormatVersion = 1;
constexpr char kStates[] = "exact";
constexpr char kServed[] = "served";

bool IsUri(const std::string& path) { return path.find("://") != std::string::npos; }

// So that it is found from another folder, too.
std::string Absolute(const std::string& path) {
  if (path.empty() || path == "-" || IsUri(path)) return path;
  return fs::absolute(path).lexically_normal().string();
}

std::string_view NameOf(v1::TimeEncoding unit) {
  for (const TimeUnit& one : kTimeUnits) {
    if (one.encoding == unit) return one.name;
  }
  return "";
}

v1::TimeEncoding UnitNamed(std::string_view name) {
  for (const TimeUnit& one : kTimeUnits) {
    if (one.name == name) return one.encoding;
  }
  return v1::TIME_ENCODING_UNSPECIFIED;
}

template <typename T>
Json Maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

template <typename T>
std::optional<T> MaybeOf(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return json.get<T>();
}

Json SourceJson(const LabelsSource& source) {
  return {{"path", Absolute(source.path)}, {"version", Maybe(source.version)}};
}

LabelsSource SourceOf(const Json& json) {
  return {.path = json.at("path").get<std::string>(),
          .version = MaybeOf<int64_t>(json.at("version"))};
}

Json SplitJson(const SplitRule& split) {
  Json parts = Json::array();
  for (const SplitRule::Part& part : split.parts) {
    parts.push_back({{"name", part.name}, {"share", part.share}, {"from_us", part.from_us}});
  }
  return {{"parts", parts},
          {"by_time", split.by_time},
          {"seed", split.seed},
          {"columns", split.columns}};
}

SplitRule SplitOf(const Json& json) {
  SplitRule split{.by_time = json.at("by_time").get<bool>(),
                  .seed = json.at("seed").get<int64_t>(),
                  .columns = json.at("columns").get<std::vector<std::string>>()};
  for (const Json& part : json.at("parts")) {
    split.parts.push_back({.name = part.at("name").get<std::string>(),
                           .share = part.at("share").get<double>(),
                           .from_us = part.at("from_us").get<int64_t>()});
  }
  return split;
}

Json RequestJson(const TrainingSetRequest& request) {
  Json horizons = Json::array();
  for (const HorizonLabel& label : request.horizon_labels) {
    horizons.push_back({{"name", label.name},
                        {"source", SourceJson(label.source)},
                        {"time_column", label.time_column},
                        {"within_us", label.within_us},
                        {"until_us", Maybe(label.until_us)}});
  }
  return {{"labels", SourceJson(request.labels)},
          {"time_column", request.time_column},
          {"time_unit", NameOf(request.time_unit)},
          {"all_keys", request.all_keys},
          {"key_times_us", request.key_times},
          {"horizon_labels", horizons},
          {"features", request.features},
          {"split", SplitJson(request.split)},
          {"output",
           {{"path", Absolute(request.output.path)},
            {"format", OutputFormatName(request.output.format)},
            {"partition_by", request.output.partition_by},
            {"compact_encoding", request.output.encoding == ParquetEncoding::kCompact}}}};
}

TrainingSetRequest RequestOf(const Json& json) {
  TrainingSetRequest request{
      .labels = SourceOf(json.at("labels")),
      .time_column = json.at("time_column").get<std::string>(),
      .time_unit = UnitNamed(json.at("time_unit").get<std::string>()),
      .key_times = json.at("key_times_us").get<std::vector<int64_t>>(),
      .all_keys = json.at("all_keys").get<bool>(),
      .features = json.at("features").get<std::vector<std::string>>(),
      .split = SplitOf(json.at("split")),
  };
  for (const Json& label : json.at("horizon_labels")) {
    request.horizon_labels.push_back({.name = label.at("name").get<std::string>(),
                                      .source = SourceOf(label.at("source")),
                                      .time_column = label.at("time_column").get<std::string>(),
                                      .within_us = label.at("within_us").get<int64_t>(),
                                      .until_us = MaybeOf<int64_t>(label.at("until_us"))});
  }
  const Json& output = json.at("output");
  request.output.path = output.at("path").get<std::string>();
  const std::string format = output.at("format").get<std::string>();
  for (const NamedOutputFormat& one : kOutputFormats) {
    if (one.name == format) request.output.format = one.format;
  }
  request.output.partition_by = output.at("partition_by").get<std::string>();
  request.output.encoding = output.at("compact_encoding").get<bool>()
                                ? ParquetEncoding::kCompact
                                : ParquetEncoding::kCompatible;
  return request;
}

const v1::FeatureView* FindView(const v1::Project& project, const std::string& name,
                                uint32_t version) {
  auto found = std::ranges::find_if(project.feature_views(), [&](const v1::FeatureView& view) {
    return view.name() == name && view.version() == version;
  });
  return found == project.feature_views().end() ? nullptr : &*found;
}

Json TablesJson(const v1::Project& project, const TrainingSetSummary& summary) {
  Json tables = Json::array();
  for (const TrainingSetSummary::View& view : summary.views) {
    tables.push_back(
        {{"view", view.name},
         {"version", view.version},
         {"definition", ViewFingerprint(project, *FindView(project, view.name, view.version))},
         {"table_id", view.table_id},
         {"table_version", view.table_version},
         {"positions", view.positions},
         {"complete_before_us", Maybe(view.complete_before)},
         {"labels_matched", view.matched},
         {"labels_past_complete", view.labels_past_complete}});
  }
  return tables;
}

Json InputsJson(const TrainingSetSummary& summary) {
  Json inputs = Json::array();
  for (const InputFile& file : summary.inputs) {
    inputs.push_back({{"path", Absolute(file.path)},
                      {"bytes", file.bytes},
                      {"sha256", file.sha256},
                      {"table_id", file.table_id},
                      {"table_version", Maybe(file.version)}});
  }
  return inputs;
}

Json FeaturesJson(const TrainingSetSummary& summary) {
  Json features = Json::array();
  for (const TrainingSetSummary::Feature& feature : summary.features) {
    const double rate = summary.labels == 0 ? 0.0
                                            : static_cast<double>(feature.nulls) /
                                                  static_cast<double>(summary.labels);
    features.push_back({{"name", feature.name},
                        {"view", feature.view.name},
                        {"version", feature.view.version},
                        {"type", feature.type},
                        {"nulls", feature.nulls},
                        {"null_rate", rate}});
  }
  return features;
}

Json OutputsJson(const TrainingSetSummary& summary) {
  Json files = Json::array();
  for (const OutputFile& file : summary.files) {
    files.push_back({{"path", Absolute(file.path)},
                     {"split", file.split},
                     {"rows", file.rows},
                     {"bytes", file.bytes},
                     {"sha256", file.sha256}});
  }
  return files;
}

TrainingSetSummary SummaryOf(const Json& json) {
  TrainingSetSummary summary{.labels = json.at("labels").get<int64_t>()};
  for (const Json& table : json.at("tables")) {
    summary.views.push_back({.name = table.at("view").get<std::string>(),
                             .version = table.at("version").get<uint32_t>(),
                             .table_version = table.at("table_version").get<int64_t>(),
                             .table_id = table.at("table_id").get<std::string>(),
                             .positions = table.at("positions").get<TablePositions>(),
                             .complete_before = MaybeOf<int64_t>(table.at("complete_before_us")),
                             .fingerprint = table.at("definition").get<std::string>()});
  }
  for (const Json& feature : json.at("features")) {
    summary.features.push_back(
        {.name = feature.at("name").get<std::string>(),
         .view = {feature.at("view").get<std::string>(), feature.at("version").get<uint32_t>()},
         .type = feature.at("type").get<std::string>()});
  }
  for (const Json& file : json.at("inputs")) {
    summary.inputs.push_back({.path = file.at("path").get<std::string>(),
                              .bytes = file.at("bytes").get<int64_t>(),
                              .sha256 = file.at("sha256").get<std::string>(),
                              .version = MaybeOf<int64_t>(file.at("table_version")),
                              .table_id = file.at("table_id").get<std::string>()});
  }
  for (const Json& file : json.at("outputs")) {
    summary.files.push_back({.path = file.at("path").get<std::string>(),
                             .split = file.at("split").get<std::string>(),
                             .rows = file.at("rows").get<int64_t>(),
                             .bytes = file.at("bytes").get<int64_t>(),
                             .sha256 = file.at("sha256").get<std::string>()});
  }
  return summary;
}

// Labels in Delta tables are read at the versions that were read.
void PinTables(const std::vector<InputFile>& inputs, TrainingSetRequest* request) {
  auto pin = [&](LabelsSource* source) {
    for (const InputFile& input : inputs) {
      if (input.version && input.path == source->path) source->version = input.version;
    }
  };
  pin(&request->labels);
  for (HorizonLabel& label : request->horizon_labels) pin(&label.source);
}

absl::Status WriteText(const TrainingSetRequest& request, const std::string& path,
                       const std::string& text) {
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(path);
  RETURN_IF_ERROR(uri.status());
  const size_t slash = uri->path.rfind('/');
  const std::string name = slash == std::string::npos ? uri->path : uri->path.substr(slash + 1);
  const std::string folder = slash == std::string::npos ? "" : uri->path.substr(0, slash);
  uri->path = !uri->is_file() || !folder.empty() ? folder : slash == 0 ? "/" : ".";
  return OpenObjectStore(*uri, request.output.s3)->Put(name, text);
}

// Whether every file of that version is still there.
absl::StatusOr<bool> IsWhole(const ObjectStore& store, const std::string& table, int64_t version) {
  absl::StatusOr<VersionRange> versions = ListVersions(store, table);
  RETURN_IF_ERROR(versions.status());
  if (version < versions->oldest || version > versions->newest) return false;
  ASSIGN_OR_RETURN(int64_t oldest, OldestWholeVersion(store, table));
  return oldest <= version;
}

absl::Status PrepareTable(const v1::Project& project, const TrainingSetSummary::View& view,
                          TrainingSetRequest* request) {
  const ViewId id{view.name, view.version};
  const v1::FeatureView* definition = FindView(project, view.name, view.version);
  if (definition == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("the project has no view {}, which the set was made with", id.ToString()));
  }
  const std::string now = ViewFingerprint(project, *definition);
  if (now != view.fingerprint)
    return ChangedUnderVersion(id, view.fingerprint, now, "the training set");
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

}  // namespace

std::string ManifestPath(const std::string& output) {
  return output.substr(0, output.find_last_not_of('/') + 1) + ".manifest.json";
}

absl::StatusOr<std::string> WriteManifest(const v1::Project& project,
                                          const TrainingSetRequest& request,
                                          const TrainingSetSummary& summary,
                                          const MadeBy& made_by) {
  Json json = {{"format", "forebay training set"},
               {"format_version", kFormatVersion},
               {"made_by", made_by.program},
               {"made_at", FormatTime(absl::ToUnixMicros(absl::Now()))},
               {"command", made_by.command},
               {"project", project.name()},
               {"mode", request.states == nullptr ? kServed : kStates},
               {"labels", summary.labels},
               {"features", FeaturesJson(summary)},
               {"tables", TablesJson(project, summary)},
               {"inputs", InputsJson(summary)},
               {"outputs", OutputsJson(summary)},
               {"notes", summary.notes},
               {"warnings", summary.warnings},
               {"request", RequestJson(request)}};
  const std::string path = ManifestPath(request.output.path);
  absl::Status written =
      WriteText(request, path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  if (written.ok()) return path;
  return absl::Status(written.code(),
                      fmt::format("the training set is written, but its manifest is not: {}",
                                  std::string(written.message())));
}

absl::StatusOr<Manifest> ReadManifest(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(fmt::format("cannot open the manifest {}", path));
  std::ostringstream text;
  text << file.rdbuf();
  const Json json = Json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  std::string what = "it is no JSON";
  try {
    if (!json.is_discarded()) {
      const int version = json.at("format_version").get<int>();
      if (version > kFormatVersion) {
        return absl::InvalidArgumentError(
            fmt::format("the manifest {} has format version {}, and this forebay knows {}: use a "
                        "later one",
                        path, version, kFormatVersion));
      }
      if (json.at("mode") == kStates) {
        return absl::FailedPreconditionError(
            fmt::format("the set of {} was made with --exact, from the state as it was then: it "
                        "cannot be made again",
                        path));
      }
      Manifest manifest{.project = json.at("project").get<std::string>(),
                        .made_by = {.program = json.at("made_by").get<std::string>(),
                                    .command = json.at("command").get<std::vector<std::string>>()},
                        .request = RequestOf(json.at("request")),
                        .made = std::make_shared<TrainingSetSummary>(SummaryOf(json))};
      manifest.request.again = manifest.made.get();
      PinTables(manifest.made->inputs, &manifest.request);
      return manifest;
    }
  } catch (const nlohmann::json::exception& e) {
    what = e.what();
  }
  return absl::InvalidArgumentError(
      fmt::format("{} is no manifest of a training set: {}", path, what));
}

absl::Status PrepareAgain(const v1::Project& project, Manifest* manifest) {
  if (project.name() != manifest->project) {
    return absl::FailedPreconditionError(fmt::format(
        "the set was made in project {}, and this is {}", manifest->project, project.name()));
  }
  for (const TrainingSetSummary::View& view : manifest->made->views)
    RETURN_IF_ERROR(PrepareTable(project, view, &manifest->request));
  return absl::OkStatus();
}

}  // namespace forebay
