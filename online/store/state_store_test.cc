#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "online/store/store_testing.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using std::string_literals::operator""s;
using testing::HasSubstr;

const TaskId kTask{"transactions", PartitionId(3)};

std::unique_ptr<StateStore> Open(const fs::path& state, const StoreLimits& limits = {}) {
  absl::StatusOr<std::unique_ptr<StateStore>> store = StoreFactory(state, limits).Open(kTask);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

fs::path StoreFolder(const fs::path& state) { return TaskFolder(state, kTask) / "store"; }

std::vector<fs::path> FilesWith(const fs::path& state, std::string_view extension) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(StoreFolder(state))) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::set<fs::path> FilesOf(const fs::path& state) {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(StoreFolder(state))) files.insert(entry.path());
  return files;
}

// Whether some file of the store has the bytes.
bool IsOnDisk(const fs::path& state, std::string_view bytes) {
  for (const fs::path& file : FilesOf(state)) {
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.find(bytes) != std::string::npos) return true;
  }
  return false;
}

constexpr size_t kLargeCommitBytes = size_t{5} << 20;

// Random commits, and what a store that took them holds.
class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  std::string RandomKey() {
    std::string key(1 + Below(2), static_cast<char>(Below(3)));
    return key + std::to_string(Below(60));
  }

  Changes NextChanges() {
    Changes changes;
    changes.meta = "commit " + std::to_string(++commits_);
    for (uint64_t n = Below(12); n > 0; --n) {
      std::string key = RandomKey();
      if (touched_.contains(key)) continue;
      touched_.insert({key, ""});
      if (Below(4) == 0) {
        contents_.erase(key);
        changes.deletes.push_back(key);
      } else {
        std::string value(Below(3000), static_cast<char>(random_()));
        contents_[key] = value;
        changes.puts.emplace_back(key, value);
      }
    }
    touched_.clear();
    if (Below(30) == 0) changes.purges.push_back(RandomKey());
    meta_ = changes.meta;
    return changes;
  }

  // With so many bytes that it is written as a file.
  Changes NextLargeChanges() {
    Changes changes = NextChanges();
    contents_["padding"] = std::string(kLargeCommitBytes, static_cast<char>(random_()));
    changes.puts.emplace_back("padding", contents_["padding"]);
    return changes;
  }

  const Contents& contents() const { return contents_; }
  const std::optional<std::string>& meta() const { return meta_; }

  void ExpectEqual(const StateStore& store) {
    EXPECT_EQ(store.ReadMeta().value(), meta_);
    EXPECT_EQ(ScanAll(store), contents_);
    std::vector<std::string> keys;
    for (int i = 0; i < 100; ++i) keys.push_back(RandomKey());
    std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<std::optional<std::string>> expected;
    for (const std::string& key : keys) {
      auto found = contents_.find(key);
      expected.push_back(found == contents_.end() ? std::nullopt : std::optional(found->second));
      EXPECT_EQ(store.Get(key).value(), expected.back());
    }
    EXPECT_EQ(store.MultiGet(views).value(), expected);
  }

 private:
  std::mt19937_64 random_;
  Contents contents_;
  Contents touched_;
  std::optional<std::string> meta_;
  int commits_ = 0;
};

TEST(RocksDbStateStore, TakesLittleDiskForLittleState) {
  TemporaryFolder state;
  std::unique_ptr<StateStore> store = Open(state.path());
  ASSERT_TRUE(Commit(store.get(), {.puts = {{"key", "value"}}, .meta = "m"}).ok());
  int64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(state.path())) {
    struct stat info;
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    bytes += int64_t{info.st_blocks} * 512;
  }
  EXPECT_LT(bytes, 1 << 20);
}

TEST(RocksDbStateStore, IsEmptyWhenNew) {
  TemporaryFolder state;
  std::unique_ptr<StateStore> store = Open(state.path());
  EXPECT_EQ(store->ReadMeta().value(), std::nullopt);
  EXPECT_EQ(store->Get("a").value(), std::nullopt);
  EXPECT_TRUE(store->MultiGet({}).value().empty());
  EXPECT_EQ(ScanAll(*store), Contents());
}

TEST(RocksDbStateStore, HoldsWhatAMapHoldsAcrossReopening) {
  TemporaryFolder state;
  Model model(1);
  StoreLimits small{.block_cache_bytes = 1 << 20, .write_buffer_bytes = 64 << 10};
  std::unique_ptr<StateStore> store = Open(state.path(), small);
  for (int i = 0; i < 1500; ++i) {
    ASSERT_TRUE(Commit(store.get(), model.NextChanges()).ok());
    if (model.Below(10) == 0) model.ExpectEqual(*store);
    if (model.Below(100) == 0) {
      store.reset();
      store = Open(state.path(), small);
      model.ExpectEqual(*store);
    }
  }
}

TEST(RocksDbStateStore, LargeCommitsAmongSmallOnesHoldWhatAMapHoldsAcrossReopening) {
  TemporaryFolder state;
  Model model(4);
  std::unique_ptr<StateStore> store = Open(state.path());
  for (int i = 0; i < 100; ++i) {
    Changes changes = model.Below(3) == 0 ? model.NextLargeChanges() : model.NextChanges();
    ASSERT_TRUE(Commit(store.get(), changes).ok());
    if (model.Below(5) == 0) model.ExpectEqual(*store);
    if (model.Below(10) == 0) {
      store.reset();
      store = Open(state.path());
      model.ExpectEqual(*store);
    }
  }
}

TEST(RocksDbStateStore, ALargeCommitIsOneTableFromTheStart) {
  TemporaryFolder state;
  std::unique_ptr<StateStore> store = Open(state.path());
  Changes changes{.puts = {{"key", std::string(kLargeCommitBytes, 'x')}}, .meta = "m"};
  ASSERT_TRUE(Commit(store.get(), changes).ok());
  size_t bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(StoreFolder(state.path()))) {
    bytes += entry.file_size();
  }
  EXPECT_LT(bytes, kLargeCommitBytes * 3 / 2);
  EXPECT_EQ(FilesWith(state.path(), ".sst").size(), 1);
}

TEST(RocksDbStateStore, KeepsKeysAndValuesOfAnyBytes) {
  TemporaryFolder state;
  Contents contents = {{"\0\0"s, "\0"s}, {"\0a"s, ""}, {"\xff\xff"s, std::string(1 << 20, '\xff')}};
  Changes changes{.puts = {contents.begin(), contents.end()}, .deletes = {}, .meta = ""};
  ASSERT_TRUE(Commit(Open(state.path()).get(), changes).ok());
  std::unique_ptr<StateStore> store = Open(state.path());
  EXPECT_EQ(ScanAll(*store), contents);
  EXPECT_EQ(store->ReadMeta().value(), "");
}

TEST(RocksDbStateStore, RefusesTheKeyOfTheMeta) {
  TemporaryFolder state;
  std::unique_ptr<StateStore> store = Open(state.path());
  Changes put{.puts = {{"\0"s, "x"}}, .deletes = {}, .meta = "m"};
  Changes erase{.puts = {{"k", "x"}}, .deletes = {"\0"s}, .meta = "m"};
  EXPECT_EQ(Commit(store.get(), put).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Commit(store.get(), erase).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(store->ReadMeta().value(), std::nullopt);
  EXPECT_EQ(ScanAll(*store), Contents());
}

// Waits for what the store does in the background.
bool LeavesTheDisk(const fs::path& state, std::string_view bytes) {
  for (absl::Time end = absl::Now() + absl::Seconds(60); absl::Now() < end;) {
    if (!IsOnDisk(state, bytes)) return true;
    std::this_thread::yield();
  }
  return false;
}

// Keys about the one to be purged: it is in the middle of files, or the first or last of them.
Changes Neighbours(int round, std::string_view secret) {
  Changes changes{.meta = "m" + std::to_string(round)};
  for (int i = 0; i < 40; ++i)
    changes.puts.emplace_back("key" + std::to_string(100 * round + i), "value");
  changes.puts.emplace_back(secret, "value of secret " + std::to_string(round));
  return changes;
}

TEST(RocksDbStateStore, WhatIsPurgedLeavesTheDiskAndNothingElseDoes) {
  for (std::string secret : {"aaa-secret", "key105-secret", "zzz-secret"}) {
    for (bool put_anew : {false, true}) {
      TemporaryFolder state;
      Contents expected;
      // In several files, and in the log of a memtable.
      for (int round = 0; round < 3; ++round) {
        std::unique_ptr<StateStore> store = Open(state.path());
        Changes changes = Neighbours(round, secret);
        ASSERT_TRUE(Commit(store.get(), changes).ok());
        for (const auto& [key, value] : changes.puts) expected[key] = value;
      }
      std::unique_ptr<StateStore> store = Open(state.path());
      ASSERT_TRUE(Commit(store.get(), {.puts = {{secret, "value of secret 3"}}, .meta = "m"}).ok());
      ASSERT_TRUE(IsOnDisk(state.path(), secret));
      Changes changes{.meta = "purged", .purges = {secret}};
      expected.erase(secret);
      if (put_anew) {
        changes.puts.emplace_back(secret, "anew");
        expected[secret] = "anew";
      } else {
        changes.deletes.push_back(secret);
      }
      ASSERT_TRUE(Commit(store.get(), changes).ok());
      EXPECT_TRUE(LeavesTheDisk(state.path(), put_anew ? "value of secret" : secret)) << secret;
      EXPECT_EQ(ScanAll(*store), expected);
      EXPECT_EQ(store->ReadMeta().value(), "purged");
      store.reset();
      EXPECT_EQ(ScanAll(*Open(state.path())), expected);
    }
  }
}

TEST(RocksDbStateStore, ManyKeysArePurgedAtOnce) {
  TemporaryFolder state;
  ASSERT_TRUE(Commit(Open(state.path()).get(), Neighbours(0, "other")).ok());
  std::unique_ptr<StateStore> store = Open(state.path());
  Changes changes{.meta = "m"};
  for (int i = 0; i < 40; ++i) changes.deletes.push_back("key" + std::to_string(i));
  changes.purges = changes.deletes;
  ASSERT_TRUE(Commit(store.get(), changes).ok());
  for (const std::string& key : changes.deletes)
    EXPECT_TRUE(LeavesTheDisk(state.path(), key)) << key;
  EXPECT_EQ(ScanAll(*store).size(), 1);
}

TEST(RocksDbStateStore, APurgeThatWasBrokenOffIsDoneByTheNextProcess) {
  TemporaryFolder state;
  ASSERT_TRUE(Commit(Open(state.path()).get(), Neighbours(0, "secret")).ok());
  // As a process that ends before it has begun: the store holds that something is to go, and the
  // key is deleted.
  ASSERT_TRUE(Commit(Open(state.path()).get(), {.deletes = {"secret"}, .meta = "m"}).ok());
  {
    rocksdb::DB* database = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, StoreFolder(state.path()).string(), &database).ok());
    std::unique_ptr<rocksdb::DB> owned(database);
    ASSERT_TRUE(owned->Put({}, rocksdb::Slice("\x01", 1), "").ok());
  }
  ASSERT_TRUE(IsOnDisk(state.path(), "secret"));
  std::unique_ptr<StateStore> store = Open(state.path());
  EXPECT_TRUE(LeavesTheDisk(state.path(), "secret"));
  EXPECT_EQ(ScanAll(*store).size(), 40);
}

TEST(RocksDbStateStore, AScanEndsWithTheErrorOfItsVisitor) {
  TemporaryFolder state;
  std::unique_ptr<StateStore> store = Open(state.path());
  ASSERT_TRUE(
      Commit(store.get(), {.puts = {{"a", "1"}, {"b", "2"}}, .deletes = {}, .meta = ""}).ok());
  int visits = 0;
  absl::Status status = store->Scan([&](std::string_view, std::string_view) {
    ++visits;
    return absl::DataLossError("bad state");
  });
  EXPECT_EQ(status, absl::DataLossError("bad state"));
  EXPECT_EQ(visits, 1);
}

// A killed process leaves the files as they are at that moment.
TEST(RocksDbStateStore, AKilledProcessLosesNoCommitThatReturned) {
  TemporaryFolder state;
  Model model(2);
  std::unique_ptr<StateStore> store =
      Open(state.path(), {.block_cache_bytes = 1 << 20, .write_buffer_bytes = 256 << 10});
  for (int i = 0; i < 20; ++i) {
    for (uint64_t n = model.Below(40); n > 0; --n) {
      ASSERT_TRUE(Commit(store.get(), model.NextChanges()).ok());
    }
    TemporaryFolder copy;
    // Background work may make and remove files while we copy: then copy again.
    std::error_code error = std::make_error_code(std::errc::io_error);
    for (auto files = FilesOf(state.path()); error || files != FilesOf(state.path());) {
      files = FilesOf(state.path());
      fs::remove_all(copy.path());
      fs::copy(state.path(), copy.path(), fs::copy_options::recursive, error);
    }
    model.ExpectEqual(*Open(copy.path()));
  }
}

// Half a file, or one that the database has taken in and still has its first name too.
TEST(RocksDbStateStore, ALargeCommitThatAKilledProcessLeftDoesNoHarm) {
  for (bool taken_in : {false, true}) {
    TemporaryFolder state;
    Model model(5);
    ASSERT_TRUE(Commit(Open(state.path()).get(), model.NextLargeChanges()).ok());
    const fs::path draft = StoreFolder(state.path()) / "commit.draft";
    if (taken_in) {
      fs::create_hard_link(FilesWith(state.path(), ".sst").at(0), draft);
    } else {
      std::ofstream(draft) << "half a fi";
    }
    std::unique_ptr<StateStore> store = Open(state.path());
    EXPECT_FALSE(fs::exists(draft));
    model.ExpectEqual(*store);
    ASSERT_TRUE(Commit(store.get(), model.NextLargeChanges()).ok());
    EXPECT_FALSE(fs::exists(draft));
    model.ExpectEqual(*store);
  }
}

// Power that fails while a commit is written leaves a part of its record.
TEST(RocksDbStateStore, ATornCommitLeavesTheOneBeforeItWhole) {
  TemporaryFolder state;
  Model model(3);
  std::map<std::optional<std::string>, Contents> history = {{std::nullopt, {}}};
  std::unique_ptr<StateStore> store = Open(state.path());
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(Commit(store.get(), model.NextChanges()).ok());
    history[model.meta()] = model.contents();
  }
  std::optional<std::string> last;
  for (int i = 0; i < 25; ++i) {
    TemporaryFolder copy;
    fs::copy(state.path(), copy.path(), fs::copy_options::recursive);
    fs::path wal = FilesWith(copy.path(), ".log").at(0);
    fs::resize_file(wal, fs::file_size(wal) * i / 25);
    std::unique_ptr<StateStore> cut = Open(copy.path());
    std::optional<std::string> meta = cut->ReadMeta().value();
    ASSERT_TRUE(history.contains(meta));
    EXPECT_EQ(ScanAll(*cut), history[meta]);
    last = meta;
  }
  EXPECT_NE(last, std::nullopt);
}

void ExpectDamage(const absl::Status& status, const fs::path& state) {
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("delete the folder " + TaskFolder(state, kTask).string()));
}

// Two commits in two files: the WAL becomes a table when the store is opened again.
void FillTables(const fs::path& state) {
  for (int i = 0; i < 2; ++i) {
    Changes changes{.puts = {{"key", std::string(100'000, 'x')}}, .deletes = {}, .meta = "m"};
    Commit(Open(state).get(), changes).IgnoreError();
  }
  Open(state);
}

TEST(RocksDbStateStore, FlippedBytesInATableAreDataLoss) {
  TemporaryFolder state;
  FillTables(state.path());
  for (const fs::path& table : FilesWith(state.path(), ".sst")) {
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20);
    file << "damage";
  }
  absl::StatusOr<std::unique_ptr<StateStore>> store = StoreFactory(state.path(), {}).Open(kTask);
  if (!store.ok()) return ExpectDamage(store.status(), state.path());
  ExpectDamage((*store)->Get("key").status(), state.path());
  std::string_view keys[] = {"key"};
  ExpectDamage((*store)->MultiGet(keys).status(), state.path());
  ExpectDamage((*store)->Scan([](auto, auto) { return absl::OkStatus(); }), state.path());
}

TEST(RocksDbStateStore, AMissingFileIsDataLoss) {
  for (const char* what : {".sst", "CURRENT", "MANIFEST"}) {
    TemporaryFolder state;
    FillTables(state.path());
    int removed = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(StoreFolder(state.path()))) {
      if (entry.path().filename().string().find(what) != std::string::npos) {
        removed += fs::remove(entry.path());
      }
    }
    ASSERT_GT(removed, 0) << what;
    ExpectDamage(StoreFactory(state.path(), {}).Open(kTask).status(), state.path());
  }
}

TEST(RocksDbStateStore, OpenTwiceIsRefused) {
  TemporaryFolder state;
  std::unique_ptr<StateStore> store = Open(state.path());
  absl::Status status = StoreFactory(state.path(), {}).Open(kTask).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("it is open already"));
}

TEST(RocksDbStateStore, AReaderBesideTheWorkerSeesEveryCommitAndWritesNothing) {
  TemporaryFolder state;
  EXPECT_EQ(OpenStoreForReading(state.path(), kTask).status().code(), absl::StatusCode::kNotFound);
  std::unique_ptr<StateStore> store = Open(state.path());
  ASSERT_TRUE(Commit(store.get(), {.puts = {{"a", "1"}}, .deletes = {}, .meta = "m"}).ok());
  absl::StatusOr<std::unique_ptr<StateStore>> reader = OpenStoreForReading(state.path(), kTask);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(ScanAll(**reader), (Contents{{"a", "1"}}));
  EXPECT_EQ((*reader)->ReadMeta().value(), "m");
  EXPECT_FALSE(Commit(reader->get(), {.puts = {}, .deletes = {}, .meta = "n"}).ok());
  EXPECT_EQ(store->ReadMeta().value(), "m");
}

// Mounts a file system of `options` that only this process sees; false where that is not allowed.
bool MountPrivately(const fs::path& path, const char* options) {
  std::string map = "0 " + std::to_string(geteuid()) + " 1";
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    std::ofstream("/proc/self/uid_map") << map;
  }
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("disk", path.c_str(), "tmpfs", 0, options) == 0;
}

// Commits to a small disk until one fails, then makes it larger.
void FillDisk(const fs::path& disk, size_t commit_bytes) {
  absl::Status status;
  Contents written;
  {
    std::unique_ptr<StateStore> store = Open(disk);
    for (int i = 0; i < 100 && status.ok(); ++i) {
      std::string key = "key " + std::to_string(i);
      std::string value(commit_bytes, static_cast<char>('a' + i % 26));
      status = Commit(store.get(), {.puts = {{key, value}}, .deletes = {}, .meta = key});
      if (status.ok()) written[key] = value;
    }
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("free some space"));
  EXPECT_FALSE(written.empty());
  mount("disk", disk.c_str(), "tmpfs", MS_REMOUNT, "size=64m");
  EXPECT_EQ(ScanAll(*Open(disk)), written);
}

TEST(RocksDbStateStore, AFullDiskStopsCommitsAndLosesNone) {
  for (size_t commit_bytes : {size_t{300'000}, kLargeCommitBytes}) {
    TemporaryFolder disk;
    pid_t child = fork();
    if (child == 0) {
      if (!MountPrivately(disk.path(), "size=8m")) _exit(77);
      FillDisk(disk.path(), commit_bytes);
      _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no file system of our own";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

}  // namespace
}  // namespace forebay
