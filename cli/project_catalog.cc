#include "cli/project_catalog.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "catalog/catalog_project.h"
#include "connectors/object_store/object_store.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// What git prints for the folder; "" where there is no git, or no repository.
std::string AskGit(const std::string& folder, const std::string& what) {
  const std::string quoted = "'" + absl::StrReplaceAll(folder, {{"'", "'\\''"}}) + "'";
  const std::string command = fmt::format("git -C {} {} 2>/dev/null", quoted, what);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  std::array<char, 256> line{};
  while (pipe != nullptr && std::fgets(line.data(), line.size(), pipe.get()) != nullptr)
    text += line.data();
  return std::string(absl::StripAsciiWhitespace(text));
}

std::string RevisionOf(const std::string& folder) {
  if (folder.empty()) return "";
  std::string revision = AskGit(folder, "rev-parse HEAD");
  if (!revision.empty() && !AskGit(folder, "status --porcelain -- .").empty())
    revision += " and changes";
  return revision;
}

}  // namespace

std::string WhoAndWhere() {
  const passwd* user = getpwuid(geteuid());
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return fmt::format("{}@{}", user != nullptr ? user->pw_name : std::to_string(geteuid()),
                     host.data());
}

CatalogLog OpenCatalog(const LoadedProject& loaded, const std::string& folder,
                       const std::string& command) {
  static const WallClock clock;
  return {OpenObjectStore(loaded.config.warehouse, loaded.config.s3),
          loaded.config.project,
          {.by = WhoAndWhere(), .command = command, .revision = RevisionOf(folder)},
          &clock};
}

absl::Status TakeServicesOfCatalog(LoadedProject* loaded) {
  ASSIGN_OR_RETURN(const CatalogLog::State state, OpenCatalog(*loaded, "", "").Load());
  TakeServices(*state, loaded->project.get());
  return absl::OkStatus();
}

std::string DescribeState(const CatalogState& state) {
  if (state.version() == 0) return "nothing yet";
  const v1::CatalogCommit& commit = state.commit();
  return fmt::format("version {}, {}, {} by {}", commit.version(), FormatTime(commit.time_us()),
                     commit.command(), commit.by());
}

}  // namespace forebay
