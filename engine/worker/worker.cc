#include "engine/worker/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Of a view of a task that is taken away, for how many keys its due steps are counted.
constexpr size_t kMostKeysCounted = 20'000;

// Calls `one` with 0 to count - 1, on up to `threads` threads; the error of the least number.
absl::Status SideBySide(size_t threads, size_t count, absl::FunctionRef<absl::Status(size_t)> one) {
  std::vector<absl::Status> results(count);
  std::atomic<size_t> next{0};
  auto some = [&] {
    for (size_t i; (i = next.fetch_add(1)) < count;) results[i] = one(i);
  };
  {
    std::vector<std::jthread> helpers;
    for (size_t i = 1; i < std::min(threads, count); ++i) helpers.emplace_back(some);
    some();
  }
  for (const absl::Status& result : results) RETURN_IF_ERROR(result);
  return absl::OkStatus();
}

}  // namespace

Worker::Worker(const v1::Project& project, const std::vector<TaskPlan>& plans,
               PartitionCounts partition_counts, WorkerOptions options, Source* source,
               std::vector<Sink*> sinks, OpenStore open_store, const Clock* clock)
    : plans_(plans),
      partition_counts_(std::move(partition_counts)),
      options_(std::move(options)),
      source_(source),
      sinks_(std::move(sinks)),
      open_store_(std::move(open_store)),
      clock_(clock),
      plan_of_view_(project.feature_views_size()) {
  for (const TaskPlan& plan : plans_) {
    for (const ViewTaskPlan& view : plan.views) plan_of_view_[view.view] = &plan;
    task_count_ += partition_counts_.at(plan.topic);
  }
}

Worker::~Worker() { Stop().IgnoreError(); }

void Worker::Start() {
  for (int i = 0; i < std::max(1, options_.threads); ++i) {
    threads_.push_back(std::make_unique<TaskThread>());
    TaskThread* thread = threads_.back().get();
    thread->thread = std::thread([this, thread] { RunTasks(thread); });
  }
  commit_thread_ = std::thread([this] { RunCommits(); });
}

absl::Status Worker::status() const {
  absl::MutexLock lock(&status_mutex_);
  return status_;
}

void Worker::Fail(const absl::Status& status) {
  {
    absl::MutexLock lock(&status_mutex_);
    if (!status_.ok()) return;
    status_ = status;
  }
  WakeThreads();
  if (options_.failed) options_.failed(status);
}

absl::Status Worker::setback() const {
  absl::MutexLock lock(&status_mutex_);
  return setback_;
}

void Worker::FailOrLose(absl::Span<const TaskPtr> tasks, const absl::Status& status) {
  if (!IsTransient(status)) return Fail(status);
  for (const TaskPtr& task : tasks) task->SetLost();
  absl::MutexLock lock(&status_mutex_);
  if (setback_.ok()) setback_ = status;
}

const TaskPlan* Worker::PlanOf(std::string_view topic) const {
  for (const TaskPlan& plan : plans_) {
    if (plan.topic == topic) return &plan;
  }
  return nullptr;
}

// Up to where the sinks hold each task.
absl::StatusOr<std::vector<Offset>> Worker::OpenSinks(absl::Span<const TaskId> ids) {
  std::vector<Offset> held(ids.size(), Offset(-1));
  for (Sink* sink : sinks_) sink->Expect(ids);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (PlanOf(ids[i].topic) == nullptr)
      return absl::InternalError("task of an unknown topic " + ids[i].topic);
    for (Sink* sink : sinks_) {
      ASSIGN_OR_RETURN(Offset of_sink, sink->Open(ids[i]));
      held[i] = std::max(held[i], of_sink);
    }
  }
  return held;
}

void Worker::LoseInSinks(absl::Span<const TaskId> ids) {
  for (const TaskId& id : ids) {
    for (Sink* sink : sinks_) sink->Lose(id);
  }
}

// What is asked of the outside comes first: as long as that is away, lookups read what was lost.
// Reading the states of keys takes most of a start: tasks are opened side by side.
absl::StatusOr<std::vector<Worker::TaskPtr>> Worker::OpenTasks(absl::Span<const TaskId> ids) {
  ASSIGN_OR_RETURN(std::vector<Offset> held, OpenSinks(ids));
  std::vector<PartitionBounds> bounds(ids.size());
  RETURN_IF_ERROR(SideBySide(threads_.size(), ids.size(), [&](size_t i) -> absl::Status {
    ASSIGN_OR_RETURN(bounds[i], source_->Bounds(ids[i]));
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(auto source_ends, SourceEnds(ids));
  ForgetTasks([](const TaskPtr& task) { return task->lost(); });
  std::vector<TaskPtr> tasks(ids.size());
  RETURN_IF_ERROR(SideBySide(threads_.size(), ids.size(), [&](size_t i) -> absl::Status {
    const TaskPlan& plan = *PlanOf(ids[i].topic);
    ASSIGN_OR_RETURN(tasks[i], OpenTask(ids[i], bounds[i], held[i],
                                        plan.repartition ? source_ends.at(plan.source->topic())
                                                         : std::vector<Offset>()));
    return absl::OkStatus();
  }));
  for (const TaskPtr& task : tasks) {
    std::vector<LastRow> rows = task->task().last_rows();
    for (Sink* sink : sinks_) RETURN_IF_ERROR(sink->CheckRows(task->task().id(), rows));
  }
  return tasks;
}

absl::StatusOr<Worker::TaskPtr> Worker::OpenTask(const TaskId& id, const PartitionBounds& bounds,
                                                 Offset held,
                                                 const std::vector<Offset>& source_ends) {
  const TaskPlan& plan = *PlanOf(id.topic);
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, open_store_(id));
  ASSIGN_OR_RETURN(std::unique_ptr<Task> task,
                   Task::Open(plan, id, partition_counts_.at(id.topic), bounds, std::move(store),
                              options_.hot_bytes / task_count_, held));
  task->DeliverTo(sinks_);
  return NewRunningTask(std::move(task), {.known_before = held,
                                          .next = bounds.next,
                                          .source_next = source_ends,
                                          .lag = options_.ready_lag});
}

Worker::TaskPtr Worker::NewRunningTask(std::unique_ptr<Task> task, CatchUpGoal goal) {
  std::shared_ptr<Wakeup> wakeup = ThreadOf(task->id()).wakeup;
  auto* running = new RunningTask(std::move(task), std::move(goal), std::move(wakeup));
  absl::MutexLock lock(&existing_mutex_);
  existing_.insert(running);
  return TaskPtr(running, [this](RunningTask* gone) {
    delete gone;
    absl::MutexLock lock(&existing_mutex_);
    existing_.erase(gone);
  });
}

// Partition numbers spread the tasks of every topic over the threads.
Worker::TaskThread& Worker::ThreadOf(const TaskId& task) const {
  return *threads_[task.partition.value() % threads_.size()];
}

absl::StatusOr<std::map<std::string, std::vector<Offset>>> Worker::SourceEnds(
    absl::Span<const TaskId> ids) const {
  std::map<std::string, std::vector<Offset>> ends;
  for (const TaskId& id : ids) {
    const TaskPlan& plan = *PlanOf(id.topic);
    if (!plan.repartition) continue;
    const std::string& topic = plan.source->topic();
    auto [of_source, first] = ends.try_emplace(topic);
    for (int i = 0; first && i < partition_counts_.at(topic); ++i) {
      ASSIGN_OR_RETURN(PartitionBounds bounds, source_->Bounds({topic, PartitionId(i)}));
      of_source->second.push_back(bounds.next);
    }
  }
  return ends;
}

absl::StatusOr<std::vector<std::optional<Offset>>> Worker::AddTasks(absl::Span<const TaskId> ids) {
  std::vector<TaskPtr> opened;
  std::vector<std::optional<Offset>> positions;
  {
    absl::MutexLock commit(&commit_mutex_);
    absl::StatusOr<std::vector<TaskPtr>> tasks = OpenTasks(ids);
    if (!tasks.ok()) {
      LoseInSinks(ids);
      if (!IsTransient(tasks.status())) Fail(tasks.status());
      return tasks.status();
    }
    opened = *std::move(tasks);
    std::erase_if(unwritten_, [&](const UnwrittenSteps& of) {
      return std::find(ids.begin(), ids.end(), of.task) != ids.end();
    });
    for (size_t i = 0; i < opened.size(); ++i) {
      // Their states are cut in turn: a cut slows its task down, and takes memory.
      double turn = static_cast<double>(i + 1) / static_cast<double>(opened.size());
      opened[i]->SetStateDue(absl::Now() + turn * options_.state_interval);
    }
    for (const TaskPtr& task : opened) {
      Offset position = task->position();
      positions.push_back(position.value() < 0 ? std::nullopt : std::optional(position));
    }
  }
  for (const TaskPtr& task : opened) {
    {
      absl::MutexLock lock(&tasks_mutex_);
      tasks_[task->task().id().topic].push_back(task);
    }
    const TaskId& id = task->task().id();
    TaskThread& thread = ThreadOf(id);
    {
      absl::MutexLock lock(&thread.mutex);
      thread.tasks.push_back(task);
    }
    source_->Watch(id, [wakeup = thread.wakeup] { wakeup->Notify(); });
    thread.wakeup->Notify();
  }
  absl::MutexLock lock(&tasks_mutex_);
  assigned_ = true;
  return positions;
}

std::vector<Worker::TaskPtr> Worker::FindTasks(absl::Span<const TaskId> ids) const {
  std::vector<TaskPtr> found;
  absl::ReaderMutexLock lock(&tasks_mutex_);
  for (const auto& [topic, tasks] : tasks_) {
    for (const TaskPtr& task : tasks) {
      if (absl::c_linear_search(ids, task->task().id())) found.push_back(task);
    }
  }
  return found;
}

absl::Status Worker::RemoveTasks(absl::Span<const TaskId> ids, bool lost) {
  return Remove(ids, lost ? Leaving::kLost : Leaving::kCommitted);
}

// What it commits from now on would be in the way of the other.
absl::Status Worker::HandOver() {
  if (stopping_.load(std::memory_order_acquire)) return absl::OkStatus();
  std::vector<TaskId> ids;
  for (const auto& task : Tasks()) ids.push_back(task->task().id());
  absl::Status committed = Remove(ids, Leaving::kHandedOver);
  EndThreads();
  return committed;
}

void Worker::EndThreads() {
  if (stopping_.exchange(true, std::memory_order_acq_rel)) return;
  WakeThreads();
  WantCommit(Wanted::kAtOnce);
  for (auto& thread : threads_) thread->thread.join();
  commit_thread_.join();
}

absl::Status Worker::Remove(absl::Span<const TaskId> ids, Leaving how) {
  // At once: a commit that waits for a broker may hold up the rest.
  if (how == Leaving::kLost) {
    for (const TaskPtr& task : FindTasks(ids)) task->SetLost();
  }
  absl::MutexLock commit(&commit_mutex_);
  {
    absl::MutexLock lock(&tasks_mutex_);
    assigned_ = false;
  }
  std::vector<TaskPtr> leaving = FindTasks(ids);
  for (const TaskPtr& task : leaving) task->Drain();
  absl::Status committed = CommitLeaving(leaving);
  if (committed.ok()) committed = status();
  if (IsTransient(committed)) {
    for (const TaskPtr& task : leaving) task->SetLost();
  }
  for (auto& thread : threads_) {
    absl::MutexLock working(&thread->working);
    absl::MutexLock lock(&thread->mutex);
    std::erase_if(thread->tasks,
                  [&](const TaskPtr& task) { return absl::c_linear_search(leaving, task); });
  }
  bool failed = !committed.ok();
  for (const TaskPtr& task : leaving) {
    if (!task->lost()) NoteUnwritten(task->task());
    for (Sink* sink : sinks_) {
      if (failed || task->lost() || how == Leaving::kHandedOver) {
        sink->Lose(task->task().id());
        continue;
      }
      absl::Status closed = sink->Close(task->task().id());
      bool worse = IsTransient(committed) && !closed.ok() && !IsTransient(closed);
      if (committed.ok() || worse) committed = closed;
    }
  }
  // They are still read from, until the group says who has them now: brokers and warehouses that
  // are away for long must not end lookups.
  for (const TaskPtr& task : leaving) task->SetLost();
  {
    absl::MutexLock lock(&status_mutex_);
    setback_ = absl::OkStatus();
  }
  if (!committed.ok() && !IsTransient(committed)) Fail(committed);
  return committed;
}

// Nothing more is applied, so states can be written one by one: that takes less memory.
absl::Status Worker::CommitLeaving(const std::vector<TaskPtr>& tasks) {
  if (!status().ok()) return absl::OkStatus();  // without a further commit
  RETURN_IF_ERROR(CommitTasks(tasks, CutOf::kOutputs));
  for (const TaskPtr& task : tasks) RETURN_IF_ERROR(CommitTasks({task}, CutOf::kStateAtOnce));
  return absl::OkStatus();
}

void Worker::NoteUnwritten(const Task& task) {
  for (const DueSteps& due : task.CountDueSteps(kMostKeysCounted))
    unwritten_.push_back({task.id(), due, task.complete_before()});
}

void Worker::ForgetTasks(const std::function<bool(const TaskPtr&)>& leaves) {
  std::vector<TaskPtr> leaving;
  {
    absl::MutexLock lock(&tasks_mutex_);
    for (auto& [topic, tasks] : tasks_) {
      std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(leaving), leaves);
      std::erase_if(tasks, leaves);
    }
  }
  // A lookup or a scrape may still read from them, and their stores must be closed on return.
  std::vector<const RunningTask*> gone;
  for (TaskPtr& task : leaving) gone.push_back(std::exchange(task, nullptr).get());
  auto none_exists = [&]() ABSL_SHARED_LOCKS_REQUIRED(existing_mutex_) {
    return absl::c_none_of(gone, [&](const auto* task) { return existing_.contains(task); });
  };
  absl::MutexLock lock(&existing_mutex_);
  existing_mutex_.Await(absl::Condition(&none_exists));
}

void Worker::RunTasks(TaskThread* thread) {
  while (true) {
    thread->wakeup->Wait();
    bool more = true;
    while (more) {
      if (stopping_.load(std::memory_order_acquire)) return;
      absl::MutexLock working(&thread->working);
      std::vector<TaskPtr> tasks;
      {
        absl::MutexLock lock(&thread->mutex);
        tasks = thread->tasks;
      }
      more = false;
      for (const TaskPtr& task : tasks) more = Advance(task) || more;
    }
  }
}

void Worker::WakeThreads() {
  for (auto& thread : threads_) thread->wakeup->Notify();
}

bool Worker::Advance(const TaskPtr& task) {
  if (absl::Status failed = status(); !failed.ok()) {
    task->Fail(failed);
    return false;
  }
  task->ServeCut();
  if (task->draining()) return false;
  if (task->task().wants_state_cut()) task->WantStateCut();
  const bool cutting = task->AdvanceStateCut();
  if (task->task().pending_bytes() > options_.commit_bytes) {
    WantCommit(Wanted::kAtOnce);
    return cutting;  // the cut wakes it
  }
  bool advanced = false;
  absl::Status status = ApplyNext(task.get(), &advanced);
  if (!status.ok()) {
    task->Fail(status);
    absl::Status said(status.code(), fmt::format("task {}: {}", task->task().id().ToString(),
                                                 std::string(status.message())));
    FailOrLose({task}, said);
  }
  return advanced || cutting;
}

absl::Status Worker::ApplyNext(RunningTask* running, bool* advanced) {
  Task& task = running->task();
  absl::StatusOr<EventBatch> batch =
      source_->Next(task.id(), options_.batch_records, absl::ZeroDuration());
  if (absl::IsUnavailable(batch.status()) || absl::IsCancelled(batch.status()))
    return absl::OkStatus();
  RETURN_IF_ERROR(batch.status());
  *advanced = batch->last_offset > task.position();
  if (*advanced) {
    RETURN_IF_ERROR(task.Apply(*batch));
    WatchClock(running, *batch);
  }
  task.SetAtEnd(batch->at_end);
  if (*advanced || batch->at_end) {
    for (Sink* sink : sinks_) RETURN_IF_ERROR(sink->Offer(task.output()));
  }
  running->NoteProgress();
  if (running->is_live()) WantCommit(Wanted::kInTime);
  return absl::OkStatus();
}

// Of a repartition topic nothing is said: its records have come through the task of their source.
void Worker::WatchClock(RunningTask* task, const EventBatch& batch) {
  if (!options_.clock_ahead || batch.size() == 0 || task->task().plan().repartition) return;
  std::optional<KnownTime> clock = task->task().clock();
  if (!clock) return;
  auto found = task->clock_watch().Look(task->task().id(), batch, *clock, clock_->Now());
  if (found) options_.clock_ahead(*found);
}

void Worker::WantCommit(Wanted wanted) {
  absl::MutexLock lock(&wanted_mutex_);
  wanted_ = std::max(wanted_, wanted);
}

void Worker::AwaitCommit(absl::Time last) {
  const absl::Duration most = std::max(options_.commit_interval, options_.behind_interval);
  absl::MutexLock lock(&wanted_mutex_);
  auto at_once = [this]() ABSL_SHARED_LOCKS_REQUIRED(wanted_mutex_) {
    return wanted_ == Wanted::kAtOnce;
  };
  auto in_time = [this]() ABSL_SHARED_LOCKS_REQUIRED(wanted_mutex_) {
    return wanted_ != Wanted::kNothing;
  };
  wanted_mutex_.AwaitWithDeadline(absl::Condition(&at_once), last + options_.commit_interval);
  wanted_mutex_.AwaitWithDeadline(absl::Condition(&in_time), last + most);
  wanted_ = Wanted::kNothing;
}

void Worker::RunCommits() {
  absl::Time last = absl::Now();
  while (true) {
    AwaitCommit(last);
    if (stopping_.load(std::memory_order_acquire)) return;
    last = absl::Now();
    if (!Commit(CutOf::kOutputs).ok()) return;
  }
}

absl::Status Worker::Commit(CutOf of) {
  absl::MutexLock commit(&commit_mutex_);
  RETURN_IF_ERROR(status());
  std::vector<TaskPtr> tasks;
  {
    absl::MutexLock lock(&tasks_mutex_);
    for (const auto& [topic, of_topic] : tasks_)
      tasks.insert(tasks.end(), of_topic.begin(), of_topic.end());
  }
  absl::Status status = CommitTasks(tasks, of);
  if (status.ok()) return status;
  FailOrLose(tasks, status);
  return this->status();
}

absl::Status Worker::CommitTasks(std::vector<TaskPtr> tasks, CutOf of) {
  std::erase_if(tasks, [](const TaskPtr& task) { return task->lost(); });
  absl::Time start = absl::Now();
  for (const TaskPtr& task : tasks) {
    CutOf of_task = of;
    if (of == CutOf::kOutputs && task->IsStateDue(start)) of_task = CutOf::kState;
    if (of_task != CutOf::kOutputs) task->SetStateDue(start + options_.state_interval);
    task->RequestCut(of_task);
  }
  std::vector<TaskCut> cuts;
  for (const TaskPtr& task : tasks) {
    ASSIGN_OR_RETURN(TaskCut cut, task->TakeCut());
    cuts.push_back(std::move(cut));
  }
  std::vector<const TaskOutput*> outputs;
  bool states = false;
  for (const TaskCut& cut : cuts) {
    if (cut.moved) outputs.push_back(&cut.output);
    states = states || !cut.states.empty();
  }
  bool any = !outputs.empty() || states;
  // A sink may have left something of an earlier commit to this one.
  RETURN_IF_ERROR(CommitOutputs(outputs));
  for (size_t i = 0; i < cuts.size(); ++i) {
    if (cuts[i].states.empty()) continue;
    RETURN_IF_ERROR(tasks[i]->task().Commit(cuts[i]));
    tasks[i]->SetDurable(cuts[i].number());
  }
  if (!any) return absl::OkStatus();
  int64_t micros = absl::ToInt64Microseconds(absl::Now() - start);
  statistics_.commits.fetch_add(1, std::memory_order_relaxed);
  statistics_.commit_micros.fetch_add(micros, std::memory_order_relaxed);
  statistics_.last_commit.store(absl::ToUnixMicros(absl::Now()), std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status Worker::CommitOutputs(absl::Span<const TaskOutput* const> outputs) {
  for (Sink* sink : sinks_) RETURN_IF_ERROR(sink->Commit(outputs));
  return absl::OkStatus();
}

absl::Status Worker::Stop() {
  if (threads_.empty() || std::exchange(stopped_, true)) return status();
  std::vector<TaskId> ids;
  for (const auto& task : Tasks()) ids.push_back(task->task().id());
  absl::Status removed = RemoveTasks(ids, /*lost=*/false);
  ForgetTasks([](const TaskPtr& task) { return true; });
  EndThreads();
  absl::Status first = status();
  return first.ok() ? removed : first;
}

absl::StatusOr<ViewRow> Worker::Lookup(int view, std::string_view key,
                                       std::optional<KnownTime> at) const {
  if (plan_of_view_[view] == nullptr) {
    return absl::FailedPreconditionError(
        "the view's source has no topic: its features are in its table, from files alone "
        "(`forebay backfill`)");
  }
  const TaskPlan& plan = *plan_of_view_[view];
  if (!at && plan.source->known_time() != v1::Source::EVENT_TIME) at = clock_->Now();
  absl::InlinedVector<TaskPtr, 8> tasks;
  {
    absl::ReaderMutexLock lock(&tasks_mutex_);
    if (auto found = tasks_.find(plan.topic); found != tasks_.end()) {
      tasks.assign(found->second.begin(), found->second.end());
    }
  }
  ViewRow newest;
  for (const TaskPtr& task : tasks) {
    ASSIGN_OR_RETURN(ViewRow row, task->task().Lookup(view, key, at));
    if (row.found) return row;
    newest = std::move(row);
  }
  if (static_cast<int>(tasks.size()) == partition_counts_.at(plan.topic)) return newest;
  return AnswerMissing(view, key, tasks, std::move(newest));
}

absl::StatusOr<ViewRow> Worker::AnswerMissing(int view, std::string_view key,
                                              absl::Span<const TaskPtr> tasks,
                                              ViewRow missing) const {
  const std::string& topic = plan_of_view_[view]->topic;
  const int count = partition_counts_.at(topic);
  std::vector<TaskId> elsewhere;
  for (int i = 0; i < count; ++i) {
    TaskId id{topic, PartitionId(i)};
    auto is_it = [&](const TaskPtr& task) { return task->task().id() == id; };
    if (std::none_of(tasks.begin(), tasks.end(), is_it)) elsewhere.push_back(std::move(id));
  }
  const Whereabouts& where = options_.whereabouts;
  std::optional<PartitionId> partition;
  if (where.partition_of) partition = where.partition_of(view, key, count);
  std::string reason;
  if (partition) {
    TaskId id{topic, *partition};
    if (std::find(elsewhere.begin(), elsewhere.end(), id) == elsewhere.end()) return missing;
    reason = fmt::format("the key is in partition {} of {}, which is not on this worker (yet)",
                         partition->value(), topic);
    elsewhere = {std::move(id)};
  } else {
    reason = fmt::format(
        "{} of the {} partitions of {} are not on this worker (yet), and the key is not in the "
        "others",
        elsewhere.size(), count, topic);
  }
  std::string owners = where.owners_of ? where.owners_of(elsewhere) : "";
  if (!owners.empty()) reason += ": " + owners;
  return absl::UnavailableError(reason);
}

absl::Status Worker::Ready() const {
  RETURN_IF_ERROR(status());
  absl::ReaderMutexLock lock(&tasks_mutex_);
  int64_t all = 0, behind = 0, lost = 0, records = 0;
  const RunningTask* last = nullptr;  // has the most to read
  for (const auto& [topic, tasks] : tasks_) {
    for (const TaskPtr& task : tasks) {
      ++all;
      lost += task->lost() ? 1 : 0;
      if (task->caught_up()) continue;
      ++behind;
      records += task->to_catch_up();
      if (last == nullptr || last->to_catch_up() < task->to_catch_up()) last = task.get();
    }
  }
  if (!assigned_ || lost > 0) {
    return absl::UnavailableError(
        "the consumer group has not said yet which partitions are this worker's");
  }
  if (behind == 0) return absl::OkStatus();
  if (records == 0) {
    return absl::UnavailableError(
        fmt::format("{} of the {} partitions on this worker wait for what the tasks of their "
                    "source forward",
                    behind, all));
  }
  return absl::UnavailableError(fmt::format(
      "{} of the {} partitions on this worker are not read up to where they ended when it got "
      "them: {} records to go, {} of them in {}",
      behind, all, records, last->to_catch_up(), last->task().id().ToString()));
}

bool Worker::HasAllTasks() const {
  absl::ReaderMutexLock lock(&tasks_mutex_);
  size_t here = 0;
  for (const auto& [topic, tasks] : tasks_) here += tasks.size();
  return here >= static_cast<size_t>(task_count_);
}

std::vector<UnwrittenSteps> Worker::Unwritten() const {
  absl::MutexLock commit(&commit_mutex_);
  return unwritten_;
}

std::vector<std::shared_ptr<const RunningTask>> Worker::Tasks() const {
  absl::ReaderMutexLock lock(&tasks_mutex_);
  std::vector<std::shared_ptr<const RunningTask>> all;
  for (const auto& [topic, tasks] : tasks_) all.insert(all.end(), tasks.begin(), tasks.end());
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a->task().id() < b->task().id(); });
  return all;
}

}  // namespace forebay
