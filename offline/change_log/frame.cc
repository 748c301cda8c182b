#include "offline/change_log/frame.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

#include "schemas/types/crc32c.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

static_assert(std::endian::native == std::endian::little, "the log is written little-endian");

constexpr std::string_view kSegmentMagic = "FBCHGLOG";
constexpr uint32_t kOldestVersion = 1;  // frames without complete_before
constexpr uint32_t kFormatVersion = 4;
constexpr int64_t kCompleteBeforeSize = 8;
constexpr int64_t kPreviousSize = 8;  // of each section, since version 3
constexpr int64_t kNotKnown = INT64_MIN;
constexpr uint32_t kFrameMagic = 0x4D524246;  // "FBRM"
constexpr int64_t kLengthPlace = 8;           // in a frame
constexpr int64_t kSectionHeaderSize = 16;

template <typename T>
void Append(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T Read(std::string_view bytes, int64_t place) {
  T value;
  std::memcpy(&value, bytes.data() + place, sizeof(value));
  return value;
}

int64_t Padded(int64_t size) {
  return (size + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}

uint32_t FrameChecksum(std::string_view frame, uint64_t salt) {
  uint32_t crc = Crc32c({reinterpret_cast<const char*>(&salt), sizeof(salt)});
  return ExtendCrc32c(crc, frame.substr(8));
}

// Collects what is written to it. Large buffers are kept as they are, the rest is copied together.
class PieceStream final : public arrow::io::OutputStream {
 public:
  arrow::Status Write(const void* data, int64_t size) override {
    copied_.append(static_cast<const char*>(data), static_cast<size_t>(size));
    size_ += size;
    return arrow::Status::OK();
  }
  arrow::Status Write(const std::shared_ptr<arrow::Buffer>& data) override {
    if (data->size() < kSmall) return Write(data->data(), data->size());
    Add(data);
    return arrow::Status::OK();
  }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return size_; }

  void Write(std::string_view bytes) { Write(bytes.data(), bytes.size()).ok(); }
  // Zeros up to the alignment of frames.
  void Pad() {
    constexpr char kZeros[kFrameAlignment] = {};
    Write({kZeros, static_cast<size_t>(Padded(size_) - size_)});
  }
  void Append(const std::vector<std::shared_ptr<arrow::Buffer>>& pieces) {
    for (const auto& piece : pieces) Add(piece);
  }
  int64_t size() const { return size_; }
  std::vector<std::shared_ptr<arrow::Buffer>> Finish() {
    CloseCopied();
    return std::move(pieces_);
  }

 private:
  static constexpr int64_t kSmall = 512;  // bytes

  void Add(const std::shared_ptr<arrow::Buffer>& piece) {
    CloseCopied();
    pieces_.push_back(piece);
    size_ += piece->size();
  }
  void CloseCopied() {
    if (!copied_.empty()) pieces_.push_back(arrow::Buffer::FromString(std::move(copied_)));
    copied_.clear();
  }

  std::vector<std::shared_ptr<arrow::Buffer>> pieces_;
  std::string copied_;  // of the piece to come
  int64_t size_ = 0;
};

arrow::Status WriteIpc(const arrow::RecordBatch& rows, PieceStream* out) {
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeStreamWriter(out, rows.schema()));
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(rows));
  return writer->Close();
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> FromIpc(std::shared_ptr<arrow::Buffer> bytes) {
  auto in = std::make_shared<arrow::io::BufferReader>(std::move(bytes));
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchStreamReader::Open(in));
  std::shared_ptr<arrow::RecordBatch> rows;
  ARROW_RETURN_NOT_OK(reader->ReadNext(&rows));
  if (rows == nullptr) return arrow::Status::Invalid("no rows");
  ARROW_RETURN_NOT_OK(rows->Validate());
  return rows;
}

absl::Status Malformed(int64_t place, std::string_view what) {
  return absl::DataLossError(fmt::format("the frame at byte {} {}", place, what));
}

absl::Status FindSections(std::string_view segment, int64_t place, int64_t count, FrameInfo* info) {
  int64_t end = info->place + info->length;
  for (int64_t i = 0; i < count; ++i) {
    if (end - place < kSectionHeaderSize) return Malformed(info->place, "ends inside a section");
    uint32_t version = Read<uint32_t>(segment, place);
    int64_t name_size = Read<uint32_t>(segment, place + 4);
    uint64_t ipc_size = Read<uint64_t>(segment, place + 8);
    place += kSectionHeaderSize;
    if (Padded(name_size) > end - place ||
        ipc_size > static_cast<uint64_t>(end - place - Padded(name_size))) {
      return Malformed(info->place, "ends inside a section");
    }
    info->sections.push_back({.table = {std::string(segment.substr(place, name_size)), version},
                              .previous = std::nullopt,
                              .place = place + Padded(name_size),
                              .size = static_cast<int64_t>(ipc_size)});
    place += Padded(name_size) + Padded(ipc_size);
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view View(const arrow::Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(buffer.size())};
}

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string before(kSegmentMagic);
  Append(&before, kFormatVersion);
  std::string after;
  Append(&after, header.number);
  Append(&after, header.salt);
  std::string checksum;
  Append(&checksum, ExtendCrc32c(Crc32c(before), after));
  return before + checksum + after;
}

absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < SegmentHeader::kSize || bytes.substr(0, 8) != kSegmentMagic) {
    return absl::DataLossError("it does not start as a change log segment does");
  }
  uint32_t checksum = ExtendCrc32c(Crc32c(bytes.substr(0, 12)), bytes.substr(16, 16));
  if (Read<uint32_t>(bytes, 12) != checksum) {
    return absl::DataLossError("the checksum of its header is wrong");
  }
  uint32_t version = Read<uint32_t>(bytes, 8);
  if (version < kOldestVersion || version > kFormatVersion) {
    return absl::FailedPreconditionError(fmt::format(
        "its format is version {}, this build knows versions {} to {}; run the build that wrote it",
        version, kOldestVersion, kFormatVersion));
  }
  return SegmentHeader{.number = Read<uint64_t>(bytes, 16), .salt = Read<uint64_t>(bytes, 24)};
}

absl::StatusOr<FrameBytes> EncodeFrame(const ChangeFrame& frame, uint64_t salt, uint64_t sequence) {
  PieceStream sections;
  for (const TableRows& section : frame.sections) {
    PieceStream rows;
    if (arrow::Status status = WriteIpc(*section.rows, &rows); !status.ok()) {
      return absl::InternalError(
          fmt::format("cannot encode rows of {}: {}", section.table.ToString(), status.ToString()));
    }
    std::string header;
    Append(&header, section.table.version);
    Append(&header, static_cast<uint32_t>(section.table.name.size()));
    Append(&header, static_cast<uint64_t>(rows.size()));
    sections.Write(header + section.table.name);
    sections.Pad();
    sections.Append(rows.Finish());
    sections.Pad();
  }
  int64_t more = kCompleteBeforeSize + kPreviousSize * std::ssize(frame.sections);
  FrameBytes bytes{.size = kLeastFrameSize + more + sections.size()};
  std::string header;
  Append(&header, kFrameMagic);
  Append(&header, uint32_t{0});  // checksum
  Append(&header, static_cast<uint64_t>(bytes.size));
  Append(&header, sequence);
  Append(&header, frame.first_position.value());
  Append(&header, frame.position.value());
  Append(&header, frame.clock.value());
  Append(&header, static_cast<uint32_t>(frame.sections.size()));
  Append(&header, static_cast<uint32_t>(more));
  Append(&header, frame.complete_before.value());
  for (const TableRows& section : frame.sections)
    Append(&header, section.previous ? section.previous->value() : kNotKnown);
  bytes.pieces = sections.Finish();
  uint32_t checksum = FrameChecksum(header, salt);
  for (const auto& piece : bytes.pieces) checksum = ExtendCrc32c(checksum, View(*piece));
  std::memcpy(header.data() + 4, &checksum, sizeof(checksum));
  bytes.pieces.insert(bytes.pieces.begin(), arrow::Buffer::FromString(std::move(header)));
  return bytes;
}

int64_t FrameLength(std::string_view start) {
  if (start.size() < kLeastFrameSize) return 0;
  return std::max<int64_t>(0, Read<int64_t>(start, kLengthPlace));
}

absl::StatusOr<FrameInfo> CheckFrame(std::string_view segment, int64_t place, uint64_t salt) {
  uint64_t left = segment.size() - place;
  if (left < kLeastFrameSize) return Malformed(place, "is cut short");
  if (Read<uint32_t>(segment, place) != kFrameMagic) return Malformed(place, "has no frame mark");
  uint64_t length = Read<uint64_t>(segment, place + kLengthPlace);
  if (length > left) return Malformed(place, "is cut short");
  if (length < kLeastFrameSize || length % kFrameAlignment != 0) {
    return Malformed(place, "has an impossible length");
  }
  if (FrameChecksum(segment.substr(place, length), salt) != Read<uint32_t>(segment, place + 4)) {
    return Malformed(place, "has a wrong checksum");
  }
  FrameInfo info{.place = place,
                 .length = static_cast<int64_t>(length),
                 .sequence = Read<uint64_t>(segment, place + 16),
                 .first_position = Offset(Read<int64_t>(segment, place + 24)),
                 .position = Offset(Read<int64_t>(segment, place + 32)),
                 .clock = KnownTime(Read<int64_t>(segment, place + 40))};
  info.complete_before = info.clock;
  auto sections = static_cast<int64_t>(Read<uint32_t>(segment, place + 48));
  auto more = static_cast<int64_t>(Read<uint32_t>(segment, place + 52));
  const int64_t rest = place + kLeastFrameSize;
  const bool has_previous = more == kCompleteBeforeSize + kPreviousSize * sections;
  if ((more != 0 && more != kCompleteBeforeSize && !has_previous) ||
      kLeastFrameSize + more > info.length) {
    return Malformed(place, "has a header of another size");
  }
  if (more != 0) info.complete_before = KnownTime(Read<int64_t>(segment, rest));
  RETURN_IF_ERROR(FindSections(segment, rest + more, sections, &info));
  for (int64_t i = 0; has_previous && i < sections; ++i) {
    auto previous = Read<int64_t>(segment, rest + kCompleteBeforeSize + kPreviousSize * i);
    if (previous != kNotKnown) info.sections[i].previous = Offset(previous);
  }
  return info;
}

absl::StatusOr<ChangeFrame> DecodeFrame(const std::shared_ptr<arrow::Buffer>& segment,
                                        const FrameInfo& info) {
  ChangeFrame frame{.first_position = info.first_position,
                    .position = info.position,
                    .clock = info.clock,
                    .complete_before = info.complete_before};
  for (const FrameInfo::Section& section : info.sections) {
    auto rows = FromIpc(arrow::SliceBuffer(segment, section.place, section.size));
    if (!rows.ok()) {
      return Malformed(info.place, fmt::format("holds no Arrow rows for {}: {}",
                                               section.table.ToString(), rows.status().ToString()));
    }
    frame.sections.push_back({section.table, *std::move(rows), section.previous});
  }
  return frame;
}

}  // namespace forebay
