#include "schemas/definition/yaml_tree.h"

#include <gtest/gtest.h>

namespace forebay::definition {
namespace {

// The "line:column" (from 1) of each character of the one value of `text`, a map of one key.
std::string PlaceOf(const std::string& text, const std::string& wanted) {
  YamlFile file("f", text);
  Findings findings;
  YamlNode::Pointer root = ParseYaml(file, &findings);
  if (root == nullptr || root->entries.size() != 1)
    return FormatDiagnostics(findings.diagnostics());
  const YamlNode& value = *root->entries[0].second;
  size_t offset = wanted.empty() ? value.text.size() : value.text.find(wanted);
  if (offset == std::string::npos) return "'" + wanted + "' is not in '" + value.text + "'";
  Diagnostic diagnostic = file.At(PlaceInside(value, offset), "");
  return std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column);
}

TEST(PlaceInside, IsExactInPlainText) {
  EXPECT_EQ(PlaceOf("a: sum(x) + y", "sum"), "1:4");
  EXPECT_EQ(PlaceOf("a: sum(x) + y", "y"), "1:13");
  EXPECT_EQ(PlaceOf("a: sum(x)  + y", " + y"), "1:11");
  EXPECT_EQ(PlaceOf("a: sum(x) # and more", ""), "1:10");
  EXPECT_EQ(PlaceOf("{a: sum(x)}", "x"), "1:9");
}

TEST(PlaceInside, IsExactInQuotes) {
  EXPECT_EQ(PlaceOf("a: 'it''s = z'", "z"), "1:13");
  EXPECT_EQ(PlaceOf("a: \"x\\t\\\"\\u00e9\\x41z\"", "z"), "1:20");
  EXPECT_EQ(PlaceOf("a: '  x  z'", "z"), "1:10");
  EXPECT_EQ(PlaceOf("a: 'x z'", ""), "1:8");
}

TEST(PlaceInside, FollowsTextOverLines) {
  EXPECT_EQ(PlaceOf("a: |\n  sum(x)\n    + y\n", "y"), "3:7");
  EXPECT_EQ(PlaceOf("a: >- # folded\n  sum(x)\n\n  + y\n", "y"), "4:5");
  EXPECT_EQ(PlaceOf("a:\n  sum(x)\n  + y\n", "y"), "3:5");
  EXPECT_EQ(PlaceOf("a: 'sum(x)\n  + y'\n", "y"), "2:5");
}

TEST(PlaceInside, SkipsAnchorsAndCountsCharactersNotBytes) {
  EXPECT_EQ(PlaceOf("a: &name 'x z'", "z"), "1:13");
  EXPECT_EQ(PlaceOf("a: 'é = z'", "z"), "1:9");
  EXPECT_EQ(PlaceOf("\xEF\xBB\xBF"
                    "a: xyz",
                    "z"),
            "1:6");
}

TEST(ParseYaml, KeepsLineEndingsOfWindowsApart) {
  EXPECT_EQ(PlaceOf("# first\r\na: x\r\n", "x"), "2:4");
}

TEST(ParseYaml, TellsPlainTextFromQuoted) {
  YamlFile file("f", "[1, '1', \"1\", ~]");
  Findings findings;
  YamlNode::Pointer root = ParseYaml(file, &findings);
  ASSERT_EQ(root->items.size(), 4);
  EXPECT_TRUE(root->items[0]->plain);
  EXPECT_FALSE(root->items[1]->plain);
  EXPECT_FALSE(root->items[2]->plain);
  EXPECT_EQ(root->items[3]->kind, YamlNode::Kind::kNull);
}

}  // namespace
}  // namespace forebay::definition
