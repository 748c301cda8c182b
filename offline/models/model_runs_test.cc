#include "offline/models/model_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace forebay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class ModelRunsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "runs_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    store_ = OpenObjectStore(StoreUri::Folder(folder_));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ModelRuns Of(const std::string& project) { return {store_, project, "ann@build-7"}; }

  static ModelCheckpoint CheckpointAt(int64_t step, const std::string& uri) {
    return {.run = {"fraud", "tuesday"}, .step = step, .uri = uri, .metrics = {{"auc", 0.9}}};
  }

  std::string folder_;
  std::shared_ptr<ObjectStore> store_;
};

TEST_F(ModelRunsTest, ARunIsWhatItStartedWithAndItsNewestStatus) {
  ModelRuns runs = Of("shop");
  ASSERT_EQ(runs.Start({.run = {"fraud", "monday"}, .params = {{"depth", "6"}}}, 1),
            absl::OkStatus());
  ASSERT_EQ(runs.Start({.run = {"fraud", "tuesday"}, .training_set = "set@1"}, 2),
            absl::OkStatus());
  ASSERT_EQ(runs.SetStatus({"fraud", "monday"}, "failed", 3), absl::OkStatus());
  auto list = runs.List("fraud");
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].run.run, "tuesday");
  EXPECT_EQ((*list)[0].status, "running");
  EXPECT_EQ((*list)[0].training_set, "set@1");
  EXPECT_EQ((*list)[1].status, "failed");
  EXPECT_THAT((*list)[1].params, ElementsAre(Pair("depth", "6")));
  EXPECT_EQ((*list)[1].time_us, 1);
  EXPECT_THAT(*runs.List("other"), IsEmpty());
  EXPECT_THAT(*Of("elsewhere").List(""), IsEmpty()) << "projects share the tables";
}

TEST_F(ModelRunsTest, OfTwoWhoStartARunOfOneNameOneIsTold) {
  ModelRuns runs = Of("shop");
  ASSERT_EQ(runs.Start({.run = {"fraud", "monday"}}, 1), absl::OkStatus());
  const absl::Status again = runs.Start({.run = {"fraud", "monday"}}, 2);
  EXPECT_TRUE(absl::IsAlreadyExists(again));
  EXPECT_THAT(again.message(), HasSubstr("has a run monday already"));
  EXPECT_EQ(Of("elsewhere").Start({.run = {"fraud", "monday"}}, 3), absl::OkStatus());
}

TEST_F(ModelRunsTest, CheckpointsHaveWhatTheRunHasAndTheLaterOfAStepStands) {
  ModelRuns runs = Of("shop");
  ASSERT_EQ(
      runs.Start({.run = {"fraud", "tuesday"}, .training_set = "set@1", .params = {{"depth", "6"}}},
                 1),
      absl::OkStatus());
  ASSERT_EQ(runs.AddCheckpoint(CheckpointAt(20, "s3://m/20"), 2), absl::OkStatus());
  ASSERT_EQ(runs.AddCheckpoint(CheckpointAt(10, "s3://m/10"), 3), absl::OkStatus());
  ASSERT_EQ(runs.AddCheckpoint(CheckpointAt(10, "s3://m/10-again"), 4), absl::OkStatus());
  auto found = runs.FindCheckpoint({"fraud", "tuesday"}, 10);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->uri, "s3://m/10-again");
  EXPECT_EQ(found->training_set, "set@1");
  EXPECT_THAT(found->params, ElementsAre(Pair("depth", "6")));
  EXPECT_THAT(found->metrics, ElementsAre(Pair("auc", 0.9)));
  EXPECT_EQ(runs.Checkpoints({"fraud", "tuesday"})->size(), 2u);
  EXPECT_THAT(runs.FindCheckpoint({"fraud", "tuesday"}, 15).status().message(),
              HasSubstr("no checkpoint at step 15; it has some at: 10, 20"));
}

TEST_F(ModelRunsTest, WhatIsToldOfNoRunIsRefused) {
  ModelRuns runs = Of("shop");
  EXPECT_THAT(runs.AddMetrics({"fraud", "monday"}, {{1, "loss", 0.5}}, 1).message(),
              HasSubstr("`forebay model run` starts one"));
  ASSERT_EQ(runs.Start({.run = {"fraud", "tuesday"}}, 1), absl::OkStatus());
  EXPECT_THAT(runs.SetStatus({"fraud", "monday"}, "finished", 2).message(),
              HasSubstr("has no run monday; its last are: tuesday"));
  EXPECT_TRUE(absl::IsNotFound(
      runs.AddCheckpoint({.run = {"other", "tuesday"}, .step = 1, .uri = "s3://m/1"}, 3)));
  EXPECT_EQ(runs.AddMetrics({"fraud", "tuesday"}, {{1, "loss", 0.5}, {2, "loss", 0.4}}, 4),
            absl::OkStatus());
}

}  // namespace
}  // namespace forebay
