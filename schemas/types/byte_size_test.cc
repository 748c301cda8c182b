#include "schemas/types/byte_size.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

TEST(ByteSize, ParsesBothFamiliesOfUnitsAndBareBytes) {
  EXPECT_EQ(ParseByteSize("64MB").value(), 64'000'000);
  EXPECT_EQ(ParseByteSize("512KiB").value(), 524'288);
  EXPECT_EQ(ParseByteSize("1000").value(), 1'000);
  EXPECT_EQ(ParseByteSize("0").value(), 0);
}

TEST(ByteSize, FormatsWhatItParsesBack) {
  for (int64_t bytes : {0L, 1L, 1'001L, 64'000'000L, 1'000'000'000L, 524'288L, 1L << 40}) {
    EXPECT_EQ(ParseByteSize(FormatByteSize(bytes)).value(), bytes) << FormatByteSize(bytes);
  }
  EXPECT_EQ(FormatByteSize(64'000'000), "64MB");
  EXPECT_EQ(FormatByteSize(524'288), "512KiB");
}

TEST(ByteSize, RejectsWhatIsNotASize) {
  for (const char* text : {"", "MB", "-1MB", "1.5GB", "64 MB", "64mb", "64M", "9999999999TB"}) {
    EXPECT_FALSE(ParseByteSize(text).ok()) << text;
  }
}

}  // namespace
}  // namespace forebay
