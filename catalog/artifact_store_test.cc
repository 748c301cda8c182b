#include "catalog/artifact_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "connectors/object_store/testing/memory_store.h"

namespace forebay {
namespace {

// Of "hello\n", by sha256sum.
constexpr const char* kHello = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

class ArtifactStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path File(const std::string& bytes) const {
    std::ofstream(folder_ / "model", std::ios::binary | std::ios::trunc) << bytes;
    return folder_ / "model";
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / "artifact_store_test";
  MemoryStore warehouse_;
};

TEST_F(ArtifactStoreTest, AFileIsNamedAfterItsBytes) {
  auto artifact = UploadArtifact(File("hello\n"), &warehouse_);
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  EXPECT_EQ(artifact->sha256(), kHello);
  EXPECT_EQ(artifact->bytes(), 6);
  const std::string path = std::string("models/artifacts/") + kHello;
  EXPECT_EQ(artifact->uri(), "/memory/" + path);
  EXPECT_THAT(warehouse_.objects(), ::testing::ElementsAre(::testing::Pair(path, "hello\n")));
}

TEST_F(ArtifactStoreTest, WhatIsThereIsNotWrittenAgain) {
  ASSERT_TRUE(UploadArtifact(File("hello\n"), &warehouse_).ok());
  warehouse_.FailNextWrite(WriteFault::kNotDone);
  EXPECT_TRUE(UploadArtifact(File("hello\n"), &warehouse_).ok());
  EXPECT_TRUE(absl::IsUnavailable(UploadArtifact(File("other"), &warehouse_).status()));
  EXPECT_EQ(warehouse_.objects().size(), 1u);
}

TEST_F(ArtifactStoreTest, WhatATornWriteLeftIsWrittenAgain) {
  warehouse_.FailNextWrite(WriteFault::kTorn, "", 3);
  EXPECT_FALSE(UploadArtifact(File("hello\n"), &warehouse_).ok());
  ASSERT_TRUE(UploadArtifact(File("hello\n"), &warehouse_).ok());
  EXPECT_EQ(warehouse_.objects().begin()->second, "hello\n");
}

TEST_F(ArtifactStoreTest, FilesOfSeveralPiecesAndOfNothingAreWhole) {
  for (size_t size : {size_t{0}, size_t{1} << 20, (size_t{3} << 20) + 1}) {
    std::string bytes(size, 'x');
    for (size_t i = 0; i < size; i += 4099) bytes[i] = static_cast<char>(i);
    auto artifact = UploadArtifact(File(bytes), &warehouse_);
    ASSERT_TRUE(artifact.ok()) << artifact.status();
    EXPECT_EQ(warehouse_.objects().at("models/artifacts/" + artifact->sha256()), bytes);
  }
}

TEST_F(ArtifactStoreTest, AFileThatIsMissingIsSaid) {
  const absl::Status status = UploadArtifact(folder_ / "none", &warehouse_).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("there is no such file"));
}

}  // namespace
}  // namespace forebay
