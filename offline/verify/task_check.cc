#include "offline/verify/task_check.h"

#include <optional>

#include "engine/task/stored_state.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/snapshot.h"
#include "offline/sink/table_flush.h"
#include "offline/verify/task_rows.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr size_t kLookupsAtOnce = 1'000;

// Up to where the table has the task's rows; -1: none.
absl::StatusOr<Offset> HeldByTable(const TaskCheckRequest& request, const ViewId& view) {
  absl::StatusOr<Snapshot> table =
      LoadSnapshot(*request.warehouse, OfflineTablePath(view), std::nullopt);
  if (absl::IsNotFound(table.status())) return Offset(-1);
  RETURN_IF_ERROR(table.status());
  auto held =
      table->transactions.find(AppIdPrefix(request.project->name(), view) + TaskName(request.task));
  return Offset(held == table->transactions.end() ? -1 : held->second.version - 1);
}

absl::Status CheckNotCancelled(const std::atomic<bool>* cancel) {
  if (cancel == nullptr || !cancel->load()) return absl::OkStatus();
  return absl::CancelledError("the comparison was given up");
}

// The keys of the state, and lookups of those that all places agree on.
class OnlineKeys {
 public:
  OnlineKeys(const TaskCheckRequest& request, KeyComparison* compared, std::string* note)
      : request_(request),
        view_(request.project->feature_views(request.view)),
        entity_(*FindEntity(*request.project, view_.entity())),
        compared_(*compared),
        note_(*note) {}

  absl::Status TakeAll() {
    RETURN_IF_ERROR(request_.state->ForEachKey(request_.view, [this](const StoredKey& key) {
      absl::Status status = CheckNotCancelled(request_.cancel);
      return status.ok() ? Take(key) : status;
    }));
    return LookUp();
  }

 private:
  absl::Status Take(const StoredKey& key) {
    ASSIGN_OR_RETURN(std::string text, KeyTextOf(entity_, key.key()));
    const bool agreed = compared_.AddOnline(
        text, {.live = key.state().live(),
               .unemitted = key.state().unemitted(),
               .last_effective = key.state().last_effective(),
               .event_time = key.state().event_time(),
               .features_at = [&](int64_t at) { return FeatureTexts(view_, key.FeaturesAt(at)); }});
    if (!agreed || request_.look_up == nullptr || !asks_) return absl::OkStatus();
    keys_.emplace_back(key.key());
    texts_.push_back(std::move(text));
    return keys_.size() < kLookupsAtOnce ? absl::OkStatus() : LookUp();
  }

  absl::Status LookUp() {
    if (keys_.empty()) return absl::OkStatus();
    absl::StatusOr<TaskCheckRequest::Answers> answers = request_.look_up(keys_);
    if (absl::IsUnavailable(answers.status())) {
      asks_ = false;
      note_ = "no lookups: " + std::string(answers.status().message());
      answers = TaskCheckRequest::Answers(keys_.size());
    }
    RETURN_IF_ERROR(answers.status());
    for (size_t i = 0; i < texts_.size(); ++i) compared_.AddLookup(texts_[i], (*answers)[i]);
    keys_.clear();
    texts_.clear();
    return absl::OkStatus();
  }

  const TaskCheckRequest& request_;
  const v1::FeatureView& view_;
  const v1::Entity& entity_;
  KeyComparison& compared_;
  std::string& note_;
  bool asks_ = true;
  // That are to be looked up: encoded, and as Kafka records have them.
  std::vector<std::string> keys_;
  std::vector<std::string> texts_;
};

}  // namespace

absl::StatusOr<TaskCheck> CheckTask(const TaskCheckRequest& request) {
  const v1::FeatureView& view = request.project->feature_views(request.view);
  const v1::Entity& entity = *FindEntity(*request.project, view.entity());
  const ViewId id{view.name(), view.version()};
  TaskCheck check;
  check.places = {.table = view.history() == v1::FeatureView::ON,
                  .updates = request.read_updates != nullptr,
                  .online = request.state != nullptr};
  KnownTime clock = KnownTime::Min();
  if (request.state != nullptr) {
    ASSIGN_OR_RETURN(std::optional<StoredViewState> stored, request.state->Find(request.view));
    if (!stored) {
      check.note = "no worker has brought the view up here yet";
      check.places = {};
      return check;
    }
    check.position = stored->position;
    clock = stored->clock;
  } else {
    check.note = "its state is not on this machine";
    if (check.places.count() == 2) {
      ASSIGN_OR_RETURN(check.position, HeldByTable(request, id));
    }
    if (check.position < Offset(0)) {
      check.places = {};
      return check;
    }
  }
  KeyComparison compared(view, check.places,
                         {.position = check.position,
                          .clock = clock,
                          .end = request.end,
                          .files = request.files,
                          .memory = request.memory,
                          .shown = request.shown});
  do {
    TaskRows rows(view, entity, request.task,
                  {.wants = [&](std::string_view key,
                                const StepText& row) { return compared.WantsRow(key, row); },
                   .take =
                       [&](std::string_view key, const Change& change, const Scalar* features) {
                         compared.AddRow(key, StepTextOf(view, change, features));
                       }});
    if (check.places.table) {
      if (check.places.online) RETURN_IF_ERROR(rows.TakeLog(request.state_folder));
      RETURN_IF_ERROR(rows.TakeTable(request.warehouse,
                                     [&request] { return CheckNotCancelled(request.cancel); }));
    }
    if (check.places.updates) {
      RETURN_IF_ERROR(
          request.read_updates([&](std::string_view key, absl::StatusOr<StepText> step) {
            compared.AddUpdate(key, std::move(step));
          }));
    }
    if (check.places.online) RETURN_IF_ERROR(OnlineKeys(request, &compared, &check.note).TakeAll());
  } while (compared.Finish());
  check.counts = compared.counts();
  check.differences = compared.differences();
  return check;
}

}  // namespace forebay
