#include "connectors/decode/json_layout.h"

#include <gtest/gtest.h>

#include <string>

namespace forebay {
namespace {

// The text, with as many bytes after it as Match may read.
class Text {
 public:
  explicit Text(const std::string& text) : bytes_(text + std::string(JsonLayout::kLongest, '\0')) {}
  const char* at() const { return bytes_.data(); }

 private:
  std::string bytes_;
};

// The field of the member that `text` begins with, or -2.
int Match(JsonLayout& layout, const std::string& text) {
  Text padded(text);
  const JsonLayout::Member* member = layout.Match(padded.at());
  return member == nullptr ? -2 : member->field;
}

void LearnObject(JsonLayout& layout, const std::vector<std::string>& members) {
  layout.Start();
  for (size_t i = 0; i < members.size(); ++i) {
    if (Match(layout, members[i]) == -2) layout.Learn(members[i], static_cast<int>(i));
  }
}

TEST(JsonLayout, KnowsTheMembersOfTheObjectBeforeInTheirOrder) {
  JsonLayout layout;
  LearnObject(layout, {"{\"a\":", ", \"a much longer name\" : ", ",\"c\":"});
  layout.Start();
  EXPECT_EQ(Match(layout, "{\"a\":1"), 0);
  EXPECT_EQ(Match(layout, ", \"a much longer name\" : true"), 1);
  EXPECT_EQ(Match(layout, ",\"c\":"), 2);
  EXPECT_EQ(Match(layout, ",\"c\":"), -2);
  layout.Start();
  EXPECT_EQ(Match(layout, "{\"b\":1"), -2);
  EXPECT_EQ(Match(layout, "{\"a\""), -2);  // only a part of it
}

TEST(JsonLayout, AMissingMemberIsPassedOver) {
  JsonLayout layout;
  LearnObject(layout, {"{\"a\":", ",\"b\":", ",\"c\":"});
  layout.Start();
  EXPECT_EQ(Match(layout, "{\"a\":"), 0);
  EXPECT_EQ(Match(layout, ",\"c\":"), 2);
  EXPECT_EQ(Match(layout, ",\"b\":"), -2);  // not where it was
}

TEST(JsonLayout, WhatStandsWithinAnObjectDoesNotBeginOne) {
  JsonLayout layout;
  LearnObject(layout, {"{\"a\":", ",\"b\":"});
  layout.Start();
  EXPECT_EQ(Match(layout, ",\"b\":"), -2);
  LearnObject(layout, {"{\"b\":", ",\"c\":"});
  layout.Start();
  EXPECT_EQ(Match(layout, "{\"b\":"), 0);
  EXPECT_EQ(Match(layout, "{\"b\":"), -2);
}

TEST(JsonLayout, LearnsAnewWhereAnObjectDiffers) {
  JsonLayout layout;
  LearnObject(layout, {"{\"a\":", ",\"b\":", ",\"c\":"});
  LearnObject(layout, {"{\"a\":", ",\"x\":", ",\"c\":"});
  layout.Start();
  EXPECT_EQ(Match(layout, "{\"a\":"), 0);
  EXPECT_EQ(Match(layout, ",\"x\":"), 1);
  EXPECT_EQ(Match(layout, ",\"c\":"), 2);
}

TEST(JsonLayout, LearnsNoTextThatIsTooLongAndNotEndlesslyMany) {
  JsonLayout layout;
  layout.Start();
  std::string longest(JsonLayout::kLongest, 'x');
  layout.Learn(longest + "x", 1);
  layout.Learn(longest, 2);
  for (int i = 0; i < 1'000; ++i) layout.Learn("," + std::to_string(i), i);
  layout.Start();
  EXPECT_EQ(Match(layout, longest), 2);
  EXPECT_EQ(Match(layout, ",0"), 0);
}

}  // namespace
}  // namespace forebay
