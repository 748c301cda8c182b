#include "connectors/object_store/local_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "connectors/object_store/durable_file.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;

class LocalFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "object_store_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    store_ = OpenObjectStore(root_).value();
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string root_;
  std::shared_ptr<ObjectStore> store_;
};

TEST_F(LocalFileSystemTest, GetsWhatWasPutAndReplaced) {
  ASSERT_TRUE(store_->Put("a/b/c", "one").ok());
  ASSERT_TRUE(store_->Put("a/b/c", "two").ok());
  EXPECT_EQ(store_->Get("a/b/c").value(), "two");
  auto reader = store_->Open("a/b/c").value();
  char bytes[8];
  EXPECT_EQ(reader->size(), 3);
  EXPECT_EQ(reader->ReadAt(1, 8, bytes).value(), 2);
  EXPECT_EQ(std::string(bytes, 2), "wo");
}

TEST_F(LocalFileSystemTest, AnObjectWrittenPieceByPieceIsThereOnceItIsFinished) {
  ASSERT_TRUE(store_->Put("a/b", "before").ok());
  auto writer = store_->Create("a/b").value();
  ASSERT_TRUE(writer->Append("on").ok());
  ASSERT_TRUE(writer->Append("e").ok());
  EXPECT_EQ(store_->Get("a/b").value(), "before");
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(store_->Get("a/b").value(), "one");
}

TEST_F(LocalFileSystemTest, AnObjectThatIsNotFinishedLeavesNothing) {
  ASSERT_TRUE(store_->Create("a/b").value()->Append("one").ok());
  EXPECT_TRUE(std::filesystem::is_empty(root_ + "/a"));
}

TEST_F(LocalFileSystemTest, ListsNamesSizesAndGivenTimesButNoTemporaryFiles) {
  ASSERT_TRUE(store_->PutIfAbsent("log/2", "22", 1'700'000'000'123'456).ok());
  ASSERT_TRUE(store_->Put("log/1", "1").ok());
  ASSERT_TRUE(store_->Put("log/inner/3", "3").ok());
  auto objects = store_->List("log").value();
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0].path, "log/1");
  EXPECT_EQ(objects[1].path, "log/2");
  EXPECT_EQ(objects[1].size, 2);
  EXPECT_EQ(objects[1].modified_us, 1'700'000'000'123'456);
  EXPECT_TRUE(store_->List("nowhere").value().empty());
}

TEST_F(LocalFileSystemTest, ListsTheFoldersOfAFolder) {
  for (const char* path : {"log/2/x", "log/1/inner/y", "log/file"})
    ASSERT_TRUE(store_->Put(path, "1").ok());
  EXPECT_EQ(store_->ListFolders("log").value(), (std::vector<std::string>{"log/1", "log/2"}));
  EXPECT_EQ(store_->ListFolders("").value(), (std::vector<std::string>{"log"}));
  EXPECT_TRUE(store_->ListFolders("nowhere").value().empty());
}

TEST_F(LocalFileSystemTest, DeletesAFolderWithAllInItAndNothingBeside) {
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

TEST_F(LocalFileSystemTest, OneWriterWinsAName) {
  std::atomic<int> won = 0;
  std::atomic<int> lost = 0;
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
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

TEST_F(LocalFileSystemTest, SaysWhatIsWrongAndWhere) {
  EXPECT_TRUE(absl::IsNotFound(store_->Get("none").status()));
  EXPECT_TRUE(store_->Delete("none").ok());
  std::ofstream(root_) << "a file in the way";
  absl::Status status = store_->Put("a/b", "x");
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(root_));
  status = ErrnoStatus(ENOSPC, "write", "/data/x");
  EXPECT_EQ(status, absl::ResourceExhaustedError("cannot write /data/x: No space left on device; "
                                                 "free space there, then start again"));
}

TEST_F(LocalFileSystemTest, RefusesSchemesItDoesNotKnow) {
  EXPECT_TRUE(absl::IsInvalidArgument(OpenObjectStore("s3://bucket/x").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(OpenObjectStore("file://relative").status()));
  EXPECT_EQ(OpenObjectStore("file:///a/b/").value()->Describe("c"), "/a/b/c");
}

}  // namespace
}  // namespace forebay
