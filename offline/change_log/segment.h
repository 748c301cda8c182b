// Reading one segment file of a change log.
#ifndef FOREBAY_OFFLINE_CHANGE_LOG_SEGMENT_H_
#define FOREBAY_OFFLINE_CHANGE_LOG_SEGMENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/durable_file.h"
#include "offline/change_log/frame.h"

namespace forebay {

// A segment in memory, every frame's checksum verified.
struct Segment {
  std::string path;
  std::shared_ptr<arrow::Buffer> bytes;
  SegmentHeader header;
  std::vector<FrameInfo> frames;
  int64_t valid_size = 0;  // bytes up to the end of the last frame; what follows is a torn tail
  std::string torn;        // why the tail is torn; empty: there is none
};

// A torn tail is what a crash leaves of the last write: no good frame follows the bad bytes. Bad
// bytes before a good frame are DATA_LOSS, and so is a torn tail unless `torn_tail_allowed` (only
// the newest segment of a log can have one).
absl::StatusOr<Segment> ReadSegment(const std::string& path, bool torn_tail_allowed);

// Reads a closed segment frame by frame, so that no more of it is in memory than is in use.
class FrameReader {
 public:
  // Errors, here and of Next: as ReadSegment without a torn tail.
  static absl::StatusOr<FrameReader> Open(std::string path);

  // The next frame, its checksum verified; nullopt: that was all.
  absl::StatusOr<std::optional<ChangeFrame>> Next();

  // Where the next frame starts, bytes from the start of the segment.
  int64_t place() const { return place_; }

 private:
  explicit FrameReader(std::string path) : path_(std::move(path)) {}

  absl::StatusOr<std::shared_ptr<arrow::Buffer>> Read(int64_t size) const;
  absl::StatusOr<ChangeFrame> Decode(const std::shared_ptr<arrow::Buffer>& bytes) const;

  std::string path_;
  FileDescriptor file_;
  SegmentHeader header_;
  int64_t size_ = 0;   // of the file
  int64_t place_ = 0;  // of the next frame
  uint64_t next_sequence_ = 0;
};

// The paths of the segments in a log's folder, oldest first. NOT_FOUND: no such folder.
absl::StatusOr<std::vector<std::string>> FindSegments(const std::string& folder);

// The frames decoded, in order.
absl::StatusOr<std::vector<ChangeFrame>> DecodeFrames(const Segment& segment);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_CHANGE_LOG_SEGMENT_H_
