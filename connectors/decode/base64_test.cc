#include "connectors/decode/base64.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/escaping.h"

namespace forebay {
namespace {

TEST(Base64, ReadsWhatAbseilWritesWithAndWithoutPadding) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2'000; ++i) {
    std::string bytes, out;
    for (size_t n = random() % 20; n > 0; --n) bytes += static_cast<char>(random());
    std::string text = absl::Base64Escape(bytes);
    ASSERT_TRUE(DecodeBase64(text, &out));
    EXPECT_EQ(out, bytes);
    while (text.ends_with('=')) text.pop_back();
    ASSERT_TRUE(DecodeBase64(text, &out));
    EXPECT_EQ(out, bytes);
  }
}

TEST(Base64, RefusesAllElse) {
  std::string out;
  for (const char* text : {"A", "AAAAA", "AA=", "A===", "====", "AA=A", "AAA*", "AA A", "AA\nAA",
                           "-_-_", "\xff\xff\xff\xff"}) {
    EXPECT_FALSE(DecodeBase64(text, &out)) << text;
  }
}

}  // namespace
}  // namespace forebay
