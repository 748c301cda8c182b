#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "online/store/store_factory.h"
#include "online/store/store_testing.h"

namespace forebay {
namespace {

constexpr int kKeys = 32;
constexpr int kCommits = 200;

// Some are so large that they are written as files.
Changes Generation(int generation) {
  Changes changes;
  changes.meta = std::to_string(generation);
  const std::string padding(generation % 20 == 7 ? 150'000 : 0, ' ');
  for (int i = 0; i < kKeys; ++i) {
    changes.puts.emplace_back("key " + std::to_string(i), changes.meta + padding);
  }
  if (generation % 10 == 3) changes.purges = {"key 7", "key 8"};  // what it held before
  return changes;
}

// Each commit writes its number to all keys: a value never goes back, and a scan sees one number.
void ReadUntil(const StateStore& store, const std::atomic<bool>& done) {
  std::vector<std::string> keys;
  for (int i = 0; i < kKeys; ++i) keys.push_back("key " + std::to_string(i));
  std::vector<std::string_view> views(keys.begin(), keys.end());
  int last = 0;
  do {
    int one = std::stoi(store.Get(keys[0]).value().value());
    EXPECT_GE(one, last);
    std::vector<std::optional<std::string>> all = store.MultiGet(views).value();
    for (const std::optional<std::string>& value : all) EXPECT_GE(std::stoi(value.value()), one);
    Contents scanned = ScanAll(store);
    EXPECT_EQ(scanned.size(), kKeys);
    for (const auto& [key, value] : scanned) EXPECT_EQ(value, scanned.begin()->second);
    last = std::stoi(store.ReadMeta().value().value());
    EXPECT_GE(last, std::stoi(scanned.begin()->second));
  } while (!done);
}

TEST(RocksDbStateStoreConcurrent, ReadsBesideCommitsSeeWholeCommitsInOrder) {
  TemporaryFolder state;
  StoreFactory stores(state.path(), {.block_cache_bytes = 1 << 20, .write_buffer_bytes = 16 << 10});
  std::unique_ptr<StateStore> store = stores.Open({"topic", PartitionId(0)}).value();
  ASSERT_TRUE(Commit(store.get(), Generation(0)).ok());
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) readers.emplace_back([&] { ReadUntil(*store, done); });
  for (int generation = 1; generation <= kCommits; ++generation) {
    EXPECT_TRUE(Commit(store.get(), Generation(generation)).ok());
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST(RocksDbStateStoreConcurrent, AToolThatOpensTheStoreSeesAWholeCommitAndNoOldOne) {
  TemporaryFolder state;
  const TaskId task{"topic", PartitionId(0)};
  StoreFactory stores(state.path(), {.block_cache_bytes = 1 << 20, .write_buffer_bytes = 16 << 10});
  std::unique_ptr<StateStore> store = stores.Open(task).value();
  std::atomic<int> committed = 0;
  ASSERT_TRUE(Commit(store.get(), Generation(0)).ok());
  std::thread tool([&] {
    while (committed < kCommits) {
      const int before = committed;
      absl::StatusOr<std::unique_ptr<StateStore>> opened = OpenStoreForReading(state.path(), task);
      ASSERT_TRUE(opened.ok()) << opened.status();
      const std::string generation = (*opened)->ReadMeta().value().value();
      EXPECT_GE(std::stoi(generation), before);
      Contents contents = ScanAll(**opened);
      EXPECT_EQ(contents.size(), kKeys);
      for (const auto& [key, value] : contents) EXPECT_EQ(std::stoi(value), std::stoi(generation));
    }
  });
  for (int generation = 1; generation <= kCommits; ++generation) {
    EXPECT_TRUE(Commit(store.get(), Generation(generation)).ok());
    committed = generation;
  }
  tool.join();
}

TEST(RocksDbStateStoreConcurrent, TasksOpenAndCommitSideBySide) {
  TemporaryFolder state;
  StoreFactory stores(state.path(), {});
  std::vector<std::thread> tasks;
  for (int partition = 0; partition < 4; ++partition) {
    tasks.emplace_back([&, partition] {
      TaskId task{"topic", PartitionId(partition)};
      std::unique_ptr<StateStore> store = stores.Open(task).value();
      for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(Commit(store.get(), Generation(i * 4 + partition)).ok());
      store.reset();
      store = stores.Open(task).value();
      EXPECT_EQ(store->ReadMeta().value(), std::to_string(19 * 4 + partition));
    });
  }
  for (std::thread& task : tasks) task.join();
}

}  // namespace
}  // namespace forebay
