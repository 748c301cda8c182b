#include "offline/compaction/compaction_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <utility>
#include <variant>

#include "nlohmann/json.hpp"
#include "offline/compaction/step_merge.h"
#include "offline/delta/action_json.h"
#include "offline/delta/random_id.h"
#include "schemas/types/counted.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/task_line.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

std::string RoundsOf(const std::string& table) { return table + "/_compaction"; }

std::string ResultPath(const std::string& table, const std::string& round, int number) {
  return fmt::format("{}/{}/{:05}.json", RoundsOf(table), round, number);
}

Json JsonOf(const CompactionStep& step) {
  return {{"date", step.date},   {"loose", step.loose}, {"runs", step.runs},
          {"bytes", step.bytes}, {"rows", step.rows},   {"rows_known", step.rows_known}};
}

CompactionStep StepOf(const Json& json) {
  return {.date = json.at("date").get<std::string>(),
          .loose = json.at("loose").get<std::vector<std::string>>(),
          .runs = json.at("runs").get<std::vector<std::vector<std::string>>>(),
          .bytes = json.at("bytes").get<int64_t>(),
          .rows = json.at("rows").get<int64_t>(),
          .rows_known = json.at("rows_known").get<bool>()};
}

Json JsonOf(const MergedStep& merged) {
  Json added = Json::array();
  for (const AddAction& file : merged.files.added) added.push_back(ActionToJson(file));
  return {{"removed", merged.files.removed},
          {"added", std::move(added)},
          {"bytes_before", merged.bytes_before},
          {"rows", merged.rows}};
}

MergedStep MergedOf(const Json& json) {
  MergedStep merged{.files = {.removed = json.at("removed").get<std::vector<std::string>>()},
                    .bytes_before = json.at("bytes_before").get<int64_t>(),
                    .rows = json.at("rows").get<int64_t>()};
  for (const Json& file : json.at("added"))
    merged.files.added.push_back(std::get<AddAction>(ActionFromJson(file).value()));
  return merged;
}

// Each the least of the shares so far: the largest steps first.
std::vector<std::vector<CompactionStep>> Share(std::vector<CompactionStep> steps, int tasks) {
  std::ranges::stable_sort(steps, std::ranges::greater(), &CompactionStep::bytes);
  std::vector<std::vector<CompactionStep>> shares(std::min<size_t>(tasks, steps.size()));
  std::vector<int64_t> bytes(shares.size());
  for (CompactionStep& step : steps) {
    const auto least = std::ranges::min_element(bytes);
    *least += step.bytes;
    shares[least - bytes.begin()].push_back(std::move(step));
  }
  return shares;
}

// What the tasks of a round have made.
struct Round {
  int of = 0;                                   // tasks
  std::map<int, std::vector<MergedStep>> made;  // by task
  std::vector<std::string> paths;               // of the results
};

absl::StatusOr<Round> ReadRound(const ObjectStore& store, const std::string& folder) {
  Round round;
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> results, store.List(folder));
  for (const ObjectInfo& result : results) {
    ASSIGN_OR_RETURN(const std::string text, store.Get(result.path));
    try {
      const Json json = Json::parse(text);
      round.of = json.at("of").get<int>();
      std::vector<MergedStep>& made = round.made[json.at("number").get<int>()];
      for (const Json& merged : json.at("merged")) made.push_back(MergedOf(merged));
    } catch (const std::exception& e) {
      return absl::DataLossError(
          fmt::format("{} is no result of a compaction: {}; delete it, and run its task again",
                      store.Describe(result.path), e.what()));
    }
    round.paths.push_back(result.path);
  }
  return round;
}

absl::Status CheckComplete(const Round& round, const std::string& folder,
                           const ObjectStore& store) {
  std::vector<int> missing;
  for (int number = 0; number < round.of; ++number) {
    if (!round.made.contains(number)) missing.push_back(number);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{} of {} has not run: number {}. Run what is missing, or give the round up: delete {}",
      Counted(missing.size(), "task", "tasks"), round.of, fmt::join(missing, ", "),
      store.Describe(folder)));
}

// Whether a version of the table has, or had, these files: then they are its own.
bool IsCommitted(const Snapshot& table, const MergedStep& merged) {
  return std::ranges::any_of(merged.files.added, [&](const AddAction& file) {
    return table.files.contains(file.path) || table.removed.contains(file.path);
  });
}

}  // namespace

std::vector<std::string> DivideCompaction(const std::string& project_folder,
                                          const DeltaTable& table, const CompactionOptions& options,
                                          int tasks) {
  const std::vector<std::vector<CompactionStep>> shares =
      Share(PlanSteps(table.snapshot(), options), tasks);
  const std::string round = RandomId();
  std::vector<std::string> lines;
  for (size_t number = 0; number < shares.size(); ++number) {
    Json task = NewTask(kCompactionTask, project_folder);
    task["table"] = table.path();
    task["round"] = round;
    task["number"] = number;
    task["of"] = shares.size();
    task["merges"] = Json::array();
    for (const CompactionStep& step : shares[number]) task["merges"].push_back(JsonOf(step));
    lines.push_back(task.dump());
  }
  return lines;
}

absl::Status RunCompactionTask(const std::shared_ptr<ObjectStore>& store, const Json& task,
                               const CompactionOptions& options) {
  std::string path, round;
  int number = 0, of = 0;
  std::vector<CompactionStep> steps;
  try {
    path = task.at("table").get<std::string>();
    round = task.at("round").get<std::string>();
    number = task.at("number").get<int>();
    of = task.at("of").get<int>();
    for (const Json& step : task.at("merges")) steps.push_back(StepOf(step));
  } catch (const nlohmann::json::exception& e) {
    return absl::InvalidArgumentError(fmt::format("this is no task of a compaction: {}", e.what()));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<DeltaTable> table, DeltaTable::Open(store, path));
  RETURN_IF_ERROR(table->CheckWritable());
  const StepMergeOptions merging = MergesInPlace(store, *table, options);
  Json made = Json::array();
  for (const CompactionStep& step : steps) {
    if (!HasFiles(*table, step)) continue;  // another writer was first
    ASSIGN_OR_RETURN(MergedStep merged, MergeStep(store, *table, step, merging));
    made.push_back(JsonOf(merged));
  }
  CrashPoint("compaction.task_run");
  return store->Put(ResultPath(path, round, number),
                    Json{{"number", number}, {"of", of}, {"merged", std::move(made)}}.dump());
}

absl::StatusOr<CompactionResult> FinishCompaction(const std::shared_ptr<ObjectStore>& store,
                                                  DeltaTable* table,
                                                  const CompactionOptions& options) {
  CompactionResult result;
  ASSIGN_OR_RETURN(std::vector<std::string> rounds, store->ListFolders(RoundsOf(table->path())));
  for (const std::string& folder : rounds) {
    RETURN_IF_ERROR(table->Refresh());
    ASSIGN_OR_RETURN(Round round, ReadRound(*store, folder));
    RETURN_IF_ERROR(CheckComplete(round, folder, *store));
    std::vector<MergedStep> merged;
    RewriteRequest request{.operation = kCompactOperation};
    for (auto& [number, made] : round.made) {
      for (MergedStep& step : made) {
        if (IsCommitted(table->snapshot(), step)) continue;
        request.replacements.push_back(step.files);
        merged.push_back(std::move(step));
      }
    }
    if (!merged.empty()) {
      ASSIGN_OR_RETURN(std::vector<bool> committed, table->Rewrite(request, options.now_us()));
      CrashPoint("compaction.round_committed");
      for (size_t i = 0; i < committed.size(); ++i) {
        if (!committed[i]) DeleteMerged(merged[i].files, TablePlace(store, table->path()));
        result.Count(merged[i], committed[i]);
      }
      if (std::ranges::find(committed, true) != committed.end()) ++result.commits;
    }
    RETURN_IF_ERROR(store->DeleteFolder(folder));
  }
  return result;
}

}  // namespace forebay
