// What the tests of this folder share.
#ifndef FOREBAY_ONLINE_STORE_STORE_TESTING_H_
#define FOREBAY_ONLINE_STORE_STORE_TESTING_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/state/state_store.h"

namespace forebay {

// A new empty folder, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = testing::TempDir() + "forebay.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

using Contents = std::map<std::string, std::string>;

// What a commit changes, as a value.
struct Changes {
  std::vector<std::pair<std::string, std::string>> puts;
  std::vector<std::string> deletes;
  std::string meta;
  std::vector<std::string> purges = {};
};

inline absl::Status Commit(StateStore* store, const Changes& changes) {
  std::unique_ptr<StateDelta> delta = store->NewDelta(0);
  for (const auto& [key, value] : changes.puts) delta->Put(key, value);
  for (const std::string& key : changes.deletes) delta->Delete(key);
  delta->SetMeta(changes.meta);
  for (const std::string& key : changes.purges) delta->Purge(key);
  return store->Commit(*delta);
}

inline Contents ScanAll(const StateStore& store) {
  Contents contents;
  std::string last;
  absl::Status status = store.Scan([&](std::string_view key, std::string_view value) {
    EXPECT_TRUE(contents.empty() || last < key) << "keys are not in order";
    last = key;
    contents.emplace(key, value);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return contents;
}

}  // namespace forebay

#endif  // FOREBAY_ONLINE_STORE_STORE_TESTING_H_
