// The commands of `forebay`. Each adds its flags to the application and runs when it is chosen.
//
// Exit codes: 0 done; 1 it failed while running; 2 the command line or the definitions are wrong.
// What went wrong is on stderr.
#ifndef FOREBAY_CLI_COMMAND_H_
#define FOREBAY_CLI_COMMAND_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "schemas/definition/project.h"

namespace CLI {
class App;
}

namespace forebay {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitSomethingToApply = 2;  // of `forebay plan`, where errors are 1

void AddValidateCommand(CLI::App* app, int* exit_code);
void AddPlanCommand(CLI::App* app, int* exit_code);
void AddApplyCommand(CLI::App* app, int* exit_code);
void AddPurgeCommand(CLI::App* catalog, int* exit_code);  // a part of that of the catalog
void AddCatalogCommand(CLI::App* app, int* exit_code);
void AddLineageCommand(CLI::App* app, int* exit_code);
void AddModelCommand(CLI::App* app, int* exit_code);
void AddRunCommand(CLI::App* app, int* exit_code);
void AddFeedCommand(CLI::App* app, int* exit_code);
void AddBackfillCommand(CLI::App* app, int* exit_code);
void AddGetCommand(CLI::App* app, int* exit_code);
void AddHistoryCommand(CLI::App* app, int* exit_code);
void AddTablesCommand(CLI::App* app, int* exit_code);
void AddExportCommand(CLI::App* app, int* exit_code);
void AddTrainingSetCommand(CLI::App* app, int* exit_code);
void AddStatisticsCommand(CLI::App* app, int* exit_code);
void AddDriftCommand(CLI::App* app, int* exit_code);
void AddTaskCommand(CLI::App* app, int* exit_code);
void AddDeadLetterCommand(CLI::App* app, int* exit_code);
void AddCompactCommand(CLI::App* app, int* exit_code);
void AddTierCommand(CLI::App* app, int* exit_code);
void AddVacuumCommand(CLI::App* app, int* exit_code);
void AddVerifyCommand(CLI::App* app, int* exit_code);
void AddEraseCommand(CLI::App* app, int* exit_code);
void AddIcebergCommand(CLI::App* app, int* exit_code);
void AddDumpCommand(CLI::App* app, int* exit_code);
void AddProtoCommand(CLI::App* app, int* exit_code);
void AddResetCommand(CLI::App* app, int* exit_code);
// Completes the commands that `app` has when it runs.
void AddCompletionCommand(CLI::App* app, int* exit_code);

// Loads the project, or prints what is wrong with it to stderr.
absl::StatusOr<LoadedProject> LoadOrExplain(const std::string& folder);

// Prints the message to stderr; the exit code that goes with it.
int Report(const absl::Status& status);

}  // namespace forebay

#endif  // FOREBAY_CLI_COMMAND_H_
