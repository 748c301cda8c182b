#include "cli/command.h"

#include <cstdio>
#include <iterator>

#include "fmt/format.h"
#include "schemas/definition/diagnostic.h"
#include "schemas/types/counted.h"

namespace forebay {

int Report(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  fmt::print(stderr, "forebay: {}\n", std::string(status.message()));
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailure;
}

absl::StatusOr<LoadedProject> LoadOrExplain(const std::string& folder) {
  std::vector<Diagnostic> diagnostics;
  absl::StatusOr<LoadedProject> loaded = LoadProject(folder, &diagnostics);
  if (loaded.ok()) return loaded;
  if (diagnostics.empty()) {
    return absl::InvalidArgumentError(std::string(loaded.status().message()));
  }
  fmt::print(stderr, "{}", FormatDiagnostics(diagnostics));
  return absl::InvalidArgumentError(fmt::format(
      "{} in {}: nothing was done", Counted(std::ssize(diagnostics), "error", "errors"), folder));
}

}  // namespace forebay
