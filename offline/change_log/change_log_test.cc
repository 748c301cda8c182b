#include "offline/change_log/change_log.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "offline/change_log/change_rows.h"
#include "offline/change_log/file_size_limit.h"
#include "offline/change_log/segment.h"
#include "schemas/types/crc32c.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(Crc32c, HasThePublishedValues) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(ExtendCrc32c(Crc32c("1234"), "56789"), 0xE3069283u);
}

// Long bytes go another way than short ones.
TEST(Crc32c, IsTheSameInOnePieceAsInMany) {
  std::string bytes;
  for (uint32_t i = 0, x = 1; i < 20'000; ++i) {
    x = x * 1'664'525 + 1'013'904'223;
    bytes += static_cast<char>(x >> 24);
  }
  for (size_t size : {3'071, 3'072, 3'073, 6'144, 20'000}) {
    uint32_t crc = 0;
    for (size_t i = 0; i < size; ++i) crc = ExtendCrc32c(crc, bytes.substr(i, 1));
    EXPECT_EQ(Crc32c(std::string_view(bytes).substr(0, size)), crc) << size;
  }
}

std::string Joined(const FrameBytes& bytes) {
  std::string joined;
  for (const auto& piece : bytes.pieces) joined += piece->ToString();
  EXPECT_EQ(static_cast<int64_t>(joined.size()), bytes.size);
  return joined;
}

class ChangeLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "change_log_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  ChangeFrame Frame(int64_t position) {
    std::vector<TestRow> rows = {
        {.offset = position - 1, .key = "a", .effective_time = position, .total = 1.5},
        {.offset = position, .key = "b", .effective_time = position, .country = "Čad"}};
    return {.first_position = Offset(position - 1),
            .position = Offset(position),
            .clock = KnownTime(position * 10),
            .complete_before = KnownTime(position * 10 - 5),
            .sections = {{{"spend", 1}, TestRows(project_, rows), Offset(position - 2)},
                         {{"visits", 2}, TestRows(project_, {rows[1]}, 1)}}};
  }

  // Commits frames at these positions; the log stays open.
  std::unique_ptr<ChangeLog> Write(const std::vector<int64_t>& positions) {
    auto log = ChangeLog::Open(folder_).value();
    for (int64_t position : positions) {
      EXPECT_EQ(log->Append(Frame(position)), absl::OkStatus());
      EXPECT_EQ(log->Sync(), absl::OkStatus());
    }
    return log;
  }

  static absl::StatusOr<std::vector<ChangeFrame>> ReadFrames(const std::string& path) {
    absl::StatusOr<FrameReader> reader = FrameReader::Open(path);
    if (!reader.ok()) return reader.status();
    std::vector<ChangeFrame> frames;
    while (true) {
      absl::StatusOr<std::optional<ChangeFrame>> frame = reader->Next();
      if (!frame.ok()) return frame.status();
      if (!frame->has_value()) return frames;
      frames.push_back(**std::move(frame));
    }
  }

  // As of a version before the third.
  static ChangeFrame WithoutPrevious(ChangeFrame frame) {
    for (TableRows& section : frame.sections) section.previous.reset();
    return frame;
  }

  // The positions of all rows found when the log is opened anew; every row is compared.
  absl::StatusOr<std::vector<int64_t>> Reopen() {
    auto log = ChangeLog::Open(folder_);
    if (!log.ok()) return log.status();
    std::vector<int64_t> positions;
    for (const ClosedSegment& closed : (*log)->closed()) {
      auto segment = ReadSegment(closed.path, false);
      if (!segment.ok()) return segment.status();
      auto frames = DecodeFrames(*segment);
      if (!frames.ok()) return frames.status();
      for (const ChangeFrame& frame : *frames) {
        ExpectEqual(frame, Frame(frame.position.value()));
        positions.push_back(frame.position.value());
      }
    }
    return positions;
  }

  static void ExpectEqual(const ChangeFrame& got, const ChangeFrame& want) {
    EXPECT_EQ(got.first_position, want.first_position);
    EXPECT_EQ(got.position, want.position);
    EXPECT_EQ(got.clock, want.clock);
    EXPECT_EQ(got.complete_before, want.complete_before);
    ASSERT_EQ(got.sections.size(), want.sections.size());
    for (size_t i = 0; i < want.sections.size(); ++i) {
      EXPECT_EQ(got.sections[i].table, want.sections[i].table);
      EXPECT_EQ(got.sections[i].previous, want.sections[i].previous);
      EXPECT_TRUE(got.sections[i].rows->Equals(*want.sections[i].rows));
    }
  }

  std::string OnlySegment() const {
    std::string path;
    for (const auto& entry : fs::directory_iterator(folder_)) path = entry.path();
    return path;
  }

  static std::string Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void Overwrite(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  static void PutByte(const std::string& path, size_t place, char byte) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(place).put(byte);
  }

  std::string folder_;
  v1::Project project_ = TestProject();
};

using Positions = std::vector<int64_t>;

TEST_F(ChangeLogTest, GivesBackWhatWasSynced) {
  Write({2, 4, 6});
  EXPECT_EQ(Reopen().value(), (Positions{2, 4, 6}));
  auto log = ChangeLog::Open(folder_).value();
  EXPECT_EQ(log->recovered_clock(), KnownTime(60));
  EXPECT_EQ(log->recovered_rows(),
            (std::map<TableId, std::vector<RowRun>>{{{"spend", 1}, {{Offset(0), Offset(6)}}},
                                                    {{"visits", 2}, {{std::nullopt, Offset(6)}}}}));
}

TEST_F(ChangeLogTest, TellsWhereASegmentLacks) {
  Write({2});
  Write({4});
  std::string second = folder_ + "/00000000000000000002.log";
  ASSERT_TRUE(fs::exists(second));
  Write({6});
  fs::remove(second);
  auto log = ChangeLog::Open(folder_).value();
  EXPECT_EQ(log->recovered_rows().at({"spend", 1}),
            (std::vector<RowRun>{{Offset(0), Offset(2)}, {Offset(4), Offset(6)}}));
}

TEST_F(ChangeLogTest, IsForThisUserAlone) {
  auto log = Write({1});
  EXPECT_EQ(fs::status(folder_).permissions(), fs::perms::owner_all);
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }
}

TEST_F(ChangeLogTest, WritesOnInANewSegmentAfterItIsOpenedAgain) {
  Write({2});
  Write({4});
  Write({6});
  EXPECT_EQ(Reopen().value(), (Positions{2, 4, 6}));
  EXPECT_EQ(ChangeLog::Open(folder_).value()->closed().size(), 3u);
}

TEST_F(ChangeLogTest, ReadsAClosedSegmentWhileItWritesTheNext) {
  auto log = Write({2, 4});
  log->Rotate();
  ASSERT_TRUE(log->Append(Frame(6)).ok());
  ASSERT_TRUE(log->Sync().ok());
  ASSERT_EQ(log->closed().size(), 1u);
  auto frames = ReadFrames(log->closed()[0].path).value();
  ASSERT_EQ(frames.size(), 2u);
  ExpectEqual(frames[0], Frame(2));
  ExpectEqual(frames[1], Frame(4));
}

TEST_F(ChangeLogTest, AChangedOrLackingByteOfAClosedSegmentIsDataLoss) {
  Write({2, 4});
  std::string path = OnlySegment();
  const std::string whole = Read(path);
  for (size_t place = 0; place < whole.size(); place += 11) {
    PutByte(path, place, whole[place] ^ (1 << (place % 8)));
    absl::Status status = ReadFrames(path).status();
    ASSERT_TRUE(absl::IsDataLoss(status)) << place << status;
    ASSERT_THAT(std::string(status.message()), HasSubstr(path));
    PutByte(path, place, whole[place]);
  }
  for (size_t size = SegmentHeader::kSize + 1; size < whole.size(); size += 37) {
    Overwrite(path, whole.substr(0, size));
    auto frames = ReadFrames(path);
    bool between_frames = frames.ok() && frames->size() == 1;
    ASSERT_TRUE(between_frames || absl::IsDataLoss(frames.status())) << size << frames.status();
  }
}

TEST_F(ChangeLogTest, ForgetsDeletedSegmentsOnly) {
  auto log = Write({2, 4});
  log->Rotate();
  auto flushed = log->closed();
  ASSERT_TRUE(log->Append(Frame(6)).ok());
  ASSERT_TRUE(log->Sync().ok());
  ASSERT_TRUE(log->Delete(flushed).ok());
  EXPECT_TRUE(log->closed().empty());
  log.reset();
  EXPECT_EQ(Reopen().value(), (Positions{6}));
}

TEST_F(ChangeLogTest, CutsATailTornAnywhere) {
  Write({2, 4});
  std::string path = OnlySegment();
  size_t two = fs::file_size(path);
  fs::remove_all(folder_);
  Write({2, 4, 6});
  path = OnlySegment();
  std::string whole = Read(path);
  for (size_t size = two; size < whole.size(); size += 37) {
    Overwrite(path, whole.substr(0, size));
    ASSERT_EQ(Reopen().value(), (Positions{2, 4})) << size;
    ASSERT_EQ(fs::file_size(path), two);
  }
  Overwrite(path, whole + std::string(100, '\0'));
  EXPECT_EQ(Reopen().value(), (Positions{2, 4, 6}));
}

TEST_F(ChangeLogTest, AChangedByteLosesTheLastFrameOrStopsButNeverGivesWrongRows) {
  Write({2, 4});
  size_t two = fs::file_size(OnlySegment());
  fs::remove_all(folder_);
  Write({2, 4, 6});
  std::string path = OnlySegment();
  const std::string whole = Read(path);
  for (size_t place = 0; place < whole.size(); ++place) {
    if (place > 0) PutByte(path, place - 1, whole[place - 1]);
    PutByte(path, place, whole[place] ^ (1 << (place % 8)));
    absl::StatusOr<Segment> segment = ReadSegment(path, /*torn_tail_allowed=*/true);
    if (place < two) {
      ASSERT_TRUE(absl::IsDataLoss(segment.status())) << place << segment.status();
      continue;
    }
    ASSERT_TRUE(segment.ok()) << place << segment.status();
    ASSERT_EQ(segment->valid_size, static_cast<int64_t>(two)) << place;
    ASSERT_EQ(segment->frames.size(), 2u) << place;
    ASSERT_TRUE(absl::IsDataLoss(ReadSegment(path, /*torn_tail_allowed=*/false).status()));
  }
}

TEST_F(ChangeLogTest, OpeningADamagedLogLeavesItAsItIs) {
  Write({2, 4});
  std::string path = OnlySegment();
  std::string damaged = Read(path);
  damaged[100] ^= 1;
  Overwrite(path, damaged);
  EXPECT_TRUE(absl::IsDataLoss(Reopen().status()));
  EXPECT_EQ(Read(path), damaged);
}

TEST_F(ChangeLogTest, ATornTailOfAnOlderSegmentIsDataLoss) {
  Write({2, 4});
  std::string older = OnlySegment();
  Write({6});
  fs::resize_file(older, fs::file_size(older) - 1);
  absl::Status status = Reopen().status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(older));
  EXPECT_THAT(std::string(status.message()), HasSubstr("restore this file from a copy"));
}

TEST_F(ChangeLogTest, BytesOfAFrameInsideARowAreNoFrame) {
  // A frame whose key holds a whole frame, and is torn: what is inside must not count as a frame.
  std::string inner = Joined(EncodeFrame(Frame(4), /*salt=*/0, /*sequence=*/1).value());
  for (int shift = 0; shift < 8; ++shift) {
    fs::remove_all(folder_);
    auto log = Write({2});
    ChangeFrame outer = Frame(4);
    outer.sections[0].rows = TestRows(
        project_, {{.offset = 4, .key = std::string(shift, 'x') + inner, .effective_time = 1}});
    ASSERT_TRUE(log->Append(outer).ok());
    ASSERT_TRUE(log->Sync().ok());
    log.reset();
    fs::resize_file(OnlySegment(), fs::file_size(OnlySegment()) - 1);
    ASSERT_EQ(Reopen().value(), (Positions{2}));
  }
}

TEST_F(ChangeLogTest, ANewerFormatIsRefusedAndLeftAlone) {
  Write({2});
  std::string path = OnlySegment();
  std::string bytes = Read(path);
  bytes[8] = 5;
  uint32_t checksum = ExtendCrc32c(Crc32c(bytes.substr(0, 12)), bytes.substr(16, 16));
  bytes.replace(12, 4, reinterpret_cast<const char*>(&checksum), 4);
  Overwrite(path, bytes);
  EXPECT_TRUE(absl::IsFailedPrecondition(Reopen().status())) << Reopen().status();
  EXPECT_EQ(Read(path), bytes);
}

// Written by builds that knew no later version; a frame for each of the positions 2 and 4.
TEST_F(ChangeLogTest, ReadsEarlierVersions) {
  for (int version : {1, 2, 3}) {
    SCOPED_TRACE(version);
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    fs::copy(
        fmt::format("{}/offline/change_log/testdata/version_{}.log", FOREBAY_SOURCE_DIR, version),
        folder_ + "/00000000000000000001.log");
    auto log = ChangeLog::Open(folder_).value();
    auto frames = ReadFrames(log->closed().at(0).path).value();
    ASSERT_EQ(frames.size(), 2u);
    for (const ChangeFrame& frame : frames) {
      ChangeFrame want = Frame(frame.position.value());
      if (version < 3) want = WithoutPrevious(std::move(want));
      if (version == 1) want.complete_before = want.clock;
      ExpectEqual(frame, want);
    }
    std::optional<Offset> previous;
    if (version >= 3) previous = Offset(0);
    EXPECT_EQ(log->recovered_rows().at({"spend", 1}), (std::vector<RowRun>{{previous, Offset(4)}}));
    EXPECT_EQ(log->Append(Frame(6)), absl::OkStatus());
    EXPECT_EQ(log->Sync(), absl::OkStatus());
    EXPECT_EQ(frames.back().position, Offset(4));
  }
}

// The disk refuses bytes in the middle of a frame; a file size limit stands in for a full disk.
TEST_F(ChangeLogTest, AFailedAppendLosesNothingAndCanBeTriedAgain) {
  auto log = Write({2, 4});
  absl::Status status;
  {
    FileSizeLimit full(static_cast<int64_t>(fs::file_size(OnlySegment())) + 100);
    status = log->Append(Frame(6));
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder_));
  EXPECT_EQ(Reopen().value(), (Positions{2, 4}));
  ASSERT_EQ(log->Append(Frame(6)), absl::OkStatus());
  ASSERT_EQ(log->Sync(), absl::OkStatus());
  log.reset();
  EXPECT_EQ(Reopen().value(), (Positions{2, 4, 6}));
}

TEST_F(ChangeLogTest, RemovesWhatAnUnfinishedStartOfASegmentLeft) {
  Write({2});
  std::string leftover = folder_ + "/00000000000000000002.log.AbCdEf";
  Overwrite(leftover, "FBCH");
  EXPECT_EQ(Reopen().value(), (Positions{2}));
  EXPECT_FALSE(fs::exists(leftover));
}

}  // namespace
}  // namespace forebay
