// Wrong definitions and the exact messages they get, from testdata/*.txt. There, a case is
//
//   == its name
//   -- features/a.yaml        a file of the project, which starts with a valid forebay.yaml and
//   sources: ...              features/base.yaml (kBaseFeatures)
//   -- errors
//   features/a.yaml:1:1: ...
//   -- mended features/a.yaml   optional: the file once the hints of the errors were followed
//
// FOREBAY_UPDATE_TESTDATA=1 rewrites the errors: read the diff.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/definition/project_folder_for_test.h"

namespace forebay {
namespace {

struct Case {
  std::string name;
  std::vector<std::pair<std::string, std::string>> files;
  std::string errors;
  std::vector<std::pair<std::string, std::string>> mended;
};

struct CaseFile {
  std::string start;  // before the first case
  std::vector<Case> cases;
};

CaseFile ReadCases(const std::filesystem::path& path) {
  CaseFile file;
  std::ifstream stream(path);
  std::string* open = &file.start;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("== ")) {
      file.cases.push_back({line.substr(3), {}, ""});
      open = nullptr;
    } else if (line == "-- errors") {
      open = &file.cases.back().errors;
    } else if (line.starts_with("-- mended ")) {
      open = &file.cases.back().mended.emplace_back(line.substr(10), "").second;
    } else if (line.starts_with("-- ")) {
      open = &file.cases.back().files.emplace_back(line.substr(3), "").second;
    } else if (open != nullptr) {
      *open += line + "\n";
    }
  }
  return file;
}

std::string ErrorsOf(const Case& wrong) {
  ProjectFolder folder;
  for (const auto& [name, text] : wrong.files) folder.Write(name, text);
  return folder.Errors();
}

// Without the empty lines that set cases apart.
std::string Trimmed(std::string text) {
  while (text.ends_with("\n\n") || text == "\n") text.pop_back();
  return text;
}

void Rewrite(const std::filesystem::path& path, const CaseFile& file) {
  std::ofstream stream(path);
  stream << file.start;
  for (const Case& each : file.cases) {
    stream << "== " << each.name << "\n";
    for (const auto& [name, text] : each.files) stream << "-- " << name << "\n" << text;
    stream << "-- errors\n" << ErrorsOf(each);
    for (const auto& [name, text] : each.mended) {
      stream << "-- mended " << name << "\n" << Trimmed(text);
    }
    stream << "\n";
  }
}

class WrongDefinitions : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(WrongDefinitions, GetTheseMessages) {
  CaseFile file = ReadCases(GetParam());
  ASSERT_FALSE(file.cases.empty());
  if (std::getenv("FOREBAY_UPDATE_TESTDATA") != nullptr) Rewrite(GetParam(), file);
  for (const Case& wrong : file.cases) {
    EXPECT_NE(Trimmed(wrong.errors), "") << wrong.name;
    EXPECT_EQ(ErrorsOf(wrong), Trimmed(wrong.errors)) << wrong.name;
  }
}

// What the errors say to write: "...: write `and`".
std::vector<std::string> Hints(const std::string& errors) {
  std::vector<std::string> hints;
  constexpr std::string_view kWrite = "write `";
  for (size_t at = errors.find(kWrite); at != std::string::npos; at = errors.find(kWrite, at)) {
    at += kWrite.size();
    size_t end = errors.find("`\n", at);
    hints.push_back(errors.substr(at, end - at));
  }
  return hints;
}

TEST_P(WrongDefinitions, AreRightOnceTheirHintsAreFollowed) {
  for (const Case& wrong : ReadCases(GetParam()).cases) {
    if (wrong.mended.empty()) continue;
    ProjectFolder folder;
    for (const auto& [name, text] : wrong.files) folder.Write(name, text);
    std::string all;
    for (const auto& [name, text] : wrong.mended) {
      folder.Write(name, text);
      all += text;
    }
    EXPECT_EQ(folder.Errors(), "") << wrong.name;
    for (const std::string& hint : Hints(wrong.errors)) {
      EXPECT_NE(all.find(hint), std::string::npos) << wrong.name << ": " << hint;
    }
  }
}

std::vector<std::filesystem::path> CaseFiles() {
  std::filesystem::directory_iterator entries(FOREBAY_SOURCE_DIR "/schemas/definition/testdata");
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : entries) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

INSTANTIATE_TEST_SUITE_P(Testdata, WrongDefinitions, testing::ValuesIn(CaseFiles()),
                         [](const auto& each) { return each.param.stem().string(); });

}  // namespace
}  // namespace forebay
