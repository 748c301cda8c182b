// forebay model run|metric|checkpoint|runs: how models are trained.
#ifndef FOREBAY_CLI_MODEL_RUN_COMMANDS_H_
#define FOREBAY_CLI_MODEL_RUN_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "offline/models/model_runs.h"
#include "schemas/definition/project.h"

namespace forebay {

// Of the project, in its warehouse.
ModelRuns OpenModelRuns(const LoadedProject& loaded);

// `command`: "model".
void AddModelRunCommands(CLI::App* command, int* exit_code);

}  // namespace forebay

#endif  // FOREBAY_CLI_MODEL_RUN_COMMANDS_H_
