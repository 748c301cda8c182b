#include "offline/event_order/event_sorter.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <tuple>

#include "engine/batch/take_rows.h"

namespace forebay {
namespace {

constexpr size_t kRowsOfGroup = 128 * 1024;

arrow::Status WriteRun(const std::string& path, const std::shared_ptr<arrow::Schema>& schema,
                       const std::vector<RowOfBatch>& rows) {
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::FileOutputStream::Open(path));
  auto properties =
      parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), out,
                                                         std::move(properties)));
  ARROW_ASSIGN_OR_RAISE(auto like, arrow::RecordBatch::MakeEmpty(schema));
  for (size_t first = 0; first < rows.size(); first += kRowsOfGroup) {
    const size_t count = std::min(kRowsOfGroup, rows.size() - first);
    ARROW_RETURN_NOT_OK(writer->NewBufferedRowGroup());
    ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(*TakeRows(like, {rows.data() + first, count})));
  }
  ARROW_RETURN_NOT_OK(writer->Close());
  return out->Close();
}

}  // namespace

EventSorter::EventSorter(std::string folder, std::shared_ptr<arrow::Schema> schema)
    : folder_(std::move(folder)), schema_(std::move(schema)) {}

void EventSorter::Add(const std::shared_ptr<arrow::RecordBatch>& rows,
                      const std::vector<EventPlace>& places) {
  if (places.empty()) return;
  auto [number, is_new] = numbers_.try_emplace(rows.get(), batches_.size());
  if (is_new) {
    batches_.push_back(rows);
    bytes_ += arrow::util::ReferencedBufferSize(*rows).ValueOr(0);
  }
  for (const EventPlace& place : places) events_.push_back({place, number->second});
  bytes_ += static_cast<int64_t>(places.size() * sizeof(Event));
}

absl::Status EventSorter::EndRun() {
  if (events_.empty() && runs_ > 0) return absl::OkStatus();
  std::sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
    return std::tie(a.place.event_time, a.place.partition, a.place.offset) <
           std::tie(b.place.event_time, b.place.partition, b.place.offset);
  });
  std::vector<RowOfBatch> rows;
  rows.reserve(events_.size());
  for (const Event& event : events_) rows.push_back({batches_[event.batch].get(), event.place.row});
  const std::string path = fmt::format("{}/{:08}.parquet", folder_, runs_);
  if (arrow::Status written = WriteRun(path, schema_, rows); !written.ok()) {
    return absl::ResourceExhaustedError(
        fmt::format("cannot write {}: {}. Events are sorted there: let TMPDIR name a folder with "
                    "enough room",
                    path, written.message()));
  }
  ++runs_;
  events_.clear();
  batches_.clear();
  numbers_.clear();
  bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace forebay
