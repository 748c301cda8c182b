#include "offline/training_set/exact_rows.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "forebay/v1/definition.pb.h"
#include "offline/delta/snapshot.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/key_column.h"
#include "offline/training_set/point_in_time_join.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr size_t kAskedAtOnce = 4096;

constexpr std::string_view kStopCleanly =
    "--exact needs them to stand at the same record: stop the worker with SIGTERM (start one that "
    "was killed, and stop it then), and repeat";

absl::Status NotAtHand(const std::string& task, const ViewId& view) {
  return absl::FailedPreconditionError(
      fmt::format("--exact needs the state of {} in task {}, which is not in the project's state "
                  "folder: repeat it where the worker that has this partition keeps its state",
                  view.ToString(), task));
}

// The keys and times of labels from `from` on, each once, by key.
std::vector<KeyAt> AskOf(const Labels& labels, const v1::Entity& entity, KnownTime from) {
  std::vector<KeyAt> asked;
  arrow::TableBatchReader batches(*labels.table);
  std::shared_ptr<arrow::RecordBatch> batch;
  size_t label = 0;
  while (batches.ReadNext(&batch).ok() && batch != nullptr) {
    std::vector<std::shared_ptr<arrow::Array>> parts;
    for (const v1::Field& key : entity.keys()) parts.push_back(batch->GetColumnByName(key.name()));
    KeyReader reader(std::move(parts));
    std::string key;
    for (int64_t row = 0; row < batch->num_rows(); ++row, ++label) {
      if (labels.times[label] >= from && reader.Encode(row, &key))
        asked.push_back({key, labels.times[label]});
    }
  }
  auto tied = [](const KeyAt& a) { return std::tie(a.key, a.at); };
  std::sort(asked.begin(), asked.end(),
            [&](const KeyAt& a, const KeyAt& b) { return tied(a) < tied(b); });
  asked.erase(std::unique(asked.begin(), asked.end(),
                          [&](const KeyAt& a, const KeyAt& b) { return tied(a) == tied(b); }),
              asked.end());
  return asked;
}

absl::StatusOr<int64_t> AddRows(const StoredState& state, int view, absl::Span<const KeyAt> asked,
                                PointInTimeJoin* join) {
  int64_t added = 0;
  for (size_t first = 0; first < asked.size(); first += kAskedAtOnce) {
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> rows,
                     state.RowsAt(view, asked.subspan(first, kAskedAtOnce)));
    if (rows == nullptr) continue;
    added += rows->num_rows();
    RETURN_IF_ERROR(join->AddRows(std::move(rows)));
  }
  return added;
}

// By the name that tables have for their tasks; null: its state is not at hand.
std::map<std::string, const StoredState*> TasksOf(const ExactRequest& request,
                                                  const Snapshot& table) {
  std::map<std::string, const StoredState*> tasks;
  for (const auto& [name, clock] : table.clocks) tasks[name] = nullptr;
  for (const StoredState& state : *request.states) {
    if (!state.Computes(request.index)) continue;
    for (int partition = 0; partition < state.partition_count(); ++partition)
      tasks.try_emplace(TaskName({state.task().topic, PartitionId(partition)}), nullptr);
    tasks[TaskName(state.task())] = &state;
  }
  return tasks;
}

}  // namespace

absl::Status CheckStateFits(const StoredViewState& state, Offset held, const TaskId& task,
                            const ViewId& view) {
  if (state.position < held) {
    return absl::FailedPreconditionError(fmt::format(
        "the table of {} holds what task {} made up to offset {}, and the state stands "
        "at offset {}. {}",
        view.ToString(), task.ToString(), held.value(), state.position.value(), kStopCleanly));
  }
  Offset last = state.last_row.value_or(state.position);
  if (last > held) {
    return absl::FailedPreconditionError(fmt::format(
        "the state knows of a row of {} that task {} made at offset {}, and the table holds {}: "
        "the others are in the change log. {}",
        view.ToString(), task.ToString(), last.value(),
        held.value() < 0 ? "none of its rows"
                         : fmt::format("its rows up to offset {} alone", held.value()),
        kStopCleanly));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExactRows> AddExactRows(const ExactRequest& request, const Snapshot& table,
                                       const Labels& labels, PointInTimeJoin* join) {
  ExactRows exact;
  if (labels.times.empty()) return exact;
  const KnownTime latest = *std::max_element(labels.times.begin(), labels.times.end());
  std::map<std::string, const StoredState*> tasks = TasksOf(request, table);
  if (tasks.empty()) return NotAtHand("0", request.view);
  for (const auto& [name, state] : tasks) {
    auto clock = table.clocks.find(name);
    KnownTime from =
        clock == table.clocks.end() ? KnownTime::Min() : KnownTime(clock->second.complete_before);
    if (from > latest) continue;
    if (state == nullptr) return NotAtHand(name, request.view);
    ASSIGN_OR_RETURN(std::optional<StoredViewState> view, state->Find(request.index));
    if (!view) return NotAtHand(name, request.view);
    auto transaction = table.transactions.find(AppIdPrefix(request.project, request.view) + name);
    Offset held(transaction == table.transactions.end() ? -1 : transaction->second.version - 1);
    RETURN_IF_ERROR(CheckStateFits(*view, held, state->task(), request.view));
    ASSIGN_OR_RETURN(int64_t rows,
                     AddRows(*state, request.index, AskOf(labels, *request.entity, from), join));
    exact.added += rows;
    if (view->clock == KnownTime::Min() || view->clock >= exact.read_before) continue;
    exact.read_before = view->clock;
    exact.slowest = name;
  }
  return exact;
}

}  // namespace forebay
