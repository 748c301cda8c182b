// forebay model register|promote|rollback|shadow|list|show|diff: models in the catalog.
#include <google/protobuf/util/message_differencer.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/artifact_store.h"
#include "catalog/models.h"
#include "catalog/shadow.h"
#include "cli/command.h"
#include "cli/model_run_commands.h"
#include "cli/name_value.h"
#include "cli/project_catalog.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

using google::protobuf::util::MessageDifferencer;

struct ModelArguments {
  std::string folder = ".";
  std::string name;   // of a model, or a reference
  std::string other;  // of `diff`
  std::string artifact;
  std::string upload;
  std::string checkpoint;
  std::string service;
  std::string training_set;
  std::string description;
  std::vector<std::string> metrics;  // name=number
  std::vector<std::string> params;   // name=text
  uint32_t version = 0;              // of `promote`
  std::optional<uint32_t> expected;
  std::string of = "champion";  // of `shadow`
  double sample = 1;
  bool off = false;
};

// What the checkpoint that is named has, as far as it was not given otherwise.
absl::Status TakeCheckpoint(const LoadedProject& loaded, const std::string& text,
                            v1::ModelVersion* model) {
  const size_t at = text.find('@');
  int64_t step = 0;
  const char* last = text.data() + text.size();
  if (at == std::string::npos || std::from_chars(text.data() + at + 1, last, step).ptr != last ||
      at + 1 == text.size()) {
    return absl::InvalidArgumentError(
        fmt::format("--checkpoint {}: expected a run and a step, as in tuesday@1000", text));
  }
  ASSIGN_OR_RETURN(
      const ModelCheckpoint checkpoint,
      OpenModelRuns(loaded).FindCheckpoint({model->model(), text.substr(0, at)}, step));
  model->set_run(checkpoint.run.run);
  model->set_step(checkpoint.step);
  model->mutable_artifact()->set_uri(checkpoint.uri);
  model->mutable_artifact()->set_sha256(checkpoint.sha256);
  model->mutable_artifact()->set_bytes(checkpoint.bytes);
  if (model->training_set().empty()) model->set_training_set(checkpoint.training_set);
  model->mutable_params()->insert(checkpoint.params.begin(), checkpoint.params.end());
  model->mutable_metrics()->insert(checkpoint.metrics.begin(), checkpoint.metrics.end());
  return absl::OkStatus();
}

absl::StatusOr<v1::ModelVersion> Draft(const LoadedProject& loaded,
                                       const ModelArguments& arguments) {
  v1::ModelVersion model;
  model.set_model(arguments.name);
  model.mutable_artifact()->set_uri(arguments.artifact);
  model.set_training_set(arguments.training_set);
  model.set_description(arguments.description);
  model.set_service(arguments.service);
  for (const std::string& text : arguments.metrics) {
    ASSIGN_OR_RETURN(auto pair, ParseNameNumber("--metric", text));
    (*model.mutable_metrics())[pair.first] = pair.second;
  }
  for (const std::string& text : arguments.params) {
    ASSIGN_OR_RETURN(auto pair, ParseNameValue("--param", text));
    (*model.mutable_params())[pair.first] = pair.second;
  }
  if (!arguments.checkpoint.empty())
    RETURN_IF_ERROR(TakeCheckpoint(loaded, arguments.checkpoint, &model));
  return model;
}

absl::Status Register(const LoadedProject& loaded, const CatalogLog& log,
                      const ModelArguments& arguments) {
  if (!arguments.artifact.empty() + !arguments.upload.empty() + !arguments.checkpoint.empty() !=
      1) {
    return absl::InvalidArgumentError(
        "name where the model is, with --artifact URI, or its file, with --upload FILE, or a "
        "checkpoint, with --checkpoint RUN@STEP");
  }
  ASSIGN_OR_RETURN(v1::ModelVersion model, Draft(loaded, arguments));
  ASSIGN_OR_RETURN(const CatalogLog::State known, log.Load());
  RETURN_IF_ERROR(RegisterModel(*known, model).status());  // before a file is uploaded
  if (!arguments.upload.empty()) {
    auto warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
    ASSIGN_OR_RETURN(*model.mutable_artifact(), UploadArtifact(arguments.upload, warehouse.get()));
  }
  v1::ModelVersion made;
  auto decide = [&](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
    ASSIGN_OR_RETURN(CatalogLog::Changes changes, RegisterModel(now, model));
    made = changes.front().object().model();
    return changes;
  };
  RETURN_IF_ERROR(log.CommitAfter(known, decide).status());
  fmt::print("{}@{}: takes {}@{}, artifact {}\n", made.model(), made.version(), made.service(),
             made.service_version(), made.artifact().uri());
  return absl::OkStatus();
}

std::string Standing(const CatalogState& state, const ModelReference& alias) {
  const v1::ModelAlias* found = FindAlias(state, alias);
  return found == nullptr ? "nothing" : absl::StrCat(found->version());
}

// `change`: of a state, with what the alias must stand for.
absl::Status Move(const CatalogLog& log, const ModelArguments& arguments,
                  const std::function<absl::StatusOr<CatalogLog::Changes>(
                      const CatalogState& now, const ModelReference& alias,
                      std::optional<uint32_t> expected)>& change) {
  ASSIGN_OR_RETURN(const ModelReference alias, ModelReference::Parse(arguments.name));
  ASSIGN_OR_RETURN(const CatalogLog::State known, log.Load());
  const v1::ModelAlias* found = FindAlias(*known, alias);
  const uint32_t current = found == nullptr ? 0 : found->version();
  ASSIGN_OR_RETURN(const CatalogLog::State after,
                   log.CommitAfter(known, [&](const CatalogState& now) {
                     return change(now, alias, arguments.expected.value_or(current));
                   }));
  fmt::print("{}: {} -> {} ({})\n", alias.ToString(), Standing(*known, alias),
             Standing(*after, alias), DescribeState(*after));
  return absl::OkStatus();
}

absl::Status Promote(const LoadedProject& loaded, const CatalogLog& log,
                     const ModelArguments& arguments) {
  return Move(
      log, arguments,
      [&](const CatalogState& now, const ModelReference& alias, std::optional<uint32_t> expected) {
        return PromoteModel(now, alias, arguments.version, expected);
      });
}

absl::Status RollBack(const LoadedProject& loaded, const CatalogLog& log,
                      const ModelArguments& arguments) {
  return Move(log, arguments, &RollBackModel);
}

// Not where somebody moved one of the two aliases since the command looked.
absl::Status Shadow(const LoadedProject& loaded, const CatalogLog& log,
                    const ModelArguments& arguments) {
  ASSIGN_OR_RETURN(const ModelReference alias, ModelReference::Parse(arguments.name));
  const ModelReference of{.model = alias.model, .alias = arguments.of};
  ASSIGN_OR_RETURN(const CatalogLog::State known, log.Load());
  auto unmoved = [&](const CatalogState& now, const ModelReference& one) {
    const v1::ModelAlias *then = FindAlias(*known, one), *is = FindAlias(now, one);
    return then == nullptr || is == nullptr ? then == is : MessageDifferencer::Equals(*then, *is);
  };
  auto decide = [&](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
    for (const ModelReference& one : {alias, of}) {
      if (unmoved(now, one)) continue;
      return absl::AbortedError(fmt::format(
          "somebody was faster: {} is not what it was: look at it, and repeat", one.ToString()));
    }
    return arguments.off ? EndShadow(now, alias)
                         : ShadowModel(now, alias, arguments.of, arguments.sample);
  };
  ASSIGN_OR_RETURN(const CatalogLog::State after, log.CommitAfter(known, decide));
  if (arguments.off) {
    fmt::print("{}: no shadow any more ({})\n", alias.ToString(), DescribeState(*after));
  } else {
    fmt::print("{}: asked beside {}, for {} % of its requests ({})\n", alias.ToString(),
               of.ToString(), 100 * arguments.sample, DescribeState(*after));
  }
  return absl::OkStatus();
}

// "challenger (shadow of champion)".
std::string Described(const v1::ModelAlias& alias) {
  return alias.has_shadow() ? fmt::format("{} (shadow of {})", alias.alias(), alias.shadow().of())
                            : alias.alias();
}

absl::Status List(const LoadedProject& loaded, const CatalogLog& log,
                  const ModelArguments& arguments) {
  ASSIGN_OR_RETURN(const CatalogLog::State state, log.Load());
  std::map<std::pair<std::string, uint32_t>, std::vector<std::string>> aliases;
  for (const auto& [key, object] : state->objects()) {
    if (object->has_alias())
      aliases[{object->alias().model(), object->alias().version()}].push_back(
          Described(object->alias()));
  }
  std::map<std::pair<std::string, uint32_t>, const v1::ModelVersion*> models;
  for (const auto& [key, object] : state->objects()) {
    if (object->has_model())
      models[{object->model().model(), object->model().version()}] = &object->model();
  }
  for (const auto& [id, model] : models) {
    fmt::print("{}@{}  {}@{}  {}{}\n", id.first, id.second, model->service(),
               model->service_version(), model->artifact().uri(),
               aliases.contains(id) ? fmt::format("  {}", fmt::join(aliases[id], ", ")) : "");
  }
  if (models.empty()) fmt::print("no models yet: `forebay model register` makes one\n");
  return absl::OkStatus();
}

absl::StatusOr<const v1::ModelVersion*> Named(const CatalogState& state, const std::string& text) {
  ASSIGN_OR_RETURN(const ModelReference reference, ModelReference::Parse(text));
  return FindModel(state, reference);
}

absl::Status Show(const LoadedProject& loaded, const CatalogLog& log,
                  const ModelArguments& arguments) {
  ASSIGN_OR_RETURN(const CatalogLog::State state, log.Load());
  ASSIGN_OR_RETURN(const v1::ModelVersion* model, Named(*state, arguments.name));
  ASSIGN_OR_RETURN(const v1::ServiceVersion* service, ServiceOf(*state, *model));
  fmt::print("{}@{}\nartifact      {}\nservice       {}@{}\n", model->model(), model->version(),
             model->artifact().uri(), model->service(), model->service_version());
  if (!model->artifact().sha256().empty())
    fmt::print("sha256        {}, {} bytes\n", model->artifact().sha256(),
               model->artifact().bytes());
  if (!model->run().empty()) fmt::print("checkpoint    {}@{}\n", model->run(), model->step());
  if (!model->training_set().empty()) fmt::print("training set  {}\n", model->training_set());
  if (!model->description().empty()) fmt::print("description   {}\n", model->description());
  for (const auto& [name, value] : std::map(model->metrics().begin(), model->metrics().end()))
    fmt::print("metric        {} = {}\n", name, value);
  for (const auto& [name, value] : std::map(model->params().begin(), model->params().end()))
    fmt::print("param         {} = {}\n", name, value);
  for (const v1::FeatureReference& reference : service->definition().features()) {
    fmt::print("feature       {}  {}\n", reference.name(),
               ViewId{reference.view(), reference.version()}.ToString());
  }
  return absl::OkStatus();
}

absl::Status Diff(const LoadedProject& loaded, const CatalogLog& log,
                  const ModelArguments& arguments) {
  ASSIGN_OR_RETURN(const CatalogLog::State state, log.Load());
  ASSIGN_OR_RETURN(const v1::ModelVersion* before, Named(*state, arguments.name));
  ASSIGN_OR_RETURN(const v1::ModelVersion* after, Named(*state, arguments.other));
  const std::vector<ModelDifference> found = DiffModels(*state, *before, *after);
  for (const ModelDifference& difference : found) fmt::print("{}\n", difference.ToString());
  if (found.empty()) fmt::print("nothing differs\n");
  return absl::OkStatus();
}

using ModelAction = absl::Status (*)(const LoadedProject&, const CatalogLog&,
                                     const ModelArguments&);

CLI::App* AddModelAction(CLI::App* command, const char* name, const char* what, ModelAction action,
                         const std::shared_ptr<ModelArguments>& arguments, int* exit_code) {
  CLI::App* added = command->add_subcommand(name, what);
  added->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  const std::string commits_as = fmt::format("model {}", name);
  added->callback([=] {
    absl::StatusOr<LoadedProject> loaded = LoadOrExplain(arguments->folder);
    *exit_code =
        Report(loaded.ok() ? action(*loaded, OpenCatalog(*loaded, arguments->folder, commits_as),
                                    *arguments)
                           : loaded.status());
  });
  return added;
}

void AddRegisterOptions(CLI::App* command, ModelArguments* arguments) {
  command->add_option("model", arguments->name, "The model's name, such as fraud")->required();
  command->add_option("--artifact", arguments->artifact, "Where it is: any URI")
      ->option_text("URI");
  command->add_option("--upload", arguments->upload, "Its file, to be kept in the warehouse")
      ->option_text("FILE");
  command
      ->add_option("--checkpoint", arguments->checkpoint, "One that was told of, by run and step")
      ->option_text("RUN@STEP");
  command
      ->add_option("--service", arguments->service,
                   "The feature service that it takes, or a version of it (fraud@3)")
      ->required();
  command->add_option("--training-set", arguments->training_set,
                      "The training set that it was trained on (fraud_2026@3)");
  command->add_option("--metric", arguments->metrics, "Such as auc=0.91; again for more")
      ->option_text("NAME=NUMBER ...");
  command->add_option("--param", arguments->params, "Such as depth=6; again for more")
      ->option_text("NAME=TEXT ...");
  command->add_option("--description", arguments->description, "What is said of it");
}

void AddShadowOptions(CLI::App* command, ModelArguments* arguments) {
  command->add_option("alias", arguments->name, "Such as fraud@challenger")->required();
  command->add_option("--of", arguments->of, "The alias that is answered")
      ->option_text("ALIAS")
      ->capture_default_str();
  command->add_option("--sample", arguments->sample, "Of its requests this share, above 0")
      ->option_text("SHARE")
      ->capture_default_str();
  command->add_flag("--off", arguments->off, "Not any more");
}

}  // namespace

void AddModelCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<ModelArguments>();
  CLI::App* command =
      app->add_subcommand("model", "Models: their versions, and which of them is served");
  command->require_subcommand(1);
  auto add = [&](const char* name, const char* what, ModelAction action) {
    return AddModelAction(command, name, what, action, arguments, exit_code);
  };
  auto add_expected = [&](CLI::App* moved) {
    moved
        ->add_option("--if", arguments->expected,
                     "Only if it stands for this version now (0: for none)")
        ->option_text("VERSION");
  };
  AddRegisterOptions(add("register", "Make a next version of a model", &Register), arguments.get());
  CLI::App* promote = add("promote", "Let an alias stand for a version", &Promote);
  promote->add_option("alias", arguments->name, "Such as fraud@champion")->required();
  promote->add_option("version", arguments->version, "Such as 7")->required();
  add_expected(promote);
  CLI::App* roll_back =
      add("rollback", "Let an alias stand for what it stood for before", &RollBack);
  roll_back->add_option("alias", arguments->name, "Such as fraud@champion")->required();
  add_expected(roll_back);
  AddShadowOptions(
      add("shadow", "Ask what an alias stands for beside another, without answering it", &Shadow),
      arguments.get());
  add("list", "All versions of all models", &List);
  add("show", "What a version is made of", &Show)
      ->add_option("model", arguments->name, "Such as fraud@7 or fraud@champion")
      ->required();
  CLI::App* diff = add("diff", "What differs between two versions", &Diff);
  diff->add_option("before", arguments->name, "Such as fraud@champion")->required();
  diff->add_option("after", arguments->other, "Such as fraud@8")->required();
  AddModelRunCommands(command, exit_code);
}

}  // namespace forebay
