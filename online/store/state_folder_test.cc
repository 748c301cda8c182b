#include "online/store/state_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "online/store/store_testing.h"

namespace forebay {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

std::string Read(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void Write(const std::filesystem::path& file, std::string_view text) {
  std::ofstream(file) << text;
}

// The status of opening `path` for "fraud", by another process.
std::string OpenElsewhere(const std::filesystem::path& path) {
  int channel[2];
  if (pipe(channel) != 0) return "no pipe";
  pid_t child = fork();
  if (child == 0) {
    std::string message(OpenStateFolder(path, "fraud").status().message());
    _exit(write(channel[1], message.data(), message.size()) < 0 ? 1 : 0);
  }
  close(channel[1]);
  std::string message;
  char buffer[512];
  for (ssize_t n; (n = read(channel[0], buffer, sizeof(buffer))) > 0;) message.append(buffer, n);
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return message;
}

TEST(StateFolder, IsMadeOnceAndKeepsItsIdentity) {
  TemporaryFolder temporary;
  std::filesystem::path path = temporary.path() / "a" / "state";
  std::string uuid;
  {
    absl::StatusOr<StateFolder> folder = OpenStateFolder(path, "fraud");
    ASSERT_TRUE(folder.ok()) << folder.status();
    EXPECT_EQ(folder->path(), path);
    uuid = folder->identity().uuid;
  }
  EXPECT_THAT(uuid, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                 "[0-9a-f]{12}"));
  std::string text = Read(path / "FORMAT");
  EXPECT_EQ(text, fmt::format("{{\n  \"product\": \"forebay\",\n  \"format_version\": 1,\n  "
                              "\"project\": \"fraud\",\n  \"uuid\": \"{}\"\n}}\n",
                              uuid));
  EXPECT_EQ(OpenStateFolder(path, "fraud")->identity().uuid, uuid);
  EXPECT_EQ(Read(path / "FORMAT"), text);
}

std::filesystem::perms ModeOf(const std::filesystem::path& path) {
  return std::filesystem::status(path).permissions() & std::filesystem::perms::all;
}

TEST(StateFolder, IsForThisUserAlone) {
  using std::filesystem::perms;
  TemporaryFolder temporary;
  std::filesystem::path path = temporary.path() / "a" / "state";
  {
    absl::StatusOr<StateFolder> folder = OpenStateFolder(path, "fraud");
    ASSERT_TRUE(folder.ok()) << folder.status();
    EXPECT_TRUE(folder->is_private());
  }
  EXPECT_EQ(ModeOf(path), perms::owner_all);
  EXPECT_EQ(ModeOf(path / "FORMAT"), perms::owner_read | perms::owner_write);
  EXPECT_EQ(ModeOf(path / "LOCK"), perms::owner_read | perms::owner_write);

  // As older versions made it; and not where it is somebody else's.
  std::filesystem::permissions(path, perms(0755));
  EXPECT_FALSE(OpenStateFolder(path, "churn").ok());
  EXPECT_EQ(ModeOf(path), perms(0755));
  EXPECT_TRUE(OpenStateFolder(path, "fraud").ok());
  EXPECT_EQ(ModeOf(path), perms::owner_all);
}

TEST(StateFolder, OfAnotherProjectIsRefused) {
  TemporaryFolder temporary;
  ASSERT_TRUE(OpenStateFolder(temporary.path(), "fraud").ok());
  absl::Status status = OpenStateFolder(temporary.path(), "flights").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            fmt::format("the state folder {} belongs to project fraud, not to flights: set another "
                        "state folder in forebay.yaml",
                        temporary.path().string()));
}

TEST(StateFolder, OfANewerFormatIsRefused) {
  TemporaryFolder temporary;
  Write(temporary.path() / "FORMAT",
        R"({"product": "forebay", "format_version": 2, "project": "fraud", "more": []})");
  absl::Status status = OpenStateFolder(temporary.path(), "fraud").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("upgrade forebay"));
}

TEST(StateFolder, WithADamagedFormatIsDataLoss) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"product": "other", "format_version": 1})",
        R"({"product": "forebay", "format_version": "1", "project": "fraud"})"}) {
    TemporaryFolder temporary;
    Write(temporary.path() / "FORMAT", text);
    absl::Status status = OpenStateFolder(temporary.path(), "fraud").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("delete the folder")) << text;
  }
}

TEST(StateFolder, InUseNamesTheProcessThatHoldsIt) {
  TemporaryFolder temporary;
  {
    absl::StatusOr<StateFolder> folder = OpenStateFolder(temporary.path(), "fraud");
    ASSERT_TRUE(folder.ok()) << folder.status();
    StateFolder moved = *std::move(folder);
    EXPECT_EQ(OpenElsewhere(temporary.path()),
              fmt::format("the state folder {} is in use by another worker, process {}: stop that "
                          "one first; each worker has a state folder of its own",
                          temporary.path().string(), getpid()));
  }
  EXPECT_EQ(OpenElsewhere(temporary.path()), "");
}

TEST(StateFolder, FilesOfSomebodyElseAreRefused) {
  TemporaryFolder temporary;
  Write(temporary.path() / "thesis.txt", "mine");
  absl::Status status = OpenStateFolder(temporary.path(), "fraud").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("it holds thesis.txt but no FORMAT file"));
}

TEST(StateFolder, APlaceThatCannotBeWrittenIsRefused) {
  for (const char* path : {"/proc/forebay", "/dev/null/state"}) {
    absl::Status status = OpenStateFolder(path, "fraud").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
    EXPECT_THAT(std::string(status.message()), HasSubstr("set another state folder")) << status;
  }
}

TEST(StateFolder, OutlivesACrashWhileItWasMade) {
  TemporaryFolder temporary;
  Write(temporary.path() / "LOCK", "");
  Write(temporary.path() / "FORMAT.new", "{\"prod");
  EXPECT_TRUE(OpenStateFolder(temporary.path(), "fraud").ok());
  EXPECT_TRUE(OpenStateFolder(temporary.path(), "fraud").ok());
}

TEST(StateFolder, WithAnUnfinishedResetIsOnlyForTheNextReset) {
  TemporaryFolder temporary;
  std::vector<std::string> what = {"spend@1", "visits@12"};
  ASSERT_TRUE(OpenStateFolder(temporary.path(), "fraud")->BeginReset(what).ok());
  absl::Status status = OpenStateFolder(temporary.path(), "fraud").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("run `forebay reset spend@1 visits@12` again"));
  EXPECT_EQ(ReadUnfinishedReset(temporary.path()).value(), what);
  {
    auto folder = OpenStateFolder(temporary.path(), "fraud", UnfinishedReset::kTakeUp);
    ASSERT_TRUE(folder.ok()) << folder.status();
    ASSERT_TRUE(folder->EndReset().ok());
  }
  EXPECT_TRUE(OpenStateFolder(temporary.path(), "fraud").ok());
  EXPECT_TRUE(ReadUnfinishedReset(temporary.path()).value().empty());
}

TEST(StateFolder, KnowsTheViewsThatRanHereForEver) {
  TemporaryFolder temporary;
  const ViewId spend{"spend", 1}, visits{"visits", 2};
  auto folder = OpenStateFolder(temporary.path(), "fraud");
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_TRUE(folder->CheckViews({{spend, "where=1"}}).ok());
  ASSERT_TRUE(folder->KeepViews({{spend, "where=1"}}).ok());
  ASSERT_TRUE(folder->KeepViews({{visits, "where=2"}}).ok());  // spend is gone
  EXPECT_TRUE(folder->CheckViews({{spend, "where=1"}, {visits, "where=2"}}).ok());
  absl::Status changed = folder->CheckViews({{spend, "where=3"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(changed));
  EXPECT_THAT(std::string(changed.message()),
              HasSubstr("view spend version 1 was changed (where)"));
  ASSERT_TRUE(folder->ForgetViews({spend}).ok());
  EXPECT_TRUE(folder->CheckViews({{spend, "where=3"}}).ok());
  EXPECT_FALSE(folder->CheckViews({{visits, "where=3"}}).ok());
  Write(temporary.path() / "VIEWS", "{\"visits@2\": 5}");
  EXPECT_TRUE(absl::IsDataLoss(folder->CheckViews({})));
}

TEST(StateFolder, ClearedIsAsNew) {
  TemporaryFolder temporary;
  {
    auto folder = OpenStateFolder(temporary.path(), "fraud");
    ASSERT_TRUE(folder.ok()) << folder.status();
    std::filesystem::create_directories(temporary.path() / "transactions-3" / "store");
    ASSERT_TRUE(folder->KeepViews({{{"spend", 1}, "where=1"}}).ok());
    ASSERT_TRUE(folder->BeginReset({"--all"}).ok());
    ASSERT_TRUE(folder->Clear().ok());
  }
  EXPECT_TRUE(ListTasks(temporary.path()).value().empty());
  EXPECT_TRUE(OpenStateFolder(temporary.path(), "flights").ok());
}

TEST(StateFolder, ClearedKeepsFilesOfSomebodyElse) {
  TemporaryFolder temporary;
  {
    auto folder = OpenStateFolder(temporary.path(), "fraud");
    ASSERT_TRUE(folder.ok()) << folder.status();
    Write(temporary.path() / "thesis.txt", "mine");
    ASSERT_TRUE(folder->Clear().ok());
  }
  EXPECT_EQ(Read(temporary.path() / "thesis.txt"), "mine");
  EXPECT_TRUE(OpenStateFolder(temporary.path(), "fraud").ok());
}

TEST(StateFolder, ListsTheTasksThatHaveAFolder) {
  TemporaryFolder temporary;
  TaskId with_dash{"a-1", PartitionId(20)};
  TaskId plain{"transactions", PartitionId(3)};
  for (const TaskId& task : {plain, with_dash}) {
    std::filesystem::create_directories(TaskFolder(temporary.path(), task));
  }
  std::filesystem::create_directories(temporary.path() / "no-number-x");
  std::filesystem::create_directories(temporary.path() / "plain");
  Write(temporary.path() / "file-1", "");
  EXPECT_EQ(ListTasks(temporary.path()).value(), (std::vector<TaskId>{with_dash, plain}));
}

}  // namespace
}  // namespace forebay
