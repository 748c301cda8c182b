// A project folder for tests: files written below a temporary folder, which goes with the object.
//
//   ProjectFolder folder;
//   folder.Write("features/a.yaml", "sources: []");
//   folder.Load();
#ifndef FOREBAY_SCHEMAS_DEFINITION_PROJECT_FOLDER_FOR_TEST_H_
#define FOREBAY_SCHEMAS_DEFINITION_PROJECT_FOLDER_FOR_TEST_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "schemas/definition/project.h"

namespace forebay {

// One source, two entities: what most tests refer to.
inline constexpr const char* kBaseFeatures = R"(sources:
  - name: transactions
    topic: transactions
    key: [user_id]
    schema: {user_id: string, merchant_id: string, amount: double, quantity: int64,
             country: string, online: bool, at: timestamp_ms}
    event_time: at
entities:
  - {name: user, keys: {user_id: string}}
  - {name: merchant, keys: {merchant_id: string}}
)";

class ProjectFolder {
 public:
  ProjectFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "forebay-project-XXXXXX").string();
    path_ = mkdtemp(name.data());
    Write("forebay.yaml", "project: demo\n");
    Write("features/base.yaml", kBaseFeatures);
  }
  ProjectFolder(const ProjectFolder&) = delete;
  ProjectFolder& operator=(const ProjectFolder&) = delete;
  ~ProjectFolder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }

  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  void Remove(const std::string& name) { std::filesystem::remove_all(path_ / name); }

  absl::StatusOr<LoadedProject> Load() const { return LoadProject(path_, nullptr); }

  // What is wrong, one a line, with files named from the project folder.
  std::string Errors() const {
    std::vector<Diagnostic> diagnostics;
    absl::StatusOr<LoadedProject> loaded = LoadProject(path_, &diagnostics);
    std::string text = FormatDiagnostics(diagnostics);
    if (!loaded.ok() && diagnostics.empty()) text = std::string(loaded.status().message()) + "\n";
    std::string prefix = path_.string() + "/";
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
      text.erase(at, prefix.size());
    }
    return text;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_DEFINITION_PROJECT_FOLDER_FOR_TEST_H_
