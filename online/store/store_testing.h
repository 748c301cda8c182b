// What the tests of this folder share.
#ifndef FOREBAY_ONLINE_STORE_STORE_TESTING_H_
#define FOREBAY_ONLINE_STORE_STORE_TESTING_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <string>

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
