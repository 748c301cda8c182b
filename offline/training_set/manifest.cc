#include "offline/training_set/manifest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "forebay/v1/definition.pb.h"
#include "offline/training_set/baseline.h"
#include "offline/training_set/request_json.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/store_uri.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

constexpr int kFormatVersion = 1;
constexpr char kStates[] = "exact";

OrderedJson InputsJson(const TrainingSetSummary& summary) {
  OrderedJson inputs = OrderedJson::array();
  for (const InputFile& file : summary.inputs) {
    inputs.push_back({{"path", AbsolutePath(file.path)},
                      {"bytes", file.bytes},
                      {"sha256", file.sha256},
                      {"table_id", file.table_id},
                      {"table_version", MaybeJson(file.version)}});
  }
  return inputs;
}

double ShareOf(int64_t count, int64_t labels) {
  return labels == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(labels);
}

OrderedJson FeaturesJson(const TrainingSetSummary& summary) {
  OrderedJson features = OrderedJson::array();
  for (const TrainingSetSummary::Feature& feature : summary.features) {
    features.push_back({{"name", feature.name},
                        {"view", feature.view.name},
                        {"version", feature.view.version},
                        {"type", feature.type},
                        {"nulls", feature.nulls},
                        {"null_rate", ShareOf(feature.nulls, summary.labels)},
                        {"statistics", StatisticsJson(feature.statistics)}});
  }
  return features;
}

OrderedJson OutputsJson(const TrainingSetSummary& summary) {
  OrderedJson files = OrderedJson::array();
  for (const OutputFile& file : summary.files) {
    files.push_back({{"path", AbsolutePath(file.path)},
                     {"split", file.split},
                     {"rows", file.rows},
                     {"bytes", file.bytes},
                     {"sha256", file.sha256}});
  }
  return files;
}

OrderedJson EventsJson(const TrainingSetSummary& summary) {
  OrderedJson sources = OrderedJson::array();
  for (const EventsRead& read : summary.events) {
    OrderedJson files = OrderedJson::array();
    for (const EventsRead::File& file : read.files)
      files.push_back({{"path", AbsolutePath(file.path)}, {"bytes", file.bytes}});
    sources.push_back({{"source", read.source},
                       {"files", files},
                       {"archive_id", read.archive_id},
                       {"archive_version", read.archive_version},
                       {"archive_positions", read.archive_positions},
                       {"last_us", MaybeJson(read.last)}});
  }
  return sources;
}

std::vector<EventsRead> EventsOf(const OrderedJson& json) {
  std::vector<EventsRead> events;
  for (const OrderedJson& source : json) {
    EventsRead& read = events.emplace_back(
        EventsRead{.source = source.at("source").get<std::string>(),
                   .archive_id = source.at("archive_id").get<std::string>(),
                   .archive_version = source.at("archive_version").get<int64_t>(),
                   .archive_positions = source.at("archive_positions").get<TablePositions>(),
                   .last = MaybeOf<int64_t>(source.at("last_us"))});
    for (const OrderedJson& file : source.at("files")) {
      read.files.push_back({file.at("path").get<std::string>(), file.at("bytes").get<int64_t>()});
    }
  }
  return events;
}

OrderedJson LeakageJson(const TrainingSetSummary& summary) {
  if (summary.leakage.empty()) return {};
  OrderedJson features = OrderedJson::array();
  for (const FeatureLeakage& feature : summary.leakage) {
    OrderedJson first;
    if (feature.first) {
      first = {{"label", feature.first->label},
               {"served", OrderedJson::parse(feature.first->served)},
               {"event", OrderedJson::parse(feature.first->event)}};
    }
    features.push_back({{"name", feature.name},
                        {"compared", feature.compared},
                        {"differ", feature.differ},
                        {"share", ShareOf(feature.differ, feature.compared)},
                        {"served_null", feature.served_null},
                        {"event_null", feature.event_null},
                        {"first", first}});
  }
  return features;
}

TrainingSetSummary SummaryOf(const OrderedJson& json) {
  TrainingSetSummary summary{.labels = json.at("labels").get<int64_t>()};
  summary.views = TablesOf(json.at("tables"));
  summary.events = EventsOf(json.value("events", OrderedJson::array()));
  for (const OrderedJson& feature : json.at("features")) {
    summary.features.push_back(
        {.name = feature.at("name").get<std::string>(),
         .view = {feature.at("view").get<std::string>(), feature.at("version").get<uint32_t>()},
         .type = feature.at("type").get<std::string>()});
  }
  for (const OrderedJson& file : json.at("inputs")) {
    summary.inputs.push_back({.path = file.at("path").get<std::string>(),
                              .bytes = file.at("bytes").get<int64_t>(),
                              .sha256 = file.at("sha256").get<std::string>(),
                              .version = MaybeOf<int64_t>(file.at("table_version")),
                              .table_id = file.at("table_id").get<std::string>()});
  }
  for (const OrderedJson& file : json.at("outputs")) {
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

Manifest ManifestOf(const OrderedJson& json) {
  Manifest manifest{.project = json.at("project").get<std::string>(),
                    .made_by = {.program = json.at("made_by").get<std::string>(),
                                .command = json.at("command").get<std::vector<std::string>>()},
                    .request = RequestOf(json.at("request")),
                    .made = std::make_shared<TrainingSetSummary>(SummaryOf(json))};
  if (json.at("mode") == ModeName(TrainingSetMode::kEvent))
    manifest.request.mode = TrainingSetMode::kEvent;
  manifest.request.again = manifest.made.get();
  PinTables(manifest.made->inputs, &manifest.request);
  return manifest;
}

}  // namespace

std::string ManifestPath(const std::string& output) {
  return output.substr(0, output.find_last_not_of('/') + 1) + ".manifest.json";
}

absl::StatusOr<std::string> WriteManifest(const v1::Project& project,
                                          const TrainingSetRequest& request,
                                          const TrainingSetSummary& summary,
                                          const MadeBy& made_by) {
  OrderedJson json = {{"format", "forebay training set"},
                      {"format_version", kFormatVersion},
                      {"made_by", made_by.program},
                      {"made_at", FormatTime(absl::ToUnixMicros(absl::Now()))},
                      {"command", made_by.command},
                      {"project", project.name()},
                      {"mode", request.states == nullptr ? ModeName(request.mode) : kStates},
                      {"labels", summary.labels},
                      {"features", FeaturesJson(summary)},
                      {"tables", TablesJson(project, summary)},
                      {"events", EventsJson(summary)},
                      {"leakage", LeakageJson(summary)},
                      {"inputs", InputsJson(summary)},
                      {"outputs", OutputsJson(summary)},
                      {"notes", summary.notes},
                      {"warnings", summary.warnings},
                      {"request", RequestJson(request)}};
  const std::string path = ManifestPath(request.output.path);
  absl::Status written = WriteText(
      request, path, json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
  if (written.ok()) return path;
  return absl::Status(written.code(),
                      fmt::format("the training set is written, but its manifest is not: {}",
                                  std::string(written.message())));
}

absl::StatusOr<std::vector<Manifest>> ParseManifests(std::string_view text,
                                                     const std::string& path) {
  const OrderedJson json = OrderedJson::parse(text, nullptr, /*allow_exceptions=*/false);
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
      std::vector<Manifest> manifests;
      if (json.contains("parts")) {
        for (const OrderedJson& part : json.at("parts")) manifests.push_back(ManifestOf(part));
      } else {
        manifests.push_back(ManifestOf(json));
      }
      return manifests;
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
  for (const TrainingSetSummary::View& view : manifest->made->views) {
    RETURN_IF_ERROR(manifest->request.mode == TrainingSetMode::kEvent
                        ? CheckDefinition(project, view)
                        : PinTable(project, view, &manifest->request));
  }
  return absl::OkStatus();
}

}  // namespace forebay
