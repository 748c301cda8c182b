#include "catalog/catalog_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "catalog/catalog_key.h"
#include "catalog/catalog_watch.h"
#include "connectors/object_store/testing/s3_server.h"
#include "forebay/v1/catalog.pb.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FixedClock final : public Clock {
 public:
  KnownTime Now() const override { return KnownTime(1'700'000'000'000'000); }
};

v1::CatalogChange Alias(const std::string& model, uint32_t version) {
  v1::CatalogChange change;
  v1::ModelAlias* alias = change.mutable_object()->mutable_alias();
  alias->set_model(model);
  alias->set_alias("champion");
  alias->set_version(version);
  change.set_key(KeyOf(change.object()));
  return change;
}

uint32_t VersionOf(const CatalogState& state, const std::string& model) {
  const v1::CatalogObject* object = state.Find(AliasKey(model, "champion"));
  return object == nullptr ? 0 : object->alias().version();
}

// Counts up the alias of a model.
CatalogLog::Decide Next(const std::string& model) {
  return [model](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
    return CatalogLog::Changes{Alias(model, VersionOf(now, model) + 1)};
  };
}

class CatalogLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "catalog_log_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  CatalogLog Open() const {
    return CatalogLog(OpenObjectStore(StoreUri::Folder(folder_)), "shop",
                      {.by = "ann@here", .command = "promote", .revision = "1f3a"}, &clock_);
  }
  fs::path FileOf(const std::string& name) const {
    return fs::path(folder_) / "_catalog" / "shop" / name;
  }
  fs::path CommitFile(int version) const {
    return FileOf(std::string(19, '0') + std::to_string(version) + ".json");
  }
  static std::string Read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void Write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

  FixedClock clock_;
  std::string folder_;
};

TEST_F(CatalogLogTest, IsEmptyBeforeTheFirstCommit) {
  auto state = Open().Load();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ((*state)->version(), 0);
  EXPECT_TRUE((*state)->objects().empty());
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(CatalogLogTest, ACommitIsSeenByOthersWithWhoAndWhen) {
  CatalogLog log = Open();
  auto before = log.Load().value();
  ASSERT_EQ(log.Commit(Next("fraud")).status(), absl::OkStatus());
  ASSERT_EQ(log.Commit(Next("fraud")).status(), absl::OkStatus());
  CatalogLog other = Open();
  auto state = other.Refresh(before).value();
  EXPECT_EQ(state->version(), 2);
  EXPECT_EQ(VersionOf(*state, "fraud"), 2u);
  EXPECT_EQ(state->commit().by(), "ann@here");
  EXPECT_EQ(state->commit().revision(), "1f3a");
  EXPECT_EQ(state->commit().time_us(), 1'700'000'000'000'001) << "later than the one before";
  EXPECT_EQ(other.Refresh(state).value(), state) << "there is no newer one";
  EXPECT_EQ(other.ReadCommit(2)->command(), "promote");
}

TEST_F(CatalogLogTest, NothingToChangeIsNoCommit) {
  CatalogLog log = Open();
  auto nothing = [](const CatalogState&) { return CatalogLog::Changes(); };
  EXPECT_EQ(log.Commit(nothing).value()->version(), 0);
  auto refused = log.Commit([](const CatalogState&) -> absl::StatusOr<CatalogLog::Changes> {
    return absl::AbortedError("somebody was faster");
  });
  EXPECT_EQ(refused.status(), absl::AbortedError("somebody was faster"));
  EXPECT_EQ(log.Load().value()->version(), 0);
}

TEST_F(CatalogLogTest, OfTwoAfterTheSameVersionTheSecondIsDecidedAnew) {
  CatalogLog log = Open();
  auto known = log.Commit(Next("fraud")).value();
  std::vector<uint32_t> seen;
  auto decide = [&](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
    seen.push_back(VersionOf(now, "fraud"));
    if (seen.size() == 1) {
      EXPECT_TRUE(Open().Commit(Next("fraud")).ok());
    }
    return CatalogLog::Changes{Alias("fraud", 10 * seen.back())};
  };
  auto after = log.CommitAfter(known, decide).value();
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 2));
  EXPECT_EQ(after->version(), 3);
  EXPECT_EQ(VersionOf(*after, "fraud"), 20u);
}

TEST_F(CatalogLogTest, ConcurrentCommitsAreAllThereOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      CatalogLog log = Open();
      for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(log.Commit(Next(t < 2 ? "fraud" : "churn")).status(), absl::OkStatus());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  auto state = Open().Load().value();
  EXPECT_EQ(state->version(), 80);
  EXPECT_EQ(VersionOf(*state, "fraud"), 40u);
  EXPECT_EQ(VersionOf(*state, "churn"), 40u);
}

TEST_F(CatalogLogTest, CheckpointsSayWhatTheCommitsSay) {
  CatalogLog log = Open();
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(log.Commit(Next("model" + std::to_string(i % 7))).status(), absl::OkStatus());
  }
  const auto whole = log.Load().value();
  const std::string text = whole->ToCheckpoint().SerializeAsString();
  const fs::path checkpoint = FileOf("00000000000000000032.checkpoint.json");
  ASSERT_TRUE(fs::exists(checkpoint));
  fs::rename(CommitFile(3), FileOf("away"));  // read from the checkpoint on
  EXPECT_EQ(Open().Load().value()->ToCheckpoint().SerializeAsString(), text);
  fs::rename(FileOf("away"), CommitFile(3));
  Write(checkpoint, Read(checkpoint).substr(0, 100));  // else from the first commit on
  EXPECT_EQ(Open().Load().value()->ToCheckpoint().SerializeAsString(), text);
  fs::remove(checkpoint);
  EXPECT_EQ(Open().Load().value()->ToCheckpoint().SerializeAsString(), text);
}

TEST_F(CatalogLogTest, ACommitThatIsTornOrChangedIsNeverHalfRead) {
  CatalogLog log = Open();
  ASSERT_EQ(log.Commit(Next("fraud")).status(), absl::OkStatus());
  auto known = log.Load().value();
  ASSERT_EQ(log.Commit(Next("fraud")).status(), absl::OkStatus());
  const std::string whole = Read(CommitFile(2));
  for (size_t size = 0; size < whole.size(); ++size) {
    Write(CommitFile(2), whole.substr(0, size));
    absl::Status status = Open().Load().status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << size << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("00000000000000000002.json"));
    EXPECT_TRUE(absl::IsDataLoss(log.CommitAfter(known, Next("fraud")).status()));
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] ^= 1;
    Write(CommitFile(2), changed);
    EXPECT_TRUE(absl::IsDataLoss(Open().Load().status())) << at;
  }
  Write(CommitFile(2), whole);
  EXPECT_EQ(VersionOf(*Open().Load().value(), "fraud"), 2u);
}

TEST_F(CatalogLogTest, SaysWhichCommitIsMissing) {
  CatalogLog log = Open();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(log.Commit(Next("fraud")).ok());
  fs::remove(CommitFile(2));
  absl::Status status = Open().Load().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("00000000000000000002.json is missing"));
}

TEST_F(CatalogLogTest, AWatchTellsOfNewerStatesAndOnceOfAnError) {
  CatalogLog log = Open();
  auto known = log.Commit(Next("fraud")).value();
  absl::Mutex mutex;
  std::vector<int64_t> versions;
  int failures = 0, recoveries = 0;
  CatalogWatch watch(Open(), known, absl::Milliseconds(1),
                     {.changed =
                          [&](const CatalogLog::State& state) {
                            absl::MutexLock lock(&mutex);
                            versions.push_back(state->version());
                          },
                      .failed =
                          [&](const absl::Status&) {
                            absl::MutexLock lock(&mutex);
                            ++failures;
                          },
                      .recovered =
                          [&] {
                            absl::MutexLock lock(&mutex);
                            ++recoveries;
                          }});
  auto until = [&](auto condition) {
    absl::MutexLock lock(&mutex);
    return mutex.AwaitWithTimeout(absl::Condition(&condition), absl::Seconds(30));
  };
  ASSERT_TRUE(log.Commit(Next("fraud")).ok());
  EXPECT_TRUE(until([&] { return versions == std::vector<int64_t>{2}; }));
  Write(CommitFile(3), "no commit");
  EXPECT_TRUE(until([&] { return failures == 1; }));
  fs::remove(CommitFile(3));
  ASSERT_TRUE(log.Commit(Next("fraud")).ok());
  EXPECT_TRUE(until([&] { return versions == std::vector<int64_t>{2, 3}; }));
  absl::MutexLock lock(&mutex);
  EXPECT_EQ(failures, 1) << "said once";
  EXPECT_EQ(recoveries, 1);
}

TEST(CatalogLogS3Test, AnAnswerThatIsLostIsNoSecondCommit) {
  S3Server& server = S3Server::Get();
  server.MakeBucket("catalog");
  FixedClock clock;
  CatalogLog log(
      OpenObjectStore(StoreUri::Parse("s3://catalog/warehouse").value(), server.Settings()), "shop",
      {}, &clock);
  for (const char* fault : {"done_reset", "done_error", "error"}) {
    ASSERT_TRUE(log.Commit(Next(fault)).ok());
    server.Fail(fault, "PUT", "_catalog", 1);
    EXPECT_EQ(log.Commit(Next(fault)).status(), absl::OkStatus()) << fault;
    server.Mend();
    EXPECT_EQ(VersionOf(*log.Load().value(), fault), 2u) << fault;
  }
}

}  // namespace
}  // namespace forebay
