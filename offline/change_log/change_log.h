// The change log of one task (offline stage 0): change records, and archived events, on the local
// disk, until they are in the Delta tables.
//
//   auto log = ChangeLog::Open("state/transactions-3/change_log").value();
//   log->Append(frame);           // several logs first, then
//   log->Sync();                  // durable from here on
//   log->Rotate();                // ... later: what is closed can be read and flushed
//   for (const ClosedSegment& s : log->closed()) FrameReader::Open(s.path);  // segment.h
//   log->Delete(flushed);
//
// Keeps no rows in memory. Thread-compatible: the owner locks. Segment files that are closed never
// change again.
#ifndef FOREBAY_OFFLINE_CHANGE_LOG_CHANGE_LOG_H_
#define FOREBAY_OFFLINE_CHANGE_LOG_CHANGE_LOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/object_store/durable_file.h"
#include "offline/change_log/frame.h"

namespace forebay {

struct ClosedSegment {
  std::string path;
  int64_t bytes = 0;
};

// A stretch of a table's rows in a log, whole as far as the log tells.
struct RowRun {
  std::optional<Offset> previous;  // as TableRows.previous, of its first row
  Offset position;                 // up to where

  bool operator==(const RowRun&) const = default;
};

class ChangeLog {
 public:
  // Takes up the log found there: cuts a torn tail, closes every segment. Where there is none, the
  // folder is made with the first frame. Errors: DATA_LOSS for bad bytes that are no torn tail;
  // those of the disk.
  static absl::StatusOr<std::unique_ptr<ChangeLog>> Open(std::string folder);

  // Writes the frame; durable after Sync().
  // On an error of the disk (RESOURCE_EXHAUSTED, UNAVAILABLE ...) the segment is cut back to what
  // was there before, so the same frame can be tried again; where even that fails, the log refuses
  // appends until it is opened anew, which cuts the tail.
  absl::Status Append(const ChangeFrame& frame);

  // Makes appended frames durable. After an error all that are not durable are cut off.
  absl::Status Sync();

  // Starts to write appended bytes to the disk without waiting, so that several logs can overlap.
  void StartSync();

  // Closes the segment that is written to, if it holds a frame. REQUIRES: nothing is unsynced.
  void Rotate();

  // Oldest first.
  const std::vector<ClosedSegment>& closed() const { return closed_; }

  // Deletes closed segments; the names are gone durably on return.
  absl::Status Delete(absl::Span<const ClosedSegment> segments);

  // What Open found: the rows of each table, and the last clock. More than one run: there was
  // something between them.
  const std::map<TableId, std::vector<RowRun>>& recovered_rows() const { return recovered_rows_; }
  KnownTime recovered_clock() const { return recovered_clock_; }

  // Of the segment that is written to.
  int64_t active_bytes() const { return size_; }
  const std::string& folder() const { return folder_; }

 private:
  explicit ChangeLog(std::string folder) : folder_(std::move(folder)) {}

  absl::Status Recover();
  absl::Status RecoverSegment(const std::string& path, bool newest);
  absl::Status CreateSegment();
  void DropSegment();
  void CutBack(int64_t size, const absl::Status& reason);

  std::string folder_;
  std::vector<ClosedSegment> closed_;
  uint64_t next_number_ = 1;

  // The segment that is written to; none while `file_` is closed.
  FileDescriptor file_;
  std::string path_;
  SegmentHeader header_;
  uint64_t next_sequence_ = 0;
  uint64_t durable_sequence_ = 0;
  int64_t size_ = 0;
  int64_t durable_size_ = 0;
  absl::Status failed_;  // not OK: appends are refused

  std::map<TableId, std::vector<RowRun>> recovered_rows_;
  KnownTime recovered_clock_ = KnownTime::Min();
};

// "<state>/<topic>-<partition>/change_log".
std::string ChangeLogFolder(const std::string& state_folder, const std::string& topic,
                            PartitionId partition);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_CHANGE_LOG_CHANGE_LOG_H_
