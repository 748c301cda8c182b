#include "schemas/definition/project.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/config_reader.h"
#include "schemas/definition/definition_set.h"
#include "schemas/definition/map_reader.h"

namespace forebay {
namespace {

using definition::DefinitionSet;
using definition::Findings;
using definition::YamlFile;
using definition::YamlNode;

constexpr std::string_view kConfigName = "forebay.yaml";
constexpr std::string_view kFeaturesName = "features";

// The parsed files and what was found in them. Nodes point into files.
struct ProjectFiles {
  std::vector<std::unique_ptr<YamlFile>> files;
  YamlNode::Pointer config;
  std::vector<YamlNode::Pointer> features;
  bool whole = true;  // every file of features/ could be parsed
};

std::optional<std::string> ReadText(const std::filesystem::path& path, const std::string& name,
                                    Findings* findings) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    findings->Add({name, 1, 1, "cannot read this: it is a folder, a file was expected"});
    return std::nullopt;
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (stream.good() || stream.eof()) return text;
  findings->Add({name, 1, 1, fmt::format("cannot read this file: {}", std::strerror(errno))});
  return std::nullopt;
}

YamlNode::Pointer ParseFile(const std::filesystem::path& path, ProjectFiles* files,
                            Findings* findings) {
  std::string name = path.lexically_normal().string();
  std::optional<std::string> text = ReadText(path, name, findings);
  if (!text) return nullptr;
  files->files.push_back(std::make_unique<YamlFile>(name, *std::move(text)));
  return definition::ParseYaml(*files->files.back(), findings);
}

bool IsDefinitionFile(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  return !name.starts_with(".") && (name.ends_with(".yaml") || name.ends_with(".yml"));
}

std::vector<std::filesystem::path> FeatureFiles(const std::filesystem::path& folder,
                                                Findings* findings) {
  std::filesystem::path features = folder / kFeaturesName;
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  std::filesystem::directory_iterator entries(features, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    if (IsDefinitionFile(entries->path())) paths.push_back(entries->path());
  }
  if (error) {
    findings->Add(
        {features.lexically_normal().string(), 1, 1,
         fmt::format("cannot read this folder, where definitions belong: {}", error.message())});
  } else if (paths.empty()) {
    findings->Add({features.lexically_normal().string(), 1, 1,
                   "there are no definitions: write some into a .yaml file in this folder"});
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

ProjectFiles ParseFiles(const std::filesystem::path& folder, Findings* findings) {
  ProjectFiles files;
  files.config = ParseFile(folder / kConfigName, &files, findings);
  for (const std::filesystem::path& path : FeatureFiles(folder, findings)) {
    YamlNode::Pointer root = ParseFile(path, &files, findings);
    if (root == nullptr) files.whole = false;
    if (root == nullptr || root->kind == YamlNode::Kind::kNull) continue;  // nothing declared
    definition::MapReader map(*root, "a file of definitions",
                              {"sources", "entities", "feature_views", "feature_services"},
                              findings);
    if (map.is_map()) {
      files.features.push_back(std::move(root));
    } else {
      files.whole = false;
    }
  }
  return files;
}

// Calls `read` for each item that the files list under `key`.
template <typename Read>
void ReadEach(const ProjectFiles& files, std::string_view key, const Read& read, DefinitionSet* set,
              Findings* findings) {
  for (const YamlNode::Pointer& root : files.features) {
    for (const auto& [name, value] : root->entries) {
      if (name->text != key || value->kind == YamlNode::Kind::kNull) continue;
      if (value->kind != YamlNode::Kind::kSequence) {
        findings->Add(*value, fmt::format("{} must be a list, found {}: write each item after '-'",
                                          key, definition::KindName(*value)));
        set->whole = false;
        continue;
      }
      for (const YamlNode::Pointer& item : value->items) {
        if (item->kind != YamlNode::Kind::kMap) set->whole = false;
        read(*item, set, findings);
      }
    }
  }
}

void Fill(DefinitionSet set, const std::string& name, v1::Project* project) {
  project->set_name(name);
  for (auto& each : set.sources) *project->add_sources() = std::move(each.source);
  for (auto& each : set.entities) *project->add_entities() = std::move(each.entity);
  for (auto& each : set.views) *project->add_feature_views() = std::move(each.view);
  for (auto& each : set.services) *project->add_feature_services() = std::move(each.service);
}

absl::Status Failure(const std::filesystem::path& folder, const Findings& findings,
                     std::vector<Diagnostic>* diagnostics) {
  std::vector<Diagnostic> sorted = findings.diagnostics();
  SortDiagnostics(&sorted);
  std::string message =
      fmt::format("{} error{} in the project {}:\n{}", sorted.size(), sorted.size() == 1 ? "" : "s",
                  folder.string(), FormatDiagnostics(sorted));
  if (diagnostics != nullptr) *diagnostics = std::move(sorted);
  return absl::InvalidArgumentError(message);
}

}  // namespace

LoadedProject::LoadedProject() : project(std::make_unique<v1::Project>()) {}
LoadedProject::LoadedProject(LoadedProject&&) noexcept = default;
LoadedProject& LoadedProject::operator=(LoadedProject&&) noexcept = default;
LoadedProject::~LoadedProject() = default;

absl::StatusOr<LoadedProject> LoadProject(const std::filesystem::path& folder,
                                          std::vector<Diagnostic>* diagnostics) {
  if (diagnostics != nullptr) diagnostics->clear();
  std::error_code error;
  if (!std::filesystem::exists(folder / kConfigName, error)) {
    return absl::NotFoundError(
        fmt::format("{} is not a project folder: it holds no {}", folder.string(), kConfigName));
  }
  Findings findings;
  ProjectFiles files = ParseFiles(folder, &findings);
  LoadedProject loaded;
  if (files.config != nullptr) {
    loaded.config = definition::ReadConfig(*files.config, folder, &findings);
  }
  DefinitionSet set;
  set.folder = folder;
  set.whole = files.whole;
  ReadEach(files, "sources", definition::ReadSource, &set, &findings);
  ReadEach(files, "entities", definition::ReadEntity, &set, &findings);
  ReadEach(files, "feature_views", definition::ReadFeatureView, &set, &findings);
  ReadEach(files, "feature_services", definition::ReadFeatureService, &set, &findings);
  definition::CheckTogether(loaded.config.project, set, &findings);
  if (findings.size() > 0) return Failure(folder, findings, diagnostics);
  Fill(std::move(set), loaded.config.project, loaded.project.get());
  return loaded;
}

}  // namespace forebay
