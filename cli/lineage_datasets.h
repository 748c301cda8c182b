// What commands read and write, as OpenLineage names and describes it: docs/openlineage.md.
#ifndef FOREBAY_CLI_LINEAGE_DATASETS_H_
#define FOREBAY_CLI_LINEAGE_DATASETS_H_

#include <string>
#include <vector>

#include "connectors/lineage/run_event.h"
#include "offline/training_set/training_set.h"
#include "schemas/definition/project.h"
#include "schemas/types/table_id.h"

namespace forebay {

// A path is taken as absolute, an s3:// URI as a bucket and a key.
LineageName NameOfPath(const std::string& path_or_uri);
LineageName NameOfTable(const ProjectConfig& config, const TableId& table);
LineageName NameOfTopic(const ProjectConfig& config, const std::string& topic);

// A worker: from topics to tables and update topics.
LineageRun WorkerRun(const LoadedProject& loaded);

// From files to tables. `views`: "name" or "name@version"; none: all whose sources have files.
LineageRun BackfillRun(const LoadedProject& loaded, const std::vector<std::string>& views);

// From tables to the same tables.
LineageRun CompactionRun(const LoadedProject& loaded, const std::vector<TableId>& tables);

// From tables and labels to files. `summary`: null as long as it is not known.
LineageRun TrainingSetRunOf(const LoadedProject& loaded, const TrainingSetRequest& request,
                            const TrainingSetSummary* summary);

}  // namespace forebay

#endif  // FOREBAY_CLI_LINEAGE_DATASETS_H_
