// forebay get NAME KEY... : a view, a feature or a service; asks the worker of the project over
// HTTP.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command.h"
#include "cli/entity_key.h"
#include "cli/worker_http.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/feature_names.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct Arguments {
  std::string folder = ".";
  std::string name;
  std::vector<std::string> keys;
  std::string at;
  int port = 0;
};

// What is asked for, and the key columns that it needs, in the order of the definitions.
struct Target {
  nlohmann::json request;
  std::vector<const v1::Field*> keys;
};

absl::StatusOr<Target> FindTarget(const v1::Project& project, const std::string& name) {
  Target target;
  ASSIGN_OR_RETURN(std::vector<NamedFeature> features, ResolveAnyName(project, name));
  const bool is_service = FindService(project, name) != nullptr;
  if (is_service) target.request["feature_service"] = name;
  std::set<std::string> seen;
  for (const NamedFeature& feature : features) {
    if (!is_service) target.request["features"].push_back(feature.name);
    const v1::FeatureView& view = project.feature_views(feature.view);
    for (const v1::Field& key : FindEntity(project, view.entity())->keys()) {
      if (seen.insert(key.name()).second) target.keys.push_back(&key);
    }
  }
  return target;
}

absl::StatusOr<nlohmann::json> Entity(const Target& target, const std::vector<std::string>& keys) {
  ASSIGN_OR_RETURN(auto texts, AssignKeyWords(target.keys, keys));
  nlohmann::json entity = nlohmann::json::object();
  for (const v1::Field* key : target.keys) {
    const std::string& text = texts.at(key->name());
    ASSIGN_OR_RETURN(Value value, ParseKeyText(*key, text));
    if (key->type() == v1::BOOL) {
      entity[key->name()] = std::get<bool>(value);
    } else if (key->type() == v1::INT64) {
      entity[key->name()] = std::get<int64_t>(value);
    } else {
      entity[key->name()] = text;
    }
  }
  return entity;
}

absl::Status Get(const Arguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(Target target, FindTarget(*loaded.project, arguments.name));
  ASSIGN_OR_RETURN(target.request["entity"], Entity(target, arguments.keys));
  if (!arguments.at.empty()) target.request["at"] = arguments.at;
  int64_t port = arguments.port != 0 ? arguments.port : loaded.config.serving_http_port;
  ASSIGN_OR_RETURN(std::string body, PostToWorker(fmt::format("http://{}:{}/v1/get",
                                                              loaded.config.serving_address, port),
                                                  target.request.dump()));
  nlohmann::ordered_json answer = nlohmann::ordered_json::parse(body, nullptr, false);
  if (answer.is_discarded()) return absl::InternalError("the worker's answer is not JSON: " + body);
  if (answer.contains("error")) {
    return absl::FailedPreconditionError(answer["error"].value("message", body));
  }
  fmt::print("{}\n", answer.dump(2));
  return absl::OkStatus();
}

}  // namespace

void AddGetCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app->add_subcommand("get", "Look up the features of one entity on the running worker");
  command
      ->add_option("name", arguments->name,
                   "A feature view (view, view@version), a feature of it (view.feature) or a "
                   "feature service")
      ->required();
  command->add_option("key", arguments->keys, "Key values, in declared order, or column=value")
      ->required();
  command->add_option("--at", arguments->at, "The time to answer for, RFC 3339; default: now");
  command->add_option("--port", arguments->port,
                      "The worker's HTTP port; default: that of forebay.yaml");
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([arguments, exit_code] { *exit_code = Report(Get(*arguments)); });
}

}  // namespace forebay
