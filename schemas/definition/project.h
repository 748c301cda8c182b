// Reads and checks a project folder: forebay.yaml and features/*.yaml.
//
//   std::vector<Diagnostic> diagnostics;
//   absl::StatusOr<LoadedProject> loaded = LoadProject("examples/transactions", &diagnostics);
//   if (!loaded.ok()) std::cerr << FormatDiagnostics(diagnostics);
//
// The language is described in docs/definitions.md and docs/configuration.md.
#ifndef FOREBAY_SCHEMAS_DEFINITION_PROJECT_H_
#define FOREBAY_SCHEMAS_DEFINITION_PROJECT_H_

#include <filesystem>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/definition/config.h"
#include "schemas/definition/diagnostic.h"

namespace forebay {

namespace v1 {
class Project;
}

// Correct and complete: every name in `project` resolves, every expression has its type.
struct LoadedProject {
  LoadedProject();
  LoadedProject(LoadedProject&&) noexcept;
  LoadedProject& operator=(LoadedProject&&) noexcept;
  ~LoadedProject();

  std::unique_ptr<v1::Project> project;  // never null; sources and views in order of declaration:
                                         // files by name, then from top to bottom
  ProjectConfig config;
};

// Errors: INVALID_ARGUMENT if anything is wrong with the files. Its message holds all that was
// found in all of them, one a line; `diagnostics`, if not null, receives the same, sorted by file,
// line and column. NOT_FOUND if `folder` is no project (`diagnostics` stays empty). Reads the
// environment for ${NAME}; writes nothing.
absl::StatusOr<LoadedProject> LoadProject(const std::filesystem::path& folder,
                                          std::vector<Diagnostic>* diagnostics);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_DEFINITION_PROJECT_H_
