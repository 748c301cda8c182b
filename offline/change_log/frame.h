// What one task made between two positions as bytes, the unit of the change log. Layout:
// docs/formats/change_log.md.
#ifndef FOREBAY_OFFLINE_CHANGE_LOG_FRAME_H_
#define FOREBAY_OFFLINE_CHANGE_LOG_FRAME_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "schemas/types/strong_int.h"
#include "schemas/types/table_id.h"

namespace arrow {
class Buffer;
class RecordBatch;
}  // namespace arrow

namespace forebay {

// A log knows tables by name and version, so that it outlives changed definitions.
struct TableRows {
  TableId table;
  // ChangeSchema, or ArchiveSchema; not null, at least one row.
  std::shared_ptr<arrow::RecordBatch> rows;
  // The table's last row before these has this source offset, or a higher one that is no higher
  // than theirs; below 0: there is none; nullopt: not known.
  std::optional<Offset> previous = std::nullopt;
};

// A commit of one task, or part of one: what it adds to the offline tables.
struct ChangeFrame {
  Offset first_position;            // the least source offset of a row
  Offset position;                  // of the task then: every row's offset is at or below
  KnownTime clock;                  // the partition clock there
  KnownTime complete_before;        // every change effective before this is made at `position` (S6)
  std::vector<TableRows> sections;  // in the order the task made them; several per table allowed
};

// A segment file starts with this; the salt goes into every frame's checksum, so that no bytes
// inside a row can pass for a frame.
struct SegmentHeader {
  static constexpr int64_t kSize = 32;
  uint64_t number = 0;
  uint64_t salt = 0;
};

std::string EncodeSegmentHeader(const SegmentHeader& header);

// DATA_LOSS, or FAILED_PRECONDITION for a format version that this build does not know.
absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

// The bytes of a buffer, which must outlive the view.
std::string_view View(const arrow::Buffer& buffer);

inline constexpr int64_t kFrameAlignment = 8;   // of a frame's place and length
inline constexpr int64_t kLeastFrameSize = 56;  // bytes

// The bytes of a frame, piece by piece. The columns of its rows are not copied: pieces refer to
// them.
struct FrameBytes {
  std::vector<std::shared_ptr<arrow::Buffer>> pieces;
  int64_t size = 0;  // of all pieces
};

// `sequence` counts the frames of a segment from 0.
absl::StatusOr<FrameBytes> EncodeFrame(const ChangeFrame& frame, uint64_t salt, uint64_t sequence);

// A frame found in a segment, its rows not yet decoded.
struct FrameInfo {
  struct Section {
    TableId table;
    std::optional<Offset> previous;  // as of TableRows; unknown in versions before 3
    int64_t place = 0;               // of the Arrow IPC stream, bytes from the start of the segment
    int64_t size = 0;                // bytes
  };

  int64_t place = 0;   // bytes from the start of the segment
  int64_t length = 0;  // bytes, header and padding included
  uint64_t sequence = 0;
  Offset first_position;
  Offset position;
  KnownTime clock;
  KnownTime complete_before;  // of version 1, which lacks it: the clock
  std::vector<Section> sections;
};

// The length that the frame claims whose first kLeastFrameSize bytes these are; 0 of fewer bytes,
// or of a length beyond any file's. Not verified.
int64_t FrameLength(std::string_view start);

// The frame that starts at `place`, its checksum verified; DATA_LOSS with the reason, if none does.
absl::StatusOr<FrameInfo> CheckFrame(std::string_view segment, int64_t place, uint64_t salt);

// The rows are slices of `segment`, which they keep alive. REQUIRES: CheckFrame found `info` there.
absl::StatusOr<ChangeFrame> DecodeFrame(const std::shared_ptr<arrow::Buffer>& segment,
                                        const FrameInfo& info);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_CHANGE_LOG_FRAME_H_
