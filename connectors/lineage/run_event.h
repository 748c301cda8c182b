// Runs as OpenLineage tells them: https://openlineage.io/docs/spec, version 2-0-2.
//
//   LineageRun run{.id = NewRunId(now), .job = {"shop", "shop.worker"}, .streaming = true};
//   run.inputs.push_back({.id = {"kafka://broker:9092", "transactions"}, .type = "TOPIC"});
//   std::string event = RunEventJson(run, RunStage::kStart, now);
#ifndef FOREBAY_CONNECTORS_LINEAGE_RUN_EVENT_H_
#define FOREBAY_CONNECTORS_LINEAGE_RUN_EVENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forebay {

// Of a dataset or a job: what all who tell of the same one must call it.
struct LineageName {
  std::string namespace_name;
  std::string name;

  auto operator<=>(const LineageName&) const = default;
};

struct LineageColumn {
  std::string name;
  std::string type;
  std::string description;
};

// A column of an input that an output depends on.
struct LineageOrigin {
  enum class How : uint8_t { kIdentity, kAggregation, kFilter, kGroup };

  LineageName dataset;
  std::string column;
  How how = How::kIdentity;

  auto operator<=>(const LineageOrigin&) const = default;
};

struct LineageDataset {
  LineageName id;
  std::string type;     // "TOPIC", "TABLE", "FILE"
  std::string storage;  // of a table: "delta"
  std::string description;
  std::vector<LineageColumn> columns;
  std::map<std::string, std::vector<LineageOrigin>> origins;  // by column; of outputs
  std::vector<LineageOrigin> shaped_by;                       // which rows there are; likewise
  std::optional<int64_t> version;                             // of a table
  std::optional<int64_t> rows;                                // written by the run; of outputs
};

struct LineageRun {
  std::string id;  // a UUID
  LineageName job;
  std::string description;  // of the job
  bool streaming = false;   // else it ends by itself
  int64_t every_us = 0;     // of a streaming one: how often it is told of
  std::vector<LineageDataset> inputs;
  std::vector<LineageDataset> outputs;
};

enum class RunStage : uint8_t { kStart, kRunning, kComplete, kAbort, kFail };

// A UUID, version 7: later ones are greater. `now`: microseconds UTC.
std::string NewRunId(int64_t now_us);

// One event, a line of JSON without its end. `error`: why it failed.
std::string RunEventJson(const LineageRun& run, RunStage stage, int64_t now_us,
                         std::string_view error = "");

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_LINEAGE_RUN_EVENT_H_
