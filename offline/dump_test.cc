#include "offline/dump.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "offline/change_log/change_log.h"
#include "offline/change_log/change_rows.h"

namespace forebay {
namespace {

TEST(Dump, ShowsFramesAndRowsOfAChangeLog) {
  std::string folder = ::testing::TempDir() + "dump_test";
  std::filesystem::remove_all(folder);
  v1::Project project = TestProject();
  auto log = ChangeLog::Open(folder).value();
  auto rows = TestRows(project, {{.offset = 7, .key = "a\"", .effective_time = 1, .total = 1.5}});
  ASSERT_TRUE(
      log->Append({.first_position = Offset(7),
                   .position = Offset(9),
                   .clock = KnownTime(1'000'000),
                   .complete_before = KnownTime(2),
                   .sections = {{{"spend", 1}, rows}, {TableId::OfEvents("payments"), rows}}})
          .ok());
  ASSERT_TRUE(log->Sync().ok());
  std::ostringstream out;
  ASSERT_EQ(DumpChangeLog(folder, &out), absl::OkStatus());
  std::string path = folder + "/00000000000000000001.log";
  int64_t size = std::filesystem::file_size(path);
  std::string hash = std::to_string(static_cast<int64_t>(std::hash<std::string>{}("a\"")));
  std::string time = "\"1970-01-01T00:00:00.000001Z\"";
  std::string row =
      "\"user_id\":\"a\\\"\",\"total\":1.5,\"events\":0,\"last_country\":null,\"_effective_"
      "time\":" +
      time + ",\"_event_time\":" + time + ",\"_known_time\":" + time +
      ",\"_op\":\"event\",\"_key_hash\":" + hash +
      ",\"_source_partition\":0,\"_source_offset\":7,\"_ordinal\":0,\"_view_version\":1}\n";
  EXPECT_EQ(out.str(),
            "{\"segment\":\"" + path +
                "\",\"number\":1,\"frames\":1,\"bytes\":" + std::to_string(size) +
                "}\n{\"frame\":0,\"place\":32,\"bytes\":" + std::to_string(size - 32) +
                ",\"first_position\":7,\"position\":9,\"clock\":\"1970-01-01T00:00:01.000000Z\","
                "\"complete_before\":\"1970-01-01T00:00:00.000002Z\"}\n"
                "{\"view\":\"spend\",\"version\":1," +
                row + "{\"archive\":\"payments\"," + row);
  EXPECT_TRUE(absl::IsNotFound(DumpChangeLog(folder + "/none", &out)));
}

}  // namespace
}  // namespace forebay
