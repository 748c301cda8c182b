// Tells of a run in OpenLineage events, where forebay.yaml says to: that it begins, that it still
// runs, how it ended. The run neither waits for it nor fails with it.
//
//   LineageReport report(loaded.config, WorkerRun(loaded));
//   return report.End(RunWorker(...));
#ifndef FOREBAY_CLI_LINEAGE_REPORT_H_
#define FOREBAY_CLI_LINEAGE_REPORT_H_

#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "connectors/lineage/lineage_sender.h"
#include "connectors/lineage/run_event.h"
#include "connectors/object_store/object_store.h"
#include "schemas/definition/config.h"

namespace forebay {

class LineageReport {
 public:
  // Tells that it begins; a streaming one is told of again every `run.every_us`.
  LineageReport(const ProjectConfig& config, LineageRun run);
  // One that did not end was broken off.
  ~LineageReport();
  LineageReport(const LineageReport&) = delete;
  LineageReport& operator=(const LineageReport&) = delete;

  // Whether anybody is told.
  bool is_on() const { return sender_ != nullptr; }

  // From now on it is known to be this one; its id and job stay.
  void Know(LineageRun run);

  // How it ended; `status` itself.
  absl::Status End(absl::Status status);

 private:
  void Repeat();
  void Tell(RunStage stage, std::string_view error = "");

  const ProjectConfig config_;
  std::unique_ptr<LineageSender> sender_;  // null: nobody wants to know
  std::shared_ptr<ObjectStore> warehouse_;
  absl::Mutex mutex_;
  LineageRun run_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // of a streaming run
};

}  // namespace forebay

#endif  // FOREBAY_CLI_LINEAGE_REPORT_H_
