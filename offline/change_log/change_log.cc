#include "offline/change_log/change_log.h"

#include <arrow/buffer.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>

#include "offline/change_log/segment.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr std::string_view kSuffix = ".log";

std::string SegmentName(uint64_t number) { return fmt::format("{:020}{}", number, kSuffix); }

bool IsSegmentName(const std::string& name) {
  return name.size() == 20 + kSuffix.size() && name.ends_with(kSuffix) &&
         std::all_of(name.begin(), name.begin() + 20, [](char c) { return c >= '0' && c <= '9'; });
}

// The segments by number; leftovers of segments that were never finished are removed.
absl::StatusOr<std::vector<std::string>> ListSegments(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::string name = entry.path().filename();
    if (IsSegmentName(name)) {
      names.push_back(name);
    } else if (name.find(std::string(kSuffix) + ".") == 20) {
      unlink(entry.path().c_str());
    }
  }
  if (error == std::errc::no_such_file_or_directory) return names;
  if (error) return ErrnoStatus(error.value(), "list", folder);
  std::sort(names.begin(), names.end());
  return names;
}

void AddSection(std::optional<Offset> previous, Offset position, std::vector<RowRun>* runs) {
  bool goes_on = !runs->empty() && (!previous || *previous <= runs->back().position);
  if (!goes_on) runs->push_back({previous, position});
  runs->back().position = std::max(runs->back().position, position);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChangeLog>> ChangeLog::Open(std::string folder) {
  std::unique_ptr<ChangeLog> log(new ChangeLog(std::move(folder)));
  RETURN_IF_ERROR(log->Recover());
  return log;
}

absl::Status ChangeLog::Recover() {
  ASSIGN_OR_RETURN(std::vector<std::string> names, ListSegments(folder_));
  for (const std::string& name : names) {
    RETURN_IF_ERROR(RecoverSegment(folder_ + "/" + name, name == names.back()));
  }
  return absl::OkStatus();
}

absl::Status ChangeLog::RecoverSegment(const std::string& path, bool newest) {
  ASSIGN_OR_RETURN(Segment segment, ReadSegment(path, newest));
  next_number_ = std::max(next_number_, segment.header.number + 1);
  if (newest) {
    // The last writes may be in the page cache only: durable before anyone relies on them.
    ASSIGN_OR_RETURN(FileDescriptor file, OpenFile(path, O_RDWR));
    if (!segment.torn.empty() && ftruncate(file.get(), segment.valid_size) != 0) {
      return ErrnoStatus(errno, "cut the torn tail of", path);
    }
    RETURN_IF_ERROR(SyncFile(file.get(), path));
  }
  if (segment.frames.empty()) return Delete({{.path = path}});
  for (const FrameInfo& frame : segment.frames) {
    for (const FrameInfo::Section& section : frame.sections) {
      AddSection(section.previous, frame.position, &recovered_rows_[section.table]);
    }
  }
  recovered_clock_ = segment.frames.back().clock;
  closed_.push_back({.path = path, .bytes = segment.valid_size});
  return absl::OkStatus();
}

absl::Status ChangeLog::CreateSegment() {
  std::random_device random;
  SegmentHeader header{.number = next_number_,
                       .salt = (uint64_t{random()} << 32) | uint64_t{random()}};
  std::string path = folder_ + "/" + SegmentName(header.number);
  // Part of the state folder, which is nobody else's to read.
  RETURN_IF_ERROR(CreateFolders(folder_, 0700));
  RETURN_IF_ERROR(WriteFileAtomically(path, EncodeSegmentHeader(header), 0600));
  ASSIGN_OR_RETURN(file_, OpenFile(path, O_WRONLY | O_APPEND));
  path_ = path;
  header_ = header;
  ++next_number_;
  next_sequence_ = durable_sequence_ = 0;
  size_ = durable_size_ = SegmentHeader::kSize;
  return absl::OkStatus();
}

absl::Status ChangeLog::Append(const ChangeFrame& frame) {
  RETURN_IF_ERROR(failed_);
  if (!file_.is_open()) RETURN_IF_ERROR(CreateSegment());
  ASSIGN_OR_RETURN(FrameBytes bytes, EncodeFrame(frame, header_.salt, next_sequence_));
  std::vector<std::string_view> pieces;
  for (const auto& piece : bytes.pieces) {
    pieces.emplace_back(reinterpret_cast<const char*>(piece->data()), piece->size());
  }
  if (absl::Status status = WriteAll(file_.get(), pieces, path_); !status.ok()) {
    CutBack(size_, status);
    return status;
  }
  ++next_sequence_;
  size_ += bytes.size;
  return absl::OkStatus();
}

void ChangeLog::StartSync() {
  if (size_ > durable_size_) {
    sync_file_range(file_.get(), durable_size_, size_ - durable_size_, SYNC_FILE_RANGE_WRITE);
  }
}

absl::Status ChangeLog::Sync() {
  RETURN_IF_ERROR(failed_);
  if (size_ == durable_size_) return absl::OkStatus();
  if (fdatasync(file_.get()) != 0) {
    absl::Status status = ErrnoStatus(errno, "sync", path_);
    CutBack(durable_size_, status);
    // A kernel may have forgotten the failed pages: nothing more goes into this file.
    if (failed_.ok()) DropSegment();
    return status;
  }
  durable_size_ = size_;
  durable_sequence_ = next_sequence_;
  return absl::OkStatus();
}

void ChangeLog::CutBack(int64_t size, const absl::Status& reason) {
  if (ftruncate(file_.get(), size) != 0 || fsync(file_.get()) != 0) {
    failed_ = absl::UnavailableError(fmt::format(
        "the change log {} takes no more rows after an error ({}); start the task again", folder_,
        std::string(reason.message())));
  }
}

void ChangeLog::DropSegment() {
  size_ = durable_size_;
  next_sequence_ = durable_sequence_;
  if (durable_sequence_ > 0) return Rotate();
  unlink(path_.c_str());
  file_.Close();
  size_ = durable_size_ = 0;
}

void ChangeLog::Rotate() {
  if (!file_.is_open() || durable_sequence_ == 0) return;
  closed_.push_back({.path = path_, .bytes = durable_size_});
  file_.Close();
  size_ = durable_size_ = 0;
  next_sequence_ = durable_sequence_ = 0;
}

absl::Status ChangeLog::Delete(absl::Span<const ClosedSegment> segments) {
  for (const ClosedSegment& segment : segments) {
    if (unlink(segment.path.c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, "delete", segment.path);
    }
    std::erase_if(closed_, [&](const ClosedSegment& s) { return s.path == segment.path; });
  }
  return SyncFolder(folder_);
}

std::string ChangeLogFolder(const std::string& state_folder, const std::string& topic,
                            PartitionId partition) {
  return fmt::format("{}/{}-{}/change_log", state_folder, topic, partition.value());
}

}  // namespace forebay
