// What a run has done, in lines for people.
#ifndef FOREBAY_CLI_RUN_SUMMARY_H_
#define FOREBAY_CLI_RUN_SUMMARY_H_

#include <memory>
#include <string>
#include <vector>

#include "connectors/dead_letter/dead_letter_log.h"
#include "engine/worker/running_task.h"
#include "engine/worker/worker.h"

namespace forebay {

namespace v1 {
class Project;
}

// One line per topic, each followed by one per kind of its dead letters, with an example:
//
//   read 1500 records of transactions: 1450 applied, 20 late, 10 filtered, 20 dead-lettered
//   (of a source with an archive also: "; 1480 archived")
//   dead letters of transactions: 20 undecodable, for example partition 0, offset 7, ...
std::vector<std::string> RunSummary(const std::vector<std::shared_ptr<const RunningTask>>& tasks,
                                    const std::vector<DeadLetterCount>& dead_letters);

// One line per view that a stop leaves with steps that are due and not written.
std::vector<std::string> DescribeUnwritten(const v1::Project& project,
                                           const std::vector<UnwrittenSteps>& unwritten);

}  // namespace forebay

#endif  // FOREBAY_CLI_RUN_SUMMARY_H_
