// Whatever the files hold, loading them ends with a project or with errors that lie in them.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/project_folder_for_test.h"

namespace forebay {
namespace {

constexpr const char* kValid = R"yaml(# a comment
sources:
  - name: clicks
    topic: clicks
    format: json
    key: [user_id, "page"]
    schema: {user_id: string, page: string, seconds: double, at: timestamp_ms}
    event_time: at
    known_time: kafka
    max_future: 5m
entities:
  - {name: reader, keys: {user_id: string}}
feature_views:
  - name: reading
    version: 1
    source: clicks
    entity: reader
    where: |
      seconds > 0
      and page <> 'x'
    max_age: 30d
    history: off
    updates: {every: change, expiry: off, format: protobuf, headers: all}
    emit: {every: 1s}
    features: &f
      - {name: time, value: "sum(seconds) filter (where page = 'a')", windows: [10m, 1h, lifetime]}
      - name: pages
        value: approx_count_distinct(page)
        windows: [{tumbling: 1h}, {sawtooth: 1h, hop: 1m}]
        default: 0
feature_services:
  - name: news
    features: [reading.time_10m, 'reading.pages_tumbling_1h']
)yaml";

constexpr const char* kConfig = R"yaml(project: demo
kafka: {bootstrap.servers: "a:1"}
warehouse: file:///tmp/x
commit_interval: 200ms
serving:
  address: 127.0.0.1
  http_port: 0
)yaml";

const std::vector<std::string> kPieces = {"'",    "\"",
                                          ":",    ": ",
                                          "\n",   "  ",
                                          "- ",   "[",
                                          "]",    "{",
                                          "}",    "#",
                                          "|",    ">",
                                          "&a ",  "*f",
                                          "!x",   "\t",
                                          "\r",   "\\",
                                          "%",    "---\n",
                                          "~",    "null",
                                          "0",    "-1",
                                          "999d", "1h",
                                          "é",    "\xff",
                                          "$",    "${",
                                          ".*",   "_",
                                          "*",    "?",
                                          "<<: ", std::string(1, 0),
                                          ",",    "sum",
                                          "date", "(",
                                          ")",    "version"};

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  std::string Mutate(std::string text) {
    for (size_t n = Below(4) + 1; n > 0; --n) {
      size_t at = Below(text.size() + 1);
      size_t length = Below(Below(4) == 0 ? 40 : 4);
      switch (Below(4)) {
        case 0:
          text.erase(at, length);
          break;
        case 1:
          text.insert(at, kPieces[Below(kPieces.size())]);
          break;
        case 2:
          text.insert(at, text.substr(Below(text.size() + 1), length));
          break;
        default:
          text.replace(at, length, kPieces[Below(kPieces.size())]);
      }
    }
    return text;
  }

 private:
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  std::mt19937_64 random_;
};

int CountLines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
}

TEST(MutatedProject, TheUnmutatedOneIsRight) {
  ProjectFolder folder;
  folder.Write("forebay.yaml", kConfig);
  folder.Write("features/m.yaml", kValid);
  EXPECT_EQ(folder.Errors(), "");
}

TEST(MutatedProject, DeepNestingIsAnErrorNotAnOverflow) {
  ProjectFolder folder;
  for (const char* piece : {"[", "{a: ", "- ", "? "}) {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += piece;
    folder.Write("features/m.yaml", text);
    EXPECT_NE(folder.Errors(), "") << piece;
  }
}

TEST(MutatedProject, LoadsOrSaysWhatIsWrongInsideItsFiles) {
  ProjectFolder folder;
  int right = 0;
  constexpr int kRounds = 2'000;
  for (int round = 0; round < kRounds; ++round) {
    Mutator mutator(static_cast<uint64_t>(round));
    std::string config = round % 4 == 0 ? mutator.Mutate(kConfig) : kConfig;
    std::string features = mutator.Mutate(kValid);
    folder.Write("forebay.yaml", config);
    folder.Write("features/m.yaml", features);
    std::vector<Diagnostic> diagnostics;
    absl::StatusOr<LoadedProject> loaded = LoadProject(folder.path(), &diagnostics);
    ASSERT_EQ(loaded.ok(), diagnostics.empty()) << features;
    if (loaded.ok()) {
      ++right;
      ASSERT_TRUE(loaded->project->IsInitialized());
      ASSERT_FALSE(loaded->project->SerializeAsString().empty()) << features;
    }
    for (const Diagnostic& diagnostic : diagnostics) {
      bool of_config = diagnostic.file.ends_with("forebay.yaml");
      const std::string& text = of_config ? config : features;
      if (diagnostic.file.ends_with("base.yaml")) continue;
      ASSERT_GE(diagnostic.line, 1) << FormatDiagnostic(diagnostic) << "\n" << text;
      ASSERT_LE(diagnostic.line, CountLines(text)) << FormatDiagnostic(diagnostic) << "\n" << text;
      ASSERT_GE(diagnostic.column, 1) << FormatDiagnostic(diagnostic) << "\n" << text;
    }
  }
  // Both ways are walked: comments and spaces may change, most else may not.
  EXPECT_GT(right, kRounds / 100);
  EXPECT_LT(right, kRounds / 2);
}

}  // namespace
}  // namespace forebay
