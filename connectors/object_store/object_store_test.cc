// What every ObjectStore keeps to, on each of them; and what the local one does besides.
#include "connectors/object_store/object_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/time/clock.h"
#include "connectors/object_store/durable_file.h"
#include "connectors/object_store/testing/s3_server.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string TestName() {
  std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  return name.substr(0, name.find('/'));
}

enum class Kind { kLocal, kS3 };

class ObjectStoreTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "object_store_" + TestName();
    std::filesystem::remove_all(root_);
    store_ = Another();
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  // Of the same objects, as another process has it.
  std::shared_ptr<ObjectStore> Another() const {
    if (GetParam() == Kind::kLocal) return OpenObjectStore(StoreUri::Folder(root_));
    S3Server::Get().MakeBucket("contract");
    return OpenObjectStore(StoreUri::Parse("s3://contract/in a/" + TestName()).value(),
                           S3Server::Get().Settings());
  }

  std::string root_;
  std::shared_ptr<ObjectStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreTest, ::testing::Values(Kind::kLocal, Kind::kS3),
                         [](const auto& info) {
                           return info.param == Kind::kLocal ? "Local" : "S3";
                         });

std::vector<std::string> Paths(const std::vector<ObjectInfo>& objects) {
  std::vector<std::string> paths;
  for (const ObjectInfo& object : objects) paths.push_back(object.path);
  return paths;
}

TEST_P(ObjectStoreTest, GetsWhatWasPutAndReplaced) {
  ASSERT_TRUE(store_->Put("a/b/c", "one").ok());
  ASSERT_TRUE(store_->Put("a/b/c", "two").ok());
  EXPECT_EQ(store_->Get("a/b/c").value(), "two");
  auto reader = store_->Open("a/b/c").value();
  char bytes[8];
  EXPECT_EQ(reader->size(), 3);
  EXPECT_EQ(reader->ReadAt(1, 8, bytes).value(), 2);
  EXPECT_EQ(std::string(bytes, 2), "wo");
}

TEST_P(ObjectStoreTest, AnObjectWrittenPieceByPieceIsThereOnceItIsFinished) {
  ASSERT_TRUE(store_->Put("a/b", "before").ok());
  auto writer = store_->Create("a/b").value();
  ASSERT_TRUE(writer->Append("on").ok());
  ASSERT_TRUE(writer->Append("e").ok());
  EXPECT_EQ(store_->Get("a/b").value(), "before");
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(store_->Get("a/b").value(), "one");
}

TEST_P(ObjectStoreTest, AnObjectThatIsNotFinishedLeavesNothing) {
  ASSERT_TRUE(store_->Create("a/b").value()->Append("one").ok());
  auto large = store_->Create("a/c").value();
  ASSERT_TRUE(large->Append(std::string(20'000'000, 'x')).ok());
  large.reset();
  EXPECT_TRUE(store_->List("a").value().empty());
  EXPECT_TRUE(absl::IsNotFound(store_->Get("a/c").status()));
}

TEST_P(ObjectStoreTest, ReadsRangesOfALargeObject) {
  std::string bytes(20'000'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7919 >> 8);
  auto writer = store_->Create("large").value();
  for (size_t at = 0; at < bytes.size(); at += 3'000'001)
    ASSERT_TRUE(writer->Append(std::string_view(bytes).substr(at, 3'000'001)).ok());
  ASSERT_TRUE(writer->Finish().ok());
  auto reader = store_->Open("large").value();
  ASSERT_EQ(reader->size(), std::ssize(bytes));
  // Within, over the part that S3 gives first, at the end, behind it.
  for (int64_t at : {0, 8'388'600, 19'900'000, 19'999'990, 20'000'000, 30'000'000}) {
    std::string got(100'000, '\0');
    int64_t n = reader->ReadAt(at, got.size(), got.data()).value();
    got.resize(n);
    EXPECT_EQ(got, at < reader->size() ? bytes.substr(at, 100'000) : "") << at;
  }
}

TEST_P(ObjectStoreTest, AnObjectMayBeEmpty) {
  ASSERT_TRUE(store_->Put("empty", "").ok());
  ASSERT_TRUE(store_->Create("empty2").value()->Finish().ok());
  for (const char* path : {"empty", "empty2"}) {
    EXPECT_EQ(store_->Get(path).value(), "");
    EXPECT_EQ(store_->Open(path).value()->size(), 0);
  }
}

TEST_P(ObjectStoreTest, ListsNamesSizesAndTimes) {
  const int64_t begun = absl::ToUnixMicros(absl::Now());
  ASSERT_TRUE(store_->PutIfAbsent("log/2", "22", 1'700'000'000'123'456).ok());
  ASSERT_TRUE(store_->Put("log/1", "1").ok());
  ASSERT_TRUE(store_->Put("log/inner/3", "3").ok());
  ASSERT_TRUE(store_->Put("logs/4", "4").ok());
  auto objects = store_->List("log").value();
  ASSERT_THAT(Paths(objects), ElementsAre("log/1", "log/2"));
  EXPECT_EQ(objects[1].size, 2);
  EXPECT_GE(objects[0].modified_us, begun - 2'000'000);
  if (GetParam() == Kind::kLocal) {
    EXPECT_EQ(objects[1].modified_us, 1'700'000'000'123'456);
  }
  EXPECT_TRUE(store_->List("nowhere").value().empty());
}

TEST_P(ObjectStoreTest, ListsWhatComesAfterAName) {
  for (const char* path : {"log/1", "log/2", "log/3", "log/inner/4"})
    ASSERT_TRUE(store_->Put(path, "1").ok());
  EXPECT_THAT(Paths(store_->ListAfter("log", "log/1").value()), ElementsAre("log/2", "log/3"));
  EXPECT_THAT(Paths(store_->ListAfter("log", "log/2x").value()), ElementsAre("log/3"));
  EXPECT_THAT(store_->ListAfter("log", "log/3").value(), ::testing::IsEmpty());
}

TEST_P(ObjectStoreTest, TakesNamesOfAllCharacters) {
  const std::string name = "date=2023-11-14/part 1+%20&<ü>\"'.parquet";
  ASSERT_TRUE(store_->PutIfAbsent(name, "1", std::nullopt).ok());
  EXPECT_EQ(store_->Get(name).value(), "1");
  EXPECT_THAT(Paths(store_->List("date=2023-11-14").value()), ElementsAre(name));
  ASSERT_TRUE(store_->DeleteFolder("date=2023-11-14").ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Get(name).status()));
}

TEST_P(ObjectStoreTest, ListsTheFoldersOfAFolder) {
  for (const char* path : {"log/2/x", "log/1/inner/y", "log/file"})
    ASSERT_TRUE(store_->Put(path, "1").ok());
  EXPECT_EQ(store_->ListFolders("log").value(), (std::vector<std::string>{"log/1", "log/2"}));
  EXPECT_EQ(store_->ListFolders("").value(), (std::vector<std::string>{"log"}));
  EXPECT_TRUE(store_->ListFolders("nowhere").value().empty());
}

TEST_P(ObjectStoreTest, DeletesAFolderWithAllInItAndNothingBeside) {
  for (const char* path : {"t/v1/_log/0", "t/v1/date=1/x", "t/v1/y", "t/v12/z", "a/b/c/d"})
    ASSERT_TRUE(store_->Put(path, "1").ok());
  ASSERT_TRUE(store_->DeleteFolder("t/v1").ok());
  EXPECT_EQ(store_->ListFolders("t").value(), (std::vector<std::string>{"t/v12"}));
  EXPECT_EQ(store_->Get("t/v12/z").value(), "1");
  EXPECT_TRUE(store_->DeleteFolder("t/v1").ok()) << "there is none any more";
  ASSERT_TRUE(store_->DeleteFolder("a/b/c").ok());
  EXPECT_EQ(store_->ListFolders("").value(), (std::vector<std::string>{"t"}))
      << "folders without an object are none";
}

TEST_P(ObjectStoreTest, OneWriterWinsAName) {
  std::atomic<int> won = 0;
  std::atomic<int> lost = 0;
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w, store_ = Another()] {
      for (int i = 0; i < 20; ++i) {
        absl::Status status =
            store_->PutIfAbsent("race/" + std::to_string(i), std::to_string(w), std::nullopt);
        if (status.ok()) ++won;
        if (absl::IsAlreadyExists(status)) ++lost;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(won, 20);
  EXPECT_EQ(lost, 60);
  EXPECT_EQ(store_->List("race").value().size(), 20u);
}

TEST_P(ObjectStoreTest, WhatIsNotThereIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(store_->Get("none").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Open("none").status()));
  EXPECT_TRUE(store_->Delete("none").ok());
  ASSERT_TRUE(store_->Put("some", "1").ok());
  ASSERT_TRUE(store_->Delete("some").ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Get("some").status()));
}

TEST_P(ObjectStoreTest, IsDescribedByItsPlace) {
  EXPECT_EQ(store_->Describe("a/b"), GetParam() == Kind::kLocal
                                         ? root_ + "/a/b"
                                         : "s3://contract/in a/" + TestName() + "/a/b");
}

class LocalFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "local_file_system_" + TestName();
    std::filesystem::remove_all(root_);
    store_ = OpenObjectStore(StoreUri::Folder(root_));
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string root_;
  std::shared_ptr<ObjectStore> store_;
};

TEST_F(LocalFileSystemTest, AnObjectThatIsNotFinishedLeavesNoFile) {
  ASSERT_TRUE(store_->Create("a/b").value()->Append("one").ok());
  EXPECT_TRUE(std::filesystem::is_empty(root_ + "/a"));
}

TEST_F(LocalFileSystemTest, FilesAndFoldersAreForThoseWhomTheUmaskLets) {
  using std::filesystem::perms;
  auto mode = [&](const std::string& name) {
    return std::filesystem::status(root_ + "/" + name).permissions() & perms::all;
  };
  mode_t before = umask(027);
  ASSERT_TRUE(store_->Put("a/b", "1").ok());
  ASSERT_TRUE(store_->PutIfAbsent("a/c", "2", std::nullopt).ok());
  umask(before);
  EXPECT_EQ(mode("a"), perms(0750));
  EXPECT_EQ(mode("a/b"), perms(0640));
  EXPECT_EQ(mode("a/c"), perms(0640));
}

TEST_F(LocalFileSystemTest, SaysWhatIsWrongAndWhere) {
  std::ofstream(root_) << "a file in the way";
  absl::Status status = store_->Put("a/b", "x");
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(root_));
  status = ErrnoStatus(ENOSPC, "write", "/data/x");
  EXPECT_EQ(status, absl::ResourceExhaustedError("cannot write /data/x: No space left on device; "
                                                 "free space there, then start again"));
}

}  // namespace
}  // namespace forebay
