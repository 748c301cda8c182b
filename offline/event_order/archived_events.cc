#include "offline/event_order/archived_events.h"

#include <arrow/api.h>

#include <algorithm>
#include <map>
#include <vector>

#include "engine/batch/arrow_type.h"
#include "engine/batch/take_rows.h"
#include "offline/compaction/row_reader.h"
#include "offline/delta/data_file.h"
#include "offline/delta/file_pruning.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int64_t kBatchRows = 32 * 1024;

// The files of a date.
struct ArchivedDay {
  TimeRange times;
  std::vector<std::string> files;
  int64_t rows = 0;
};

// The columns after those of the events, which say where an event comes.
struct PlaceColumns {
  const arrow::TimestampArray* event_times;
  const arrow::TimestampArray* known_times;
  const arrow::Int32Array* partitions;
  const arrow::Int64Array* offsets;
};

std::shared_ptr<arrow::Schema> WithPlaces(const arrow::Schema& events) {
  arrow::FieldVector fields = events.fields();
  const auto time = ArrowType(DataType::kTimestamp);
  fields.push_back(arrow::field("_event_time", time, /*nullable=*/false));
  fields.push_back(arrow::field("_known_time", time, /*nullable=*/false));
  fields.push_back(arrow::field("_source_partition", arrow::int32(), /*nullable=*/false));
  fields.push_back(arrow::field("_source_offset", arrow::int64(), /*nullable=*/false));
  return arrow::schema(std::move(fields));
}

PlaceColumns PlacesOf(const arrow::RecordBatch& rows) {
  auto column = [&](int from_last) { return rows.column(rows.num_columns() - from_last).get(); };
  return {static_cast<const arrow::TimestampArray*>(column(4)),
          static_cast<const arrow::TimestampArray*>(column(3)),
          static_cast<const arrow::Int32Array*>(column(2)),
          static_cast<const arrow::Int64Array*>(column(1))};
}

class ArchiveReading {
 public:
  ArchiveReading(const ArchivedEventsRequest& request, EventSorter* sorter)
      : request_(request), sorter_(sorter), schema_(WithPlaces(*request.schema)) {}

  absl::Status Run() {
    std::map<int64_t, ArchivedDay> days;
    for (const auto& [path, file] : request_.archive->snapshot.files) {
      const TimeRange times = DateOf(file).value_or(TimeRange());
      if (times.from > request_.latest) {
        Saw(times.from);
        continue;
      }
      ArchivedDay& day = days.try_emplace(times.from, ArchivedDay{times}).first->second;
      day.files.push_back(path);
      day.rows += RowsOf(file).value_or(0);
    }
    for (const auto& [from, day] : days) RETURN_IF_ERROR(ReadDay(day));
    return absl::OkStatus();
  }

  std::optional<int64_t> last() const { return last_; }

 private:
  void Saw(int64_t event_time) { last_ = std::max(last_.value_or(event_time), event_time); }

  absl::Status ReadDay(const ArchivedDay& day) {
    if (sorter_->rows() + day.rows > request_.run_rows) RETURN_IF_ERROR(sorter_->EndRun());
    const int64_t passes = (day.rows + request_.run_rows - 1) / request_.run_rows;
    if (passes <= 1) return ReadPass(day, day.times);
    const int64_t width = (day.times.to - day.times.from + passes - 1) / passes;
    for (int64_t from = day.times.from; from < day.times.to; from += width) {
      RETURN_IF_ERROR(ReadPass(day, {from, std::min(from + width, day.times.to)}));
      RETURN_IF_ERROR(sorter_->EndRun());
    }
    return absl::OkStatus();
  }

  absl::Status ReadPass(const ArchivedDay& day, const TimeRange& times) {
    const EventArchive& archive = *request_.archive;
    for (const std::string& file : day.files) {
      ASSIGN_OR_RETURN(auto reader,
                       RowReader::Open(*archive.store, archive.table, file, schema_, kBatchRows));
      while (true) {
        ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> rows, reader->Next());
        if (rows == nullptr) break;
        Take(*rows, times);
        if (request_.progress) RETURN_IF_ERROR(request_.progress(rows->num_rows()));
      }
    }
    return absl::OkStatus();
  }

  bool Counts(const PlaceColumns& places, int64_t row) const {
    if (places.known_times->Value(row) < request_.known_from) return false;
    auto within = [&](const RowBounds& bounds) {
      auto bound = bounds.find(places.partitions->Value(row));
      return bound != bounds.end() && places.offsets->Value(row) < bound->second;
    };
    if (within(request_.after)) return false;
    return !request_.archive->bounds || within(*request_.archive->bounds);
  }

  void Take(const arrow::RecordBatch& rows, const TimeRange& times) {
    const PlaceColumns columns = PlacesOf(rows);
    std::vector<EventPlace> places;
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      const int64_t event_time = columns.event_times->Value(row);
      if (!times.Holds(event_time) || !Counts(columns, row)) continue;
      Saw(event_time);
      if (event_time > request_.latest) continue;
      places.push_back(
          {event_time, columns.partitions->Value(row), columns.offsets->Value(row), row});
    }
    arrow::ArrayVector of_events = rows.columns();
    of_events.resize(request_.schema->num_fields());
    auto events = arrow::RecordBatch::Make(request_.schema, rows.num_rows(), std::move(of_events));
    AddCompact(events, std::move(places));
  }

  // Without the rows that have no place, of which there may be many.
  void AddCompact(const std::shared_ptr<arrow::RecordBatch>& events,
                  std::vector<EventPlace> places) {
    if (std::ssize(places) == events->num_rows()) return sorter_->Add(events, places);
    std::vector<RowOfBatch> rows;
    for (EventPlace& place : places) {
      rows.push_back({events.get(), place.row});
      place.row = std::ssize(rows) - 1;
    }
    if (!rows.empty()) sorter_->Add(TakeRows(events, rows), places);
  }

  const ArchivedEventsRequest& request_;
  EventSorter* const sorter_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::optional<int64_t> last_;
};

}  // namespace

absl::StatusOr<std::optional<int64_t>> SortArchivedEvents(const ArchivedEventsRequest& request,
                                                          EventSorter* sorter) {
  ArchiveReading reading(request, sorter);
  RETURN_IF_ERROR(reading.Run());
  return reading.last();
}

}  // namespace forebay
