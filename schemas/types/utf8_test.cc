#include "schemas/types/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace forebay {
namespace {

// In memory of its own, for the address sanitizer.
bool IsUtf8Exactly(const std::string& text) {
  std::vector<char> exact(text.begin(), text.end());
  return IsUtf8({exact.data(), exact.size()});
}

TEST(Utf8, AByteThatIsNotAsciiIsSeenWhereverItStands) {
  for (size_t length = 1; length < 40; ++length) {
    std::string text(length, 'a');
    EXPECT_TRUE(IsAscii(text)) << length;
    EXPECT_TRUE(IsUtf8Exactly(text)) << length;
    for (size_t at = 0; at < length; ++at) {
      text[at] = '\x80';
      EXPECT_FALSE(IsAscii(text)) << at << " of " << length;
      EXPECT_FALSE(IsUtf8Exactly(text)) << at << " of " << length;
      text[at] = 'a';
    }
  }
  EXPECT_TRUE(IsAscii(""));
  EXPECT_TRUE(IsUtf8Exactly(""));
}

TEST(Utf8, SequencesAreWellFormedOrNot) {
  for (const char* text :
       {"é", "€", "𝄞", "\x7f", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8Exactly(text)) << text;
    EXPECT_TRUE(IsUtf8Exactly("some text before " + std::string(text) + " and after")) << text;
  }
  for (const char* text : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF",
                           "\xE2\x82", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF0\x9D\x84",
                           "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE"}) {
    EXPECT_FALSE(IsUtf8Exactly(text));
    EXPECT_FALSE(IsUtf8Exactly("some text before " + std::string(text) + " and after"));
    EXPECT_FALSE(IsUtf8Exactly("é" + std::string(text)));
  }
}

TEST(Utf8, WhatIsNotWellFormedIsReplacedByteByByte) {
  EXPECT_EQ(ToUtf8("aé𝄞"), "aé𝄞");
  EXPECT_EQ(ToUtf8("a\xFF\xC3z\xE2\x82"), "a\uFFFD\uFFFDz\uFFFD\uFFFD");
}

}  // namespace
}  // namespace forebay
