#include "offline/change_log/segment.h"

#include <arrow/buffer.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "connectors/object_store/durable_file.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr std::string_view kAdvice =
    "the task stops here, since rows may be lost: restore this file from a copy, or move it away: "
    "the worker then says which rows are missing, and the ways out";

absl::Status WithPath(const absl::Status& status, const std::string& path) {
  std::string text = fmt::format("change log segment {}: {}", path, std::string(status.message()));
  if (absl::IsDataLoss(status)) text += fmt::format("; {}", kAdvice);
  return absl::Status(status.code(), text);
}

absl::StatusOr<int64_t> SizeOf(const FileDescriptor& file, const std::string& path) {
  struct stat info;
  if (fstat(file.get(), &info) != 0) return ErrnoStatus(errno, "read", path);
  return info.st_size;
}

absl::StatusOr<std::shared_ptr<arrow::Buffer>> ReadBytes(const FileDescriptor& file, int64_t place,
                                                         int64_t size, const std::string& path) {
  auto buffer = arrow::AllocateBuffer(size);
  if (!buffer.ok()) {
    return absl::ResourceExhaustedError(
        fmt::format("cannot read {} bytes of {}: out of memory", size, path));
  }
  int64_t done = 0;
  while (done < size) {
    ssize_t n = pread(file.get(), (*buffer)->mutable_data() + done, size - done, place + done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "read", path);
    if (n == 0) return absl::UnavailableError(fmt::format("{} shrank while it was read", path));
    done += n;
  }
  return std::shared_ptr<arrow::Buffer>(*std::move(buffer));
}

absl::Status WrongSequence(int64_t place, uint64_t found, uint64_t expected) {
  return absl::DataLossError(
      fmt::format("the frame at byte {} is number {}, expected number {}", place, found, expected));
}

bool GoodFrameFollows(std::string_view bytes, int64_t place, uint64_t salt) {
  for (place += kFrameAlignment; place + kLeastFrameSize <= static_cast<int64_t>(bytes.size());
       place += kFrameAlignment) {
    if (CheckFrame(bytes, place, salt).ok()) return true;
  }
  return false;
}

// Fills frames, valid_size and torn.
absl::Status ScanFrames(std::string_view bytes, Segment* segment) {
  int64_t place = SegmentHeader::kSize;
  segment->valid_size = place;
  while (place < static_cast<int64_t>(bytes.size())) {
    absl::StatusOr<FrameInfo> frame = CheckFrame(bytes, place, segment->header.salt);
    if (!frame.ok()) {
      if (GoodFrameFollows(bytes, place, segment->header.salt)) return frame.status();
      segment->torn = std::string(frame.status().message());
      return absl::OkStatus();
    }
    if (frame->sequence != segment->frames.size())
      return WrongSequence(place, frame->sequence, segment->frames.size());
    place += frame->length;
    segment->valid_size = place;
    segment->frames.push_back(*std::move(frame));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Segment> ReadSegment(const std::string& path, bool torn_tail_allowed) {
  Segment segment{.path = path};
  ASSIGN_OR_RETURN(FileDescriptor file, OpenFile(path, O_RDONLY));
  ASSIGN_OR_RETURN(int64_t size, SizeOf(file, path));
  ASSIGN_OR_RETURN(segment.bytes, ReadBytes(file, 0, size, path));
  std::string_view bytes = View(*segment.bytes);
  absl::StatusOr<SegmentHeader> header = DecodeSegmentHeader(bytes);
  if (!header.ok()) return WithPath(header.status(), path);
  segment.header = *header;
  if (absl::Status status = ScanFrames(bytes, &segment); !status.ok()) {
    return WithPath(status, path);
  }
  if (!segment.torn.empty() && !torn_tail_allowed) {
    return WithPath(absl::DataLossError(segment.torn), path);
  }
  return segment;
}

absl::StatusOr<std::vector<ChangeFrame>> DecodeFrames(const Segment& segment) {
  std::vector<ChangeFrame> frames;
  for (const FrameInfo& info : segment.frames) {
    absl::StatusOr<ChangeFrame> frame = DecodeFrame(segment.bytes, info);
    if (!frame.ok()) return WithPath(frame.status(), segment.path);
    frames.push_back(*std::move(frame));
  }
  return frames;
}

absl::StatusOr<FrameReader> FrameReader::Open(std::string path) {
  FrameReader reader(std::move(path));
  ASSIGN_OR_RETURN(reader.file_, OpenFile(reader.path_, O_RDONLY));
  ASSIGN_OR_RETURN(reader.size_, SizeOf(reader.file_, reader.path_));
  ASSIGN_OR_RETURN(auto bytes, reader.Read(SegmentHeader::kSize));
  absl::StatusOr<SegmentHeader> header = DecodeSegmentHeader(View(*bytes));
  if (!header.ok()) return WithPath(header.status(), reader.path_);
  reader.header_ = *header;
  reader.place_ = SegmentHeader::kSize;
  return reader;
}

absl::StatusOr<std::optional<ChangeFrame>> FrameReader::Next() {
  if (place_ == size_) return std::nullopt;
  ASSIGN_OR_RETURN(auto start, Read(kLeastFrameSize));
  ASSIGN_OR_RETURN(auto bytes, Read(std::max(FrameLength(View(*start)), kLeastFrameSize)));
  absl::StatusOr<ChangeFrame> frame = Decode(bytes);
  if (!frame.ok()) return WithPath(frame.status(), fmt::format("{}, from byte {}", path_, place_));
  place_ += bytes->size();
  ++next_sequence_;
  return *std::move(frame);
}

absl::StatusOr<ChangeFrame> FrameReader::Decode(const std::shared_ptr<arrow::Buffer>& bytes) const {
  ASSIGN_OR_RETURN(FrameInfo info, CheckFrame(View(*bytes), 0, header_.salt));
  if (info.sequence != next_sequence_) return WrongSequence(0, info.sequence, next_sequence_);
  return DecodeFrame(bytes, info);
}

// `size` bytes from place_ on; fewer where the file ends.
absl::StatusOr<std::shared_ptr<arrow::Buffer>> FrameReader::Read(int64_t size) const {
  return ReadBytes(file_, place_, std::min(size, size_ - place_), path_);
}

absl::StatusOr<std::vector<std::string>> FindSegments(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".log") paths.push_back(entry.path());
  }
  if (error) {
    return absl::NotFoundError(
        fmt::format("cannot list the change log {}: {}", folder, error.message()));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace forebay
