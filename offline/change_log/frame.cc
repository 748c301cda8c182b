#include "offline/change_log/frame.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "offline/change_log/crc32c.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

static_assert(std::endian::native == std::endian::little, "the log is written little-endian");

constexpr std::string_view kSegmentMagic = "FBCHGLOG";
constexpr uint32_t kFormatVersion = 1;
constexpr uint32_t kFrameMagic = 0x4D524246;  // "FBRM"
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

void Pad(std::string* out) {
  out->resize((out->size() + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment, '\0');
}

int64_t Padded(int64_t size) {
  return (size + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}

uint32_t FrameChecksum(std::string_view frame, uint64_t salt) {
  uint32_t crc = Crc32c({reinterpret_cast<const char*>(&salt), sizeof(salt)});
  return ExtendCrc32c(crc, frame.substr(8));
}

arrow::Result<std::shared_ptr<arrow::Buffer>> ToIpc(const arrow::RecordBatch& rows) {
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::BufferOutputStream::Create());
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeStreamWriter(out, rows.schema()));
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(rows));
  ARROW_RETURN_NOT_OK(writer->Close());
  return out->Finish();
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

absl::Status FindSections(std::string_view segment, uint32_t count, FrameInfo* info) {
  int64_t place = info->place + kFrameHeaderSize;
  int64_t end = info->place + info->length;
  for (uint32_t i = 0; i < count; ++i) {
    if (end - place < kSectionHeaderSize) return Malformed(info->place, "ends inside a section");
    uint32_t version = Read<uint32_t>(segment, place);
    int64_t name_size = Read<uint32_t>(segment, place + 4);
    uint64_t ipc_size = Read<uint64_t>(segment, place + 8);
    place += kSectionHeaderSize;
    if (Padded(name_size) > end - place ||
        ipc_size > static_cast<uint64_t>(end - place - Padded(name_size))) {
      return Malformed(info->place, "ends inside a section");
    }
    info->sections.push_back({.view = {std::string(segment.substr(place, name_size)), version},
                              .place = place + Padded(name_size),
                              .size = static_cast<int64_t>(ipc_size)});
    place += Padded(name_size) + Padded(ipc_size);
  }
  return absl::OkStatus();
}

}  // namespace

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
  if (version != kFormatVersion) {
    return absl::FailedPreconditionError(fmt::format(
        "its format is version {}, this build knows version {}; run the build that wrote it",
        version, kFormatVersion));
  }
  return SegmentHeader{.number = Read<uint64_t>(bytes, 16), .salt = Read<uint64_t>(bytes, 24)};
}

absl::StatusOr<std::string> EncodeFrame(const ChangeFrame& frame, uint64_t salt,
                                        uint64_t sequence) {
  std::string out;
  Append(&out, kFrameMagic);
  Append(&out, uint32_t{0});  // checksum
  Append(&out, uint64_t{0});  // length
  Append(&out, sequence);
  Append(&out, frame.first_position.value());
  Append(&out, frame.position.value());
  Append(&out, frame.clock.value());
  Append(&out, static_cast<uint32_t>(frame.sections.size()));
  Append(&out, uint32_t{0});
  for (const ViewRows& section : frame.sections) {
    auto ipc = ToIpc(*section.rows);
    if (!ipc.ok()) {
      return absl::InternalError(fmt::format("cannot encode rows of view {}: {}", section.view.name,
                                             ipc.status().ToString()));
    }
    Append(&out, section.view.version);
    Append(&out, static_cast<uint32_t>(section.view.name.size()));
    Append(&out, static_cast<uint64_t>((*ipc)->size()));
    out += section.view.name;
    Pad(&out);
    out.append(reinterpret_cast<const char*>((*ipc)->data()), (*ipc)->size());
    Pad(&out);
  }
  uint64_t length = out.size();
  std::memcpy(out.data() + 8, &length, sizeof(length));
  uint32_t checksum = FrameChecksum(out, salt);
  std::memcpy(out.data() + 4, &checksum, sizeof(checksum));
  return out;
}

absl::StatusOr<FrameInfo> CheckFrame(std::string_view segment, int64_t place, uint64_t salt) {
  uint64_t left = segment.size() - place;
  if (left < kFrameHeaderSize) return Malformed(place, "is cut short");
  if (Read<uint32_t>(segment, place) != kFrameMagic) return Malformed(place, "has no frame mark");
  uint64_t length = Read<uint64_t>(segment, place + 8);
  if (length > left) return Malformed(place, "is cut short");
  if (length < kFrameHeaderSize || length % kFrameAlignment != 0) {
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
  RETURN_IF_ERROR(FindSections(segment, Read<uint32_t>(segment, place + 48), &info));
  return info;
}

absl::StatusOr<ChangeFrame> DecodeFrame(const std::shared_ptr<arrow::Buffer>& segment,
                                        const FrameInfo& info) {
  ChangeFrame frame{
      .first_position = info.first_position, .position = info.position, .clock = info.clock};
  for (const FrameInfo::Section& section : info.sections) {
    auto rows = FromIpc(arrow::SliceBuffer(segment, section.place, section.size));
    if (!rows.ok()) {
      return Malformed(info.place, fmt::format("holds no Arrow rows for view {}: {}",
                                               section.view.name, rows.status().ToString()));
    }
    frame.sections.push_back({section.view, *std::move(rows)});
  }
  return frame;
}

}  // namespace forebay
