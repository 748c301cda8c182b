#include "schemas/types/shown_bytes.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

using std::string_view_literals::operator""sv;

TEST(ShownBytes, ReadableTextIsAsItIs) {
  EXPECT_EQ(ShownBytes(""), "''");
  EXPECT_EQ(ShownBytes(R"({"user": "é"})"), R"('{"user": "é"}')");
}

TEST(ShownBytes, OtherBytesAreEscapedInOneLine) {
  EXPECT_EQ(ShownBytes("a\0\n\x7f'\\"sv), R"('a\x00\n\x7f\'\\')");
  EXPECT_EQ(ShownBytes("\xFFé\xC3"), R"('\xffé\xc3')");
}

TEST(ShownBytes, LongOnesAreCut) {
  EXPECT_EQ(ShownBytes("0123456789", 10), "'0123456789'");
  EXPECT_EQ(ShownBytes("0123456789", 4), "'0123...'");
}

}  // namespace
}  // namespace forebay
