#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "online/store/store_factory.h"
#include "online/store/store_testing.h"

// A program of its own: the stores live in child processes only, as RocksDB's threads do not
// survive a fork.
namespace forebay {
namespace {

constexpr int kKeys = 50;

std::unique_ptr<StateStore> Open(const std::filesystem::path& state) {
  return StoreFactory(state, {}).Open({"transactions", PartitionId(3)}).value();
}

pid_t InChild(const std::function<void()>& work) {
  pid_t child = fork();
  if (child != 0) return child;
  work();
  _exit(testing::Test::HasFailure() ? 1 : 0);
}

// Each writes its number to all keys, and into `done` when it has returned; two of three are large.
void CommitUntilKilled(const std::filesystem::path& state, int done) {
  std::unique_ptr<StateStore> store = Open(state);
  for (int number = 1;; ++number) {
    Changes changes;
    changes.meta = std::to_string(number);
    const size_t bytes = number % 3 == 0 ? 100 : 100'000;
    for (int i = 0; i < kKeys; ++i) {
      std::string value = changes.meta + std::string(bytes, ' ');
      changes.puts.emplace_back("key " + std::to_string(i), std::move(value));
    }
    if (number % 2 == 0) changes.purges = {"key 7"};  // which it holds anew
    EXPECT_TRUE(Commit(store.get(), changes).ok());
    EXPECT_EQ(write(done, &number, sizeof(number)), sizeof(number));
  }
}

void ExpectOneCommit(const std::filesystem::path& state, int at_least) {
  std::unique_ptr<StateStore> store = Open(state);
  const int number = std::stoi(store->ReadMeta().value().value());
  EXPECT_GE(number, at_least);
  Contents contents = ScanAll(*store);
  EXPECT_EQ(contents.size(), kKeys);
  for (const auto& [key, value] : contents) EXPECT_EQ(std::stoi(value), number);
}

TEST(RocksDbStateStore, AProcessKilledWhileItCommitsLeavesAWholeCommit) {
  TemporaryFolder folder;
  for (int commits = 1; commits <= 10; ++commits) {
    const std::filesystem::path state = folder.path() / std::to_string(commits);
    std::array<int, 2> done;
    ASSERT_EQ(pipe(done.data()), 0);
    pid_t child = InChild([&] { CommitUntilKilled(state, done[1]); });
    int number = 0;
    while (number < commits) ASSERT_EQ(read(done[0], &number, sizeof(number)), sizeof(number));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (int end : done) close(end);
    int status = 0;
    waitpid(InChild([&] { ExpectOneCommit(state, number); }), &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

}  // namespace
}  // namespace forebay
