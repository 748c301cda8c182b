// One file of events, read from top to bottom: the columns that a task plan needs, and the times.
//
//   ASSIGN_OR_RETURN(auto file, EventFile::Open(files, 0, columns));
//   while (true) {
//     ASSIGN_OR_RETURN(std::optional<FileRows> rows, file->Next());
//     if (!rows) break;
//   }
//
// Errors, all with the file: NOT_FOUND or FAILED_PRECONDITION: it is gone, or has another size than
// it was listed with; INVALID_ARGUMENT: a column lacks, or it or a value is not what the source's
// schema says; DATA_LOSS: it cannot be read. Not thread-safe.
#ifndef FOREBAY_CONNECTORS_FILE_EVENT_FILE_H_
#define FOREBAY_CONNECTORS_FILE_EVENT_FILE_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/file/batch_files.h"
#include "engine/task/task_plan.h"

namespace forebay {

// What is read of each file of a source.
class EventFileColumns {
 public:
  // `plan` outlives it.
  explicit EventFileColumns(const TaskPlan& plan);

  const std::vector<v1::Field>& fields() const { return fields_; }          // each once
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }  // of the plan's events
  // Indices into `fields`; the events' columns are the first of them.
  size_t event_time() const { return event_time_; }
  size_t known_time() const { return known_time_; }
  // All that the source declares, for their types.
  const v1::Source& source() const { return source_; }

 private:
  const v1::Source& source_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<v1::Field> fields_;
  size_t event_time_ = 0;
  size_t known_time_ = 0;
};

// Rows that follow each other in a file.
struct FileRows {
  std::shared_ptr<arrow::RecordBatch> columns;  // of EventFileColumns::schema
  std::shared_ptr<arrow::TimestampArray> event_times, known_times;
  int64_t first_row = 0;  // of the file, from 0
};

class EventFile {
 public:
  virtual ~EventFile() = default;

  // `columns` outlives it.
  static absl::StatusOr<std::unique_ptr<EventFile>> Open(const BatchFiles& files, size_t index,
                                                         const EventFileColumns& columns);

  // The least known time in the file, as its statistics say; nullopt: they do not.
  static absl::StatusOr<std::optional<int64_t>> LeastKnownTime(const BatchFiles& files,
                                                               size_t index,
                                                               const EventFileColumns& columns);

  // nullopt: there are no more.
  virtual absl::StatusOr<std::optional<FileRows>> Next() = 0;
  // The part of the file that was read, from 0 to 1, about.
  virtual double Progress() const = 0;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_FILE_EVENT_FILE_H_
