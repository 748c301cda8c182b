#include "online/http/catalog_json.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "catalog/catalog_key.h"
#include "fmt/format.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/data_type.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

Json TextOrNull(std::string_view text) { return text.empty() ? Json() : Json(std::string(text)); }

template <typename Texts>
Json TextsJson(const Texts& texts) {
  Json list = Json::array();
  for (const auto& text : texts) list.push_back(text);
  return list;
}

// As protobuf's JSON mapping has it.
template <typename Message>
Json MessageJson(const Message& message) {
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return Json();
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

template <typename Fields>
Json ColumnsJson(const Fields& fields) {
  Json columns = Json::array();
  for (const v1::Field& field : fields) {
    columns.push_back(
        {{"name", field.name()}, {"type", DataTypeName(static_cast<DataType>(field.type()))}});
  }
  return columns;
}

std::string WindowText(const v1::Window& window) {
  if (window.kind() == v1::Window::LIFETIME) return "lifetime";
  return FormatDuration(window.size_us());
}

Json FeatureJson(const v1::FeatureView& view, const v1::Feature& feature) {
  const bool known = static_cast<int>(feature.aggregate()) < view.aggregates_size();
  return {{"name", feature.name()},
          {"type", DataTypeName(static_cast<DataType>(feature.type()))},
          {"value", known ? view.aggregates(static_cast<int>(feature.aggregate())).sql() : ""},
          {"window", WindowText(feature.window())},
          {"description", feature.description()}};
}

void AddSource(v1::Source source, Json* json) {
  (*json)["topic"] = TextOrNull(source.topic());
  (*json)["partitioned_by"] = TextsJson(source.key());
  (*json)["columns"] = ColumnsJson(source.schema());
  (*json)["event_time"] = source.event_time();
  source.clear_descriptor_set();  // long, and for programs alone
  (*json)["definition"] = MessageJson(source);
}

void AddView(const v1::ViewVersion& view, Json* json) {
  const v1::FeatureView& definition = view.definition();
  (*json)["source"] = definition.source();
  (*json)["entity"] = definition.entity();
  Json features = Json::array();
  for (const v1::Feature& feature : definition.features())
    features.push_back(FeatureJson(definition, feature));
  (*json)["features"] = std::move(features);
  (*json)["fingerprint"] = view.fingerprint();
  (*json)["definition"] = MessageJson(definition);
}

void AddService(const v1::ServiceVersion& service, Json* json) {
  Json features = Json::array();
  for (const v1::FeatureReference& reference : service.definition().features()) {
    features.push_back({{"name", reference.name()},
                        {"view", reference.view()},
                        {"version", reference.version()},
                        {"feature", reference.feature()}});
  }
  (*json)["features"] = std::move(features);
  (*json)["definition"] = MessageJson(service.definition());
}

void AddModel(const v1::ModelVersion& model, Json* json) {
  const v1::Artifact& artifact = model.artifact();
  (*json)["artifact"] = {{"uri", artifact.uri()},
                         {"sha256", TextOrNull(artifact.sha256())},
                         {"bytes", artifact.sha256().empty() ? Json() : Json(artifact.bytes())}};
  (*json)["service"] = fmt::format("{}@{}", model.service(), model.service_version());
  (*json)["training_set"] = TextOrNull(model.training_set());
  Json metrics = Json::object(), params = Json::object();
  for (const auto& [name, value] : std::map(model.metrics().begin(), model.metrics().end()))
    metrics[name] = value;
  for (const auto& [name, value] : std::map(model.params().begin(), model.params().end()))
    params[name] = value;
  (*json)["metrics"] = std::move(metrics);
  (*json)["params"] = std::move(params);
}

void AddTrainingSet(const v1::TrainingSetVersion& set, Json* json) {
  Json manifest = Json::parse(set.manifest(), nullptr, /*allow_exceptions=*/false);
  (*json)["manifest"] = manifest.is_object() ? std::move(manifest) : Json();
}

std::string DescriptionOf(const v1::CatalogObject& object) {
  return object.has_model() ? object.model().description() : AboutOf(object).description();
}

}  // namespace

std::string_view KindInKey(std::string_view key) { return key.substr(0, key.find('/')); }
std::string_view NameInKey(std::string_view key) { return key.substr(key.find('/') + 1); }

uint32_t VersionOf(const v1::CatalogObject& object) {
  if (object.has_view()) return object.view().definition().version();
  if (object.has_service()) return object.service().version();
  if (object.has_model()) return object.model().version();
  if (object.has_training_set()) return object.training_set().version();
  return 0;
}

std::string StateOf(const v1::CatalogObject& object) {
  if (object.has_view())
    return absl::AsciiStrToLower(v1::ViewVersion::State_Name(object.view().state()));
  if (object.has_service()) return object.service().retired() ? "retired" : "live";
  return "";
}

const v1::About& AboutOf(const v1::CatalogObject& object) {
  if (object.has_source()) return object.source().about();
  if (object.has_entity()) return object.entity().about();
  if (object.has_view()) return object.view().definition().about();
  if (object.has_service()) return object.service().definition().about();
  return v1::About::default_instance();
}

Json SummaryJson(const v1::CatalogObject& object) {
  const std::string key = KeyOf(object);
  const std::string_view name = NameInKey(key);
  const uint32_t version = VersionOf(object);
  const v1::About& about = AboutOf(object);
  Json deprecated;
  if (about.has_deprecated()) {
    deprecated = {{"since", about.deprecated().since()},
                  {"use", TextOrNull(about.deprecated().use())}};
  }
  return {{"key", key},
          {"kind", KindInKey(key)},
          {"name", object.has_alias() ? name : name.substr(0, name.find('@'))},
          {"version", version == 0 ? Json() : Json(version)},
          {"state", TextOrNull(StateOf(object))},
          {"description", DescriptionOf(object)},
          {"owner", TextOrNull(about.owner())},
          {"tags", TextsJson(about.tags())},
          {"deprecated", std::move(deprecated)}};
}

Json ObjectJson(const v1::CatalogObject& object) {
  Json json = SummaryJson(object);
  if (object.has_source()) {
    AddSource(object.source(), &json);
  } else if (object.has_entity()) {
    json["keys"] = ColumnsJson(object.entity().keys());
    json["definition"] = MessageJson(object.entity());
  } else if (object.has_view()) {
    AddView(object.view(), &json);
  } else if (object.has_service()) {
    AddService(object.service(), &json);
  } else if (object.has_model()) {
    AddModel(object.model(), &json);
  } else if (object.has_alias()) {
    json["model_version"] = object.alias().version();
    json["before"] = TextsJson(object.alias().before());
  } else if (object.has_training_set()) {
    AddTrainingSet(object.training_set(), &json);
  }
  return json;
}

Json CommitJson(const v1::CatalogCommit& commit) {
  return {{"version", commit.version()},
          {"time", FormatTime(commit.time_us())},
          {"by", commit.by()},
          {"command", commit.command()},
          {"revision", TextOrNull(commit.revision())}};
}

}  // namespace forebay
