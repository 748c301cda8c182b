#include "connectors/lineage/run_event.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kProducer = "urn:forebay:" FOREBAY_VERSION;
constexpr std::string_view kSpec = "https://openlineage.io/spec";

std::string_view StageName(RunStage stage) {
  switch (stage) {
    case RunStage::kStart:
      return "START";
    case RunStage::kRunning:
      return "RUNNING";
    case RunStage::kComplete:
      return "COMPLETE";
    case RunStage::kAbort:
      return "ABORT";
    case RunStage::kFail:
      return "FAIL";
  }
  return "OTHER";
}

// `schema`: "1-2-0/SchemaDatasetFacet".
Json Facet(std::string_view schema, Json fields) {
  const std::string_view name = schema.substr(schema.find('/') + 1);
  Json facet = {{"_producer", kProducer},
                {"_schemaURL", fmt::format("{}/facets/{}.json#/$defs/{}", kSpec, schema, name)}};
  facet.update(fields);
  return facet;
}

Json SchemaFacet(const std::vector<LineageColumn>& columns) {
  Json fields = Json::array();
  for (const LineageColumn& column : columns) {
    Json field = {{"name", column.name}, {"type", column.type}};
    if (!column.description.empty()) field["description"] = column.description;
    field["ordinal_position"] = fields.size() + 1;
    fields.push_back(std::move(field));
  }
  return Facet("1-2-0/SchemaDatasetFacet", {{"fields", std::move(fields)}});
}

Json OriginJson(const LineageOrigin& origin) {
  using How = LineageOrigin::How;
  const bool is_direct = origin.how == How::kIdentity || origin.how == How::kAggregation;
  std::string_view subtype = "IDENTITY";
  if (origin.how == How::kAggregation) subtype = "AGGREGATION";
  if (origin.how == How::kFilter) subtype = "FILTER";
  if (origin.how == How::kGroup) subtype = "GROUP_BY";
  Json transformation = {{"type", is_direct ? "DIRECT" : "INDIRECT"}, {"subtype", subtype}};
  return {{"namespace", origin.dataset.namespace_name},
          {"name", origin.dataset.name},
          {"field", origin.column},
          {"transformations", Json::array({std::move(transformation)})}};
}

Json OriginsJson(const std::vector<LineageOrigin>& origins) {
  Json list = Json::array();
  for (const LineageOrigin& origin : origins) list.push_back(OriginJson(origin));
  return list;
}

Json ColumnLineageFacet(const LineageDataset& dataset) {
  Json fields = Json::object();
  for (const auto& [column, origins] : dataset.origins)
    fields[column] = {{"inputFields", OriginsJson(origins)}};
  return Facet("1-2-0/ColumnLineageDatasetFacet",
               {{"fields", std::move(fields)}, {"dataset", OriginsJson(dataset.shaped_by)}});
}

Json DatasetJson(const LineageDataset& dataset, bool is_output) {
  Json facets = Json::object();
  if (!dataset.columns.empty()) facets["schema"] = SchemaFacet(dataset.columns);
  if (!dataset.type.empty()) {
    facets["datasetType"] = Facet("1-0-1/DatasetTypeDatasetFacet", {{"datasetType", dataset.type}});
  }
  if (!dataset.storage.empty()) {
    facets["storage"] = Facet("1-0-1/StorageDatasetFacet",
                              {{"storageLayer", dataset.storage}, {"fileFormat", "parquet"}});
  }
  if (!dataset.description.empty()) {
    facets["documentation"] =
        Facet("1-1-0/DocumentationDatasetFacet", {{"description", dataset.description}});
  }
  if (dataset.version) {
    facets["version"] = Facet("1-0-1/DatasetVersionDatasetFacet",
                              {{"datasetVersion", fmt::format("{}", *dataset.version)}});
  }
  if (!dataset.origins.empty()) facets["columnLineage"] = ColumnLineageFacet(dataset);
  Json json = {{"namespace", dataset.id.namespace_name},
               {"name", dataset.id.name},
               {"facets", std::move(facets)}};
  if (is_output && dataset.rows) {
    json["outputFacets"]["outputStatistics"] =
        Facet("1-0-2/OutputStatisticsOutputDatasetFacet", {{"rowCount", *dataset.rows}});
  }
  return json;
}

Json JobJson(const LineageRun& run) {
  Json type = {{"processingType", run.streaming ? "STREAMING" : "BATCH"},
               {"integration", "FOREBAY"},
               {"jobType", "JOB"}};
  if (run.streaming) {
    type["emissionPattern"] = {
        {"eventTrigger", "PERIODIC"},
        {"eventContentMode", "COMPLETE_SNAPSHOT"},
        {"windowDuration", std::max<int64_t>(1, run.every_us / kMicrosPerSecond)}};
  }
  Json facets = {{"jobType", Facet("2-0-4/JobTypeJobFacet", std::move(type))}};
  if (!run.description.empty()) {
    facets["documentation"] =
        Facet("1-1-0/DocumentationJobFacet", {{"description", run.description}});
  }
  return {
      {"namespace", run.job.namespace_name}, {"name", run.job.name}, {"facets", std::move(facets)}};
}

}  // namespace

std::string NewRunId(int64_t now_us) {
  std::random_device random;
  const uint64_t high = static_cast<uint64_t>(now_us / 1000) << 16 | 0x7000 | (random() & 0x0fff);
  const uint64_t low = (uint64_t{0x80000000} | (random() & 0x3fffffff)) << 32 | random();
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffffffffffff);
}

std::string RunEventJson(const LineageRun& run, RunStage stage, int64_t now_us,
                         std::string_view error) {
  Json facets = {{"processing_engine", Facet("1-1-1/ProcessingEngineRunFacet",
                                             {{"version", FOREBAY_VERSION}, {"name", "forebay"}})}};
  if (!error.empty()) {
    facets["errorMessage"] =
        Facet("1-0-1/ErrorMessageRunFacet", {{"message", error}, {"programmingLanguage", "C++"}});
  }
  Json inputs = Json::array(), outputs = Json::array();
  for (const LineageDataset& input : run.inputs) inputs.push_back(DatasetJson(input, false));
  for (const LineageDataset& output : run.outputs) outputs.push_back(DatasetJson(output, true));
  const Json event = {
      {"eventType", StageName(stage)},
      {"eventTime", FormatTime(now_us)},
      {"run", {{"runId", run.id}, {"facets", std::move(facets)}}},
      {"job", JobJson(run)},
      {"inputs", std::move(inputs)},
      {"outputs", std::move(outputs)},
      {"producer", kProducer},
      {"schemaURL", fmt::format("{}/2-0-2/OpenLineage.json#/$defs/RunEvent", kSpec)}};
  return event.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace forebay
