#include "offline/event_order/source_events.h"

#include <arrow/api.h>

#include <algorithm>
#include <vector>

#include "connectors/file/merged_files.h"
#include "engine/batch/event_batch.h"
#include "forebay/v1/definition.pb.h"
#include "offline/event_order/event_sorter.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// The events of files, as one partition has them.
class FileReading {
 public:
  // `plan` outlives it.
  FileReading(const TaskPlan& plan, const SourceEventsRequest& request, EventSorter* sorter)
      : merged_(plan, *request.files, /*partitions=*/1), request_(request), sorter_(sorter) {}

  absl::Status Run() {
    RETURN_IF_ERROR(merged_.Start());
    std::vector<PartitionRuns> runs(1);
    while (true) {
      ASSIGN_OR_RETURN(bool more, merged_.ReadOn(&runs));
      for (const PartitionRun& run : runs[0]) {
        Take(run);
        if (request_.progress) RETURN_IF_ERROR(request_.progress(run.size()));
      }
      runs[0].clear();
      if (!more) return absl::OkStatus();
      if (sorter_->bytes() >= request_.run_bytes) RETURN_IF_ERROR(sorter_->EndRun());
    }
  }

  std::optional<int64_t> last() const { return last_; }

 private:
  void Take(const PartitionRun& run) {
    const PartitionRows& rows = *run.rows;
    auto rejected = std::ranges::lower_bound(rows.rejected, run.begin, {},
                                             [](const auto& one) { return one.first; });
    places_.clear();
    for (int64_t row = run.begin; row < run.end; ++row, ++read_) {
      if (rejected != rows.rejected.end() && rejected->first == row) {
        ++rejected;
        continue;
      }
      const int64_t event_time = rows.event_times[row].value();
      last_ = std::max(last_.value_or(event_time), event_time);
      if (event_time <= request_.latest)
        places_.push_back({.event_time = event_time, .offset = read_, .row = row});
    }
    sorter_->Add(rows.columns, places_);
  }

  MergedFiles merged_;
  const SourceEventsRequest& request_;
  EventSorter* const sorter_;
  int64_t read_ = 0;
  std::vector<EventPlace> places_;  // of one run
  std::optional<int64_t> last_;
};

// What is read of the source: as a task without views would, which has no key to partition by.
TaskPlan PlanOf(const v1::Source& keyless, const SourceEventsRequest& request) {
  TaskPlan plan{.source = &keyless, .files = true};
  std::vector<const v1::Field*> fields;
  for (const v1::Field& field : keyless.schema()) {
    if (!request.columns.contains(field.name()) && field.name() != keyless.event_time()) continue;
    fields.push_back(&field);
    plan.columns.push_back(field.name());
  }
  plan.event_schema = EventSchema(fields);
  return plan;
}

void LeaveToFiles(const v1::BatchSource& files, ArchivedEventsRequest* archived) {
  if (files.has_until_us()) archived->known_from = files.until_us();
  for (int partition = 0; partition < files.until_offsets_size(); ++partition)
    archived->after[partition] = files.until_offsets(partition);
}

}  // namespace

absl::StatusOr<EventsRead> SortSourceEvents(const SourceEventsRequest& request) {
  v1::Source keyless = *request.source;
  keyless.clear_key();
  const TaskPlan plan = PlanOf(keyless, request);
  EventsRead read{.source = keyless.name()};
  EventSorter sorter(request.folder, plan.event_schema);
  if (request.files) {
    for (size_t i = 0; i < request.files->files.size(); ++i)
      read.files.push_back({request.files->Describe(i), request.files->files[i].size});
    FileReading reading(plan, request, &sorter);
    RETURN_IF_ERROR(reading.Run());
    RETURN_IF_ERROR(sorter.EndRun());
    read.last = reading.last();
  }
  if (request.archive) {
    const Snapshot& snapshot = request.archive->snapshot;
    read.archive_id = snapshot.metadata.id;
    read.archive_version = snapshot.version;
    ArchivedEventsRequest archived{.archive = &*request.archive,
                                   .schema = plan.event_schema,
                                   .latest = request.latest,
                                   .run_rows = request.run_rows,
                                   .progress = request.progress};
    if (request.files) LeaveToFiles(keyless.batch(), &archived);
    ASSIGN_OR_RETURN(std::optional<int64_t> last, SortArchivedEvents(archived, &sorter));
    read.last = std::max(read.last, last);
  }
  RETURN_IF_ERROR(sorter.EndRun());
  return read;
}

}  // namespace forebay
