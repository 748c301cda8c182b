// One worker process: Kafka in, state, sinks and servers, from start to a clean stop.
#ifndef FOREBAY_CLI_WORKER_PROCESS_H_
#define FOREBAY_CLI_WORKER_PROCESS_H_

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/catalog_log.h"
#include "schemas/definition/project.h"

namespace forebay {

struct RunOptions {
  // The catalog that the definitions are in, and its state: followed while the worker runs.
  std::optional<CatalogLog> catalog;
  CatalogLog::State catalog_state;
  bool until_idle = false;       // stop when everything has been read and applied
  bool embedded_broker = false;  // run librdkafka's mock cluster in this process
  int embedded_partitions = 4;   // of the topics it is given
  // Views (name or name@version) that are not to be brought up where a task has no state of them.
  std::vector<std::string> from_now;
  // Views that may be built of what their topics still hold, where their state is gone.
  std::vector<std::string> from_oldest;
};

// Runs until `stop` becomes true, the worker fails, or it is idle if that is asked for. Then
// everything applied is committed and flushed. Prints one line of JSON to stdout when it is ready:
// {"ready": true, "http_port": N, "grpc_port": N, "brokers": "host:port", "partitions": N}.
absl::Status RunWorker(LoadedProject loaded, const RunOptions& options,
                       const std::atomic<bool>& stop);

}  // namespace forebay

#endif  // FOREBAY_CLI_WORKER_PROCESS_H_
